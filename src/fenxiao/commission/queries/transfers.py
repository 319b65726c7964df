"""Which payouts are to be carried out, and which no more."""

from collections.abc import Sequence

from fenxiao.infra.db.sql import Reader


async def open_numbers(reader: Reader, numbers: Sequence[str]) -> set[str]:
    """Those of these payouts that have not ended."""
    rows = await reader.fetch(
        "select payout_number from payout where payout_number = any($1::text[])"
        " and coalesce(outcome, '') not in ('paid', 'failed', 'rejected')",
        list(numbers),
    )
    return {row["payout_number"] for row in rows}


async def ended_by_hand(reader: Reader, withdrawal_ids: Sequence[int]) -> list[str]:
    """The payouts by bank of these withdrawals that were paid or rejected."""
    rows = await reader.fetch(
        "select p.payout_number from payout p join withdrawal w using (withdrawal_id)"
        " join payout_account a using (account_id) where p.withdrawal_id = any($1::bigint[])"
        " and a.channel = 'bank' and p.outcome in ('paid', 'rejected') order by p.payout_number",
        sorted(set(withdrawal_ids)),
    )
    return [row["payout_number"] for row in rows]
