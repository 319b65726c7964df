"""Withdrawals as wholes: locked, and written with their payouts, history and contradictions."""

from collections.abc import Sequence
from datetime import datetime

from fenxiao.commission.domain.withdrawals import Contradiction, Payout, Withdrawal
from fenxiao.infra.db import arrays
from fenxiao.infra.db.sql import Record
from fenxiao.infra.db.transaction import Transaction

_PAYOUT = (
    "p.payout_id, p.payout_number, p.attempt, p.fee_minor, p.tax_minor, p.tax_month, p.tax_table_id, p.outcome,"
    " p.outcome_sequence, p.reference_sealed, p.handed, p.ended_at"
)


async def locked(tx: Transaction, withdrawal_ids: Sequence[int]) -> dict[int, Withdrawal]:
    """These withdrawals with their present payouts, locked in the order of their ids until the transaction ends."""
    ids = sorted(set(withdrawal_ids))
    await tx.execute(
        "select from withdrawal where withdrawal_id = any($1::bigint[]) order by withdrawal_id for update",
        ids,
    )
    # A statement of its own: its snapshot must be taken after what others have done became visible.
    rows = await tx.fetch(
        "select w.withdrawal_id, w.distributor_id, w.currency, w.amount_minor, w.account_id, a.channel, w.policy_id,"
        f" w.status, w.version, w.requested_by, w.approved_by, w.approved_at, w.automatic, {_PAYOUT}"
        " from withdrawal w join payout_account a using (account_id)"
        " join payout p on p.withdrawal_id = w.withdrawal_id and p.attempt = w.attempt"
        " where w.withdrawal_id = any($1::bigint[])",
        ids,
    )
    return {row["withdrawal_id"]: _withdrawal(row) for row in rows}


async def locked_by_payouts(
    tx: Transaction, numbers: Sequence[str]
) -> tuple[dict[int, Withdrawal], dict[str, tuple[int, Payout]]]:
    """The withdrawals of these payouts, locked; and by number each payout with the id of its withdrawal.

    The present payout of a withdrawal is the same object in both.
    """
    rows = await tx.fetch(
        "select distinct withdrawal_id from payout where payout_number = any($1::text[])", list(numbers)
    )
    held = await locked(tx, [row["withdrawal_id"] for row in rows])
    rows = await tx.fetch(
        f"select p.withdrawal_id, {_PAYOUT} from payout p where p.payout_number = any($1::text[])",
        list(numbers),
    )
    payouts: dict[str, tuple[int, Payout]] = {}
    for row in rows:
        whole = held[row["withdrawal_id"]]
        present = whole.payout.payout_id == row["payout_id"]
        payouts[row["payout_number"]] = (row["withdrawal_id"], whole.payout if present else _payout(row))
    return held, payouts


async def hand_over(tx: Transaction, numbers: Sequence[str]) -> set[str]:
    """Mark those of these payouts that have not ended as handed over; answers them, again if they were before.

    Under the locks of their withdrawals: whoever ends one by hand sees the mark, or is seen.
    """
    rows = await tx.fetch(
        "select distinct withdrawal_id from payout where payout_number = any($1::text[])", list(numbers)
    )
    await tx.execute(
        "select from withdrawal where withdrawal_id = any($1::bigint[]) order by withdrawal_id for update",
        sorted(row["withdrawal_id"] for row in rows),
    )
    open_ = await tx.fetch(
        "update payout set handed = true where payout_number = any($1::text[])"
        " and coalesce(outcome, '') not in ('paid', 'failed', 'rejected') returning payout_number",
        list(numbers),
    )
    return {row["payout_number"] for row in open_}


async def next_ids(tx: Transaction) -> tuple[int, int]:
    """The ids of a withdrawal and of a payout that are about to be written."""
    row = await tx.fetchrow(
        "select nextval('withdrawal_withdrawal_id_seq') as w, nextval('payout_payout_id_seq') as p"
    )
    assert row is not None  # noqa: S101 - a select without a table has one row
    return row["w"], row["p"]


async def insert(tx: Transaction, one: Withdrawal, risks: Sequence[object], now: datetime) -> None:
    """A new withdrawal; its payout and history come with `save`."""
    await tx.execute(
        "insert into withdrawal (withdrawal_id, distributor_id, currency, amount_minor, account_id, policy_id, status,"
        " version, attempt, risks, requested_by, requested_at)"
        " values ($1, $2, $3, $4, $5, $6, 'requested', 1, 1, $7, $8, $9)",
        one.withdrawal_id,
        one.distributor_id,
        one.currency,
        one.amount_minor,
        one.account_id,
        one.policy_id,
        list(risks),
        one.requested_by,
        now,
    )


