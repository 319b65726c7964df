"""Which payouts are to be carried out no more."""

from collections.abc import Sequence

from fenxiao.infra.db.sql import Reader


async def ended_by_hand(reader: Reader, withdrawal_ids: Sequence[int]) -> list[str]:
    """The payouts by bank of these withdrawals that were paid or rejected."""
    rows = await reader.fetch(
        "select p.payout_number from payout p join withdrawal w using (withdrawal_id)"
        " join payout_account a using (account_id) where p.withdrawal_id = any($1::bigint[])"
        " and a.channel = 'bank' and p.outcome in ('paid', 'rejected') order by p.payout_number",
        sorted(set(withdrawal_ids)),
    )
    return [row["payout_number"] for row in rows]
