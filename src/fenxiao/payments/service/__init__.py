"""Use cases of payments; `Payments` is its near api."""

from collections.abc import Mapping, Sequence

from fenxiao.infra.crypto import Cipher
from fenxiao.infra.db.database import Database
from fenxiao.kernel.errors import Refusal
from fenxiao.payments.api import TransferRequest, TransferState
from fenxiao.payments.channels.channel import Channel
from fenxiao.payments.service.batches import Batches
from fenxiao.payments.service.callbacks import Callbacks
from fenxiao.payments.service.hearing import Hearing
from fenxiao.payments.service.proof import Proof
from fenxiao.payments.service.reconciliations import Reconciliations
from fenxiao.payments.service.sending import Sending
from fenxiao.payments.service.showing import Showing
from fenxiao.payments.service.taking import Taking
from fenxiao.payments.service.trimming import Trimming


class Payments:
    """支付渠道: transfers of this process."""

    def __init__(self, db: Database, cipher: Cipher, channels: Mapping[str, Channel]) -> None:
        hearing = Hearing(db, cipher, channels)
        self.taking = Taking(db, cipher, channels)
        self.sending = Sending(db, cipher, channels, hearing)
        self.callbacks = Callbacks(channels, hearing)
        self.batches = Batches(db, cipher, hearing)
        self.reconciliations = Reconciliations(db, channels)
        self.showing = Showing(db, cipher)
        self.trimming = Trimming(db)
        self.proof = Proof(db, channels)

    async def transfer(self, *, requests: Sequence[TransferRequest]) -> list[TransferState | Refusal]:
        """See `PaymentsApi`."""
        return await self.taking.transfer(requests)

    async def cancel(self, *, numbers: Sequence[str]) -> list[TransferState | Refusal]:
        """See `PaymentsApi`."""
        return await self.taking.cancel(numbers)

    async def transfers(self, *, numbers: Sequence[str]) -> list[TransferState]:
        """See `PaymentsApi`."""
        return await self.taking.transfers(numbers)
