"""Payouts over HTTP, for operators."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query

from fenxiao.infra.http.auth import Principal, require
from fenxiao.infra.http.fields import Answer, Items, items
from fenxiao.infra.http.headers import Cursor, Limit
from fenxiao.infra.http.routing import router as new_router
from fenxiao.kernel.money import from_minor
from fenxiao.kernel.paging import DEFAULT_LIMIT
from fenxiao.payments.domain.transfers import ChannelName, Kind, Status, Word
from fenxiao.payments.queries.transfers import Transfer, TransferFilter
from fenxiao.payments.service.showing import Showing

READ = "payouts:read"
OPERATE = "payouts:operate"

Reader = Annotated[Principal, require(READ)]
Operator = Annotated[Principal, require(OPERATE)]


class PayoutAnswer(Answer):
    """打款: one transfer. `reference` is the channel's number, `next_at` when the channel is called next."""

    payout_number: str
    channel: ChannelName
    status: Status
    currency: str
    amount: str
    reference: str | None
    reason: str | None
    contradicted: bool
    batch_id: int | None
    version: int
    next_at: datetime | None
    created_at: datetime
    ended_at: datetime | None


class WordAnswer(Answer):
    """One call to the channel, or one of its words; `code` is the channel's own, `contradiction` against what it said."""

    at: datetime
    kind: Kind
    word: Word
    code: str | None
    reason: str | None
    reference: str | None
    milliseconds: int | None
    contradiction: str | None


class PayoutDetail(PayoutAnswer):
    """A payout with its history. `confirmation` is what the payee's app needs while the payee is asked to confirm."""

    confirmation: str | None
    attempts: tuple[WordAnswer, ...]


def router(showing: Showing) -> APIRouter:
    """Reading payouts."""
    routes = new_router(prefix="/api/payouts", tags=["payouts"])

    @routes.get("")
    async def list_payouts(
        _: Reader,
        *,
        channel: ChannelName | None = None,
        status: Status | None = None,
        contradicted: Annotated[
            bool, Query(description="Only those of which the channel said two things.")
        ] = False,
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
    ) -> Items[PayoutAnswer]:
        """Payouts, the newest first."""
        wanted = TransferFilter(channel=channel, status=status, contradicted=contradicted)
        page = await showing.page(wanted, limit=limit, cursor=cursor)
        return items(page, [PayoutAnswer(**_fields(one)) for one in page.items])

    @routes.get("/{payout_number}")
    async def get_payout(_: Reader, payout_number: Annotated[str, Path(max_length=32)]) -> PayoutDetail:
        """One payout with every call to the channel and every word of it."""
        found, attempts, confirmation = await showing.find(payout_number)
        words = tuple(
            WordAnswer(**{name: getattr(one, name) for name in WordAnswer.model_fields}) for one in attempts
        )
        return PayoutDetail(**_fields(found), confirmation=confirmation, attempts=words)

    return routes


def _fields(one: Transfer) -> dict[str, Any]:
    same = (
        "payout_number",
        "channel",
        "status",
        "currency",
        "reference",
        "reason",
        "contradicted",
        "batch_id",
    )
    return {
        **{name: getattr(one, name) for name in (*same, "version", "created_at", "ended_at")},
        "amount": from_minor(one.amount_minor, one.currency),
        "next_at": one.due_at,
    }