async def save(tx: Transaction, held: Sequence[Withdrawal], now: datetime) -> list[Contradiction]:
    """Write what was done to these withdrawals; answers the contradictions that were not known before."""
    changed = [one for one in held if one.steps]
    if changed:
        await _begin(tx, changed, now)
        await _withdrawals(tx, changed)
        await _payouts(tx, [one.payout for one in changed])
        await _history(tx, changed)
        await _tax(tx, [one for one in changed if one.payout.outcome == "paid"])
    return await _contradictions(tx, held, now)


async def _begin(tx: Transaction, changed: Sequence[Withdrawal], now: datetime) -> None:
    begun = [(one.withdrawal_id, payout) for one in changed for payout in one.begun]
    if begun:
        await tx.execute(
            "insert into payout (payout_id, payout_number, withdrawal_id, attempt, fee_minor, tax_minor, created_at)"
            " select *, $7::timestamptz from unnest($1::text::bigint[], $2::text::text[], $3::text::bigint[],"
            " $4::text::int[], $5::text::bigint[], $6::text::bigint[])",
            arrays.numbers([payout.payout_id for _, payout in begun]),
            arrays.texts([payout.payout_number for _, payout in begun]),
            arrays.numbers([withdrawal_id for withdrawal_id, _ in begun]),
            arrays.numbers([payout.attempt for _, payout in begun]),
            arrays.numbers([payout.fee_minor for _, payout in begun]),
            arrays.numbers([payout.tax_minor for _, payout in begun]),
            now,
        )


async def _withdrawals(tx: Transaction, changed: Sequence[Withdrawal]) -> None:
    await tx.execute(
        "update withdrawal w set status = c.status, version = c.version, attempt = c.attempt,"
        " approved_by = c.approved_by, approved_at = c.approved_at, automatic = c.automatic"
        " from unnest($1::text::bigint[], $2::text::text[], $3::text::int[], $4::text::int[], $5::text::text[],"
        " $6::text::timestamptz[], $7::text::boolean[])"
        " as c (id, status, version, attempt, approved_by, approved_at, automatic) where w.withdrawal_id = c.id",
        arrays.numbers([one.withdrawal_id for one in changed]),
        arrays.texts([one.status for one in changed]),
        arrays.numbers([one.version for one in changed]),
        arrays.numbers([one.payout.attempt for one in changed]),
        arrays.texts([one.approved_by for one in changed]),
        arrays.times([one.approved_at for one in changed]),
        arrays.truths([one.automatic for one in changed]),
    )


async def _payouts(tx: Transaction, payouts: Sequence[Payout]) -> None:
    await tx.execute(
        "update payout p set tax_minor = c.tax, tax_month = c.month, tax_table_id = c.table_id, outcome = c.outcome,"
        " outcome_sequence = c.sequence, reference_sealed = c.reference, ended_at = c.ended_at"
        " from unnest($1::text::bigint[], $2::text::bigint[], $3::text::date[], $4::text::bigint[], $5::text::text[],"
        " $6::text::bigint[], $7::text::bytea[], $8::text::timestamptz[])"
        " as c (id, tax, month, table_id, outcome, sequence, reference, ended_at) where p.payout_id = c.id",
        arrays.numbers([one.payout_id for one in payouts]),
        arrays.numbers([one.tax_minor for one in payouts]),
        arrays.texts([None if one.tax_month is None else one.tax_month.isoformat() for one in payouts]),
        arrays.numbers([one.tax_table_id for one in payouts]),
        arrays.texts([one.outcome for one in payouts]),
        arrays.numbers([one.outcome_sequence for one in payouts]),
        arrays.octets([one.reference_sealed for one in payouts]),
        arrays.times([one.ended_at for one in payouts]),
    )


