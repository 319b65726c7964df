"""Balances locked, postings written, and the balances moved by them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from fenxiao.commission.domain.posting import BalanceKey, Change, Posting, changes
from fenxiao.infra.db import arrays
from fenxiao.infra.db.transaction import Transaction

ROWS = 400
"""Rows per statement: to put more of them into one would hold up the event loop."""


async def lock(tx: Transaction, keys: Collection[BalanceKey]) -> dict[BalanceKey, int]:
    """Lock these balances until the transaction ends, opening those that are new; answers what is available in each."""
    asked = sorted(keys)
    distributors = arrays.numbers([key[0] for key in asked])
    currencies = arrays.texts([key[1] for key in asked])
    await tx.execute(
        "insert into balance (distributor_id, currency, pending_minor, available_minor, withdrawing_minor, paid_minor)"
        " select d, c, 0, 0, 0, 0 from unnest($1::text::bigint[], $2::text::text[]) as k (d, c)"
        " where not exists (select from balance b where b.distributor_id = d and b.currency = c)"
        " order by d, c on conflict do nothing",
        distributors,
        currencies,
    )
    # A statement of its own: its snapshot must be taken after the rows of others have become visible.
    rows = await tx.fetch(
        "select b.distributor_id, b.currency, b.available_minor"
        " from unnest($1::text::bigint[], $2::text::text[]) as k (d, c) join balance b on b.distributor_id = d and b.currency = c"
        " order by b.distributor_id, b.currency for update of b",
        distributors,
        currencies,
    )
    return {(row["distributor_id"], row["currency"]): row["available_minor"] for row in rows}


async def post(tx: Transaction, postings: Sequence[Posting], *, now: datetime) -> None:
    """Write the postings and move the balances that they touch, which must be locked."""
    for start in range(0, len(postings), ROWS):
        await _write(tx, postings[start : start + ROWS], now)
    await _move(tx, postings, now)


async def mature(tx: Transaction, pending: Iterable[tuple[BalanceKey, datetime | None]]) -> None:
    """Note of entries that are pending when they mature; the balances are locked. `accrue` does so by itself."""
    first: dict[BalanceKey, datetime] = {}
    for key, release_at in pending:
        if release_at is not None:
            first[key] = min(release_at, first.get(key, release_at))
    if first:
        await tx.execute(
            "update balance b set matures_at = m.at"
            " from unnest($1::text::bigint[], $2::text::text[], $3::text::timestamptz[]) as m (d, c, at)"
            " where b.distributor_id = m.d and b.currency = m.c and (b.matures_at is null or b.matures_at > m.at)",
            arrays.numbers([key[0] for key in first]),
            arrays.texts([key[1] for key in first]),
            arrays.times(list(first.values())),
        )


async def _write(tx: Transaction, postings: Sequence[Posting], now: datetime) -> None:
    await tx.execute(
        "insert into posting (event, debit, credit, distributor_id, currency, amount_minor, commission_id, settlement_id,"
        " at, payout_id, reward_id, recorded_at)"
        " select *, $12::timestamptz from unnest($1::text::text[], $2::text::text[], $3::text::text[],"
        " $4::text::bigint[], $5::text::text[], $6::text::bigint[], $7::text::bigint[], $8::text::bigint[],"
        " $9::text::timestamptz[], $10::text::bigint[], $11::text::bigint[])",
        arrays.texts([posting.event for posting in postings]),
        arrays.texts([posting.debit for posting in postings]),
        arrays.texts([posting.credit for posting in postings]),
        arrays.numbers([posting.distributor_id for posting in postings]),
        arrays.texts([posting.currency for posting in postings]),
        arrays.numbers([posting.amount_minor for posting in postings]),
        arrays.numbers([posting.commission_id for posting in postings]),
        arrays.numbers([posting.settlement_id for posting in postings]),
        arrays.times([posting.at for posting in postings]),
        arrays.numbers([posting.payout_id for posting in postings]),
        arrays.numbers([posting.reward_id for posting in postings]),
        now,
    )


async def _move(tx: Transaction, postings: Sequence[Posting], now: datetime) -> None:
    moved = changes(postings)
    # What orders accrue is pending: the many of them take the shorter way.
    if all(change.is_pending_only for change in moved.values()):
        await tx.execute(
            "update balance b set pending_minor = b.pending_minor + m.pending"
            " from unnest($1::text::bigint[], $2::text::text[], $3::text::bigint[]) as m (d, c, pending)"
            " where b.distributor_id = m.d and b.currency = m.c",
            arrays.numbers([key[0] for key in moved]),
            arrays.texts([key[1] for key in moved]),
            arrays.numbers([change.pending_minor for change in moved.values()]),
        )
    else:
        await _move_all(tx, moved, now)


async def _move_all(tx: Transaction, moved: Mapping[BalanceKey, Change], now: datetime) -> None:
    """Move all accounts, and note by how much that makes a debt greater or smaller."""
    await tx.execute(
        "with after as ("
        " update balance b set pending_minor = b.pending_minor + m.pending,"
        " available_minor = b.available_minor + m.available, withdrawing_minor = b.withdrawing_minor + m.withdrawing,"
        " paid_minor = b.paid_minor + m.paid"
        " from unnest($1::text::bigint[], $2::text::text[], $3::text::bigint[], $4::text::bigint[],"
        " $5::text::bigint[], $6::text::bigint[]) as m (d, c, pending, available, withdrawing, paid)"
        " where b.distributor_id = m.d and b.currency = m.c"
        " returning b.distributor_id, b.currency, b.available_minor, m.available"
        ") insert into debt_change (distributor_id, currency, change_minor, recorded_at)"
        " select distributor_id, currency, greatest(-available_minor, 0) - greatest(available - available_minor, 0), $7"
        " from after where greatest(-available_minor, 0) <> greatest(available - available_minor, 0)",
        arrays.numbers([key[0] for key in moved]),
        arrays.texts([key[1] for key in moved]),
        arrays.numbers([change.pending_minor for change in moved.values()]),
        arrays.numbers([change.available_minor for change in moved.values()]),
        arrays.numbers([change.withdrawing_minor for change in moved.values()]),
        arrays.numbers([change.paid_minor for change in moved.values()]),
        now,
    )
