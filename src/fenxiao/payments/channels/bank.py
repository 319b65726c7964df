"""By bank: a file of payments goes to the bank by hand, and the bank's result comes back by hand."""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, cast

from fenxiao.kernel.money import from_minor
from fenxiao.payments.channels import csv_files
from fenxiao.payments.channels.channel import Thanks, Told
from fenxiao.payments.domain.differences import StatementLine
from fenxiao.payments.domain.refusals import CallbackUnreadable
from fenxiao.payments.domain.transfers import ChannelName, Order, Outcome, Word

HEADINGS = ("payout_number", "holder", "number", "bank", "branch", "currency", "amount")
STATUSES: Mapping[str, str] = {
    "paid": "paid",
    "failed": "failed",
    "processing": "processing",
    "成功": "paid",
    "失败": "failed",
    "处理中": "processing",
}
_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")


class Bank:
    """银行批量代付: submits nothing by itself; a batch takes what waits."""

    name: ChannelName = "bank"
    currencies: frozenset[str] | None = None
    resend_within = timedelta(0)
    thanks = Thanks()

    async def submit(self, order: Order) -> Outcome:  # noqa: ARG002 - as every channel
        """It waits for a batch."""
        return Outcome(word="later")

    async def ask(self, order: Order) -> Outcome:  # noqa: ARG002
        """Only the bank's file says what became of it."""
        return Outcome(word="unknown")

    async def read_callback(self, headers: Mapping[str, str], body: bytes) -> Sequence[Told]:  # noqa: ARG002
        """A bank does not call."""
        raise CallbackUnreadable(channel=self.name)

    def read_statement(self, content: bytes) -> list[StatementLine]:
        """The result file serves as the statement."""
        found = csv_files.rows(content, ("payout_number", "currency", "amount", "status"))
        return [_line(row) for row in found]

    def read_result(self, content: bytes) -> list[Told]:
        """What the bank made of a batch; a line without a status says nothing yet."""
        found = csv_files.rows(content, ("payout_number", "currency", "amount", "status"))
        lines = [_line(row) for row in found if row[1]["status"]]
        return [
            Told(
                payout_number=one.payout_number,
                outcome=Outcome(
                    word=cast("Word", one.status),
                    reason="refused-by-channel" if one.status == "failed" else None,
                    reference=one.reference,
                    amount_minor=one.amount_minor,
                    currency=one.currency,
                ),
            )
            for one in lines
        ]


def _line(row: csv_files.Row) -> StatementLine:
    currency = csv_files.currency(row, "currency")
    status: Any = csv_files.choice(row, "status", STATUSES)
    return StatementLine(
        line=row[0],
        payout_number=csv_files.number(row, "payout_number"),
        amount_minor=csv_files.amount(row, "amount", currency),
        currency=currency,
        status=status,
        reference=csv_files.reference(row, "reference"),
    )


def written(orders: Sequence[Order]) -> bytes:
    """The file for the bank: CSV in UTF-8 with a mark, so that spreadsheets read Chinese; the same for the same batch."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([*HEADINGS, "status", "reference"])
    for one in orders:
        cells = [one.payout_number, one.holder, one.number, one.bank or "", one.branch or "", one.currency]
        writer.writerow([*map(_plain, cells), from_minor(one.amount_minor, one.currency), "", ""])
    return out.getvalue().encode("utf-8-sig")


def _plain(cell: str) -> str:
    """The text as a cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if _FORMULA.match(cell) else cell