async def _history(tx: Transaction, changed: Sequence[Withdrawal]) -> None:
    steps = [(one.withdrawal_id, step) for one in changed for step in one.steps]
    await tx.execute(
        "insert into withdrawal_history (withdrawal_id, version, from_status, to_status, attempt, at, actor, reason)"
        " select * from unnest($1::text::bigint[], $2::text::int[], $3::text::text[], $4::text::text[],"
        " $5::text::int[], $6::text::timestamptz[], $7::text::text[], $8::text::text[])",
        arrays.numbers([withdrawal_id for withdrawal_id, _ in steps]),
        arrays.numbers([step.version for _, step in steps]),
        arrays.texts([step.from_status for _, step in steps]),
        arrays.texts([step.to_status for _, step in steps]),
        arrays.numbers([step.attempt for _, step in steps]),
        arrays.times([step.at for _, step in steps]),
        arrays.texts([step.actor for _, step in steps]),
        arrays.texts([step.reason for _, step in steps]),
    )


async def _tax(tx: Transaction, paid: Sequence[Withdrawal]) -> None:
    """Add what has been paid now to the accounts of its months; a withdrawal is paid once, so it comes here once."""
    if paid:
        await tx.execute(
            "insert into tax_account as t (distributor_id, currency, month, gross_minor, tax_minor)"
            " select d, c, m, sum(gross)::bigint, sum(tax)::bigint from unnest($1::text::bigint[], $2::text::text[],"
            " $3::text::date[], $4::text::bigint[], $5::text::bigint[]) as p (d, c, m, gross, tax)"
            " group by d, c, m order by d, c, m on conflict (distributor_id, currency, month) do update"
            " set gross_minor = t.gross_minor + excluded.gross_minor, tax_minor = t.tax_minor + excluded.tax_minor",
            arrays.numbers([one.distributor_id for one in paid]),
            arrays.texts([one.currency for one in paid]),
            arrays.texts(
                [one.payout.tax_month.isoformat() if one.payout.tax_month else None for one in paid]
            ),
            arrays.numbers([one.amount_minor for one in paid]),
            arrays.numbers([one.payout.tax_minor for one in paid]),
        )


async def _contradictions(tx: Transaction, held: Sequence[Withdrawal], now: datetime) -> list[Contradiction]:
    found = {(one.payout_id, one.kind): one for whole in held for one in whole.contradictions}
    if not found:
        return []
    rows = await tx.fetch(
        "insert into payout_finding (payout_id, kind, reference_sealed, reason, at)"
        " select *, $5::timestamptz from unnest($1::text::bigint[], $2::text::text[], $3::text::bytea[],"
        " $4::text::text[]) order by 1, 2 on conflict (payout_id, kind) do nothing returning payout_id, kind",
        arrays.numbers([one.payout_id for one in found.values()]),
        arrays.texts([one.kind for one in found.values()]),
        arrays.octets([one.told.reference_sealed for one in found.values()]),
        arrays.texts([one.told.reason for one in found.values()]),
        now,
    )
    return [found[row["payout_id"], row["kind"]] for row in rows]


async def wipe(tx: Transaction, account_ids: Sequence[int]) -> int:
    """Empty those of these accounts whose person was erased and that no payout needs any more; how many."""
    rows = await tx.fetch(
        "update payout_account a set status = 'erased', holder_sealed = null, number_sealed = null,"
        " details_sealed = null, number_index = null"
        " where a.account_id = any($1::bigint[]) and a.erasing and a.status <> 'erased' and not exists ("
        " select from withdrawal w where w.account_id = a.account_id"
        " and w.status in ('requested', 'approved', 'processing', 'awaiting_user', 'unknown')) returning a.account_id",
        sorted(set(account_ids)),
    )
    return len(rows)


def _withdrawal(row: Record) -> Withdrawal:
    return Withdrawal(
        withdrawal_id=row["withdrawal_id"],
        distributor_id=row["distributor_id"],
        currency=row["currency"],
        amount_minor=row["amount_minor"],
        account_id=row["account_id"],
        channel=row["channel"],
        policy_id=row["policy_id"],
        status=row["status"],
        version=row["version"],
        requested_by=row["requested_by"],
        approved_by=row["approved_by"],
        approved_at=row["approved_at"],
        automatic=row["automatic"],
        payout=_payout(row),
    )


def _payout(row: Record) -> Payout:
    return Payout(
        payout_id=row["payout_id"],
        payout_number=row["payout_number"],
        attempt=row["attempt"],
        fee_minor=row["fee_minor"],
        tax_minor=row["tax_minor"],
        tax_month=row["tax_month"],
        tax_table_id=row["tax_table_id"],
        outcome=row["outcome"],
        outcome_sequence=row["outcome_sequence"],
        reference_sealed=row["reference_sealed"],
        handed=row["handed"],
        ended_at=row["ended_at"],
    )
