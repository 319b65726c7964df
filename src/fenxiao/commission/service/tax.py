"""Tax (个税): the tables of the law, what is withheld of a payout, and the quarter's report."""

from collections.abc import AsyncIterator, Collection, Mapping
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from fenxiao.commission.domain import tax
from fenxiao.commission.domain.posting import BalanceKey
from fenxiao.commission.domain.tax import Before, NotATable, Strategy
from fenxiao.commission.domain.withdrawal_policy import Policy
from fenxiao.commission.queries import tax as queries
from fenxiao.commission.queries.tax import Part, TaxRow, TaxTable
from fenxiao.commission.service import sheets
from fenxiao.commission.service.sheets import Format, Layout, Rows
from fenxiao.infra import context
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.idempotency import Once
from fenxiao.infra.db.sql import Reader
from fenxiao.kernel.errors import Conflict, FieldError, Invalid
from fenxiao.kernel.money import from_minor
from fenxiao.kernel.paging import Page

LAYOUT = Layout(
    heading=("quarter", "distributor_id", "currency", "gross", "refunds", "net", "tax"),
    amounts=frozenset(("gross", "refunds", "net", "tax")),
)
_ROWS = 1000
TABLE_FAULT = "This is no table of the strategy: {reason}."


class TaxTableMissing(Conflict):
    """No table of {strategy} is in effect on {day}; add one first."""

    code = "tax-table-missing"


class TaxTableKnown(Conflict):
    """There is a table of {strategy} from {day} on with this source already."""

    code = "tax-table-known"


class TaxTables:
    """Keeps the tables, and reports what was withheld by them."""

    def __init__(self, db: Database, timezone: ZoneInfo) -> None:
        self._db = db
        self._timezone = timezone

    async def provision(self) -> None:
        """The tables that a new installation begins with; again, it changes nothing."""
        for strategy, effective_from, source, document in tax.BUILT_IN:
            await self._db.fetch(
                "insert into tax_table (strategy, effective_from, source, document, actor, recorded_at)"
                " values ($1, $2, $3, $4, 'system', $5) on conflict do nothing",
                strategy,
                effective_from,
                source,
                document,
                self._db.clock(),
            )

    async def page(self, *, limit: int, cursor: str | None) -> Page[TaxTable]:
        """All tables, the one that was written last first."""
        return await queries.tables(self._db, limit=limit, cursor=cursor)

    async def add(
        self,
        *,
        strategy: Strategy,
        effective_from: date,
        source: str,
        document: Mapping[str, Any],
        once: Once | None,
    ) -> TaxTable:
        """Write a table; it counts for payouts approved from its first day on. `Invalid`, TaxTableKnown."""
        try:
            tax.parse(strategy, document)
        except NotATable as fault:
            raise Invalid(errors=(FieldError("document", TABLE_FAULT, {"reason": str(fault)}),)) from None
        async with self._db.begin(once=once) as tx:
            if tx.prior:
                return tx.prior.load(TaxTable)
            row = await tx.fetchrow(
                "insert into tax_table (strategy, effective_from, source, document, actor, recorded_at)"
                " values ($1, $2, $3, $4, $5, $6) on conflict do nothing returning *",
                strategy,
                effective_from,
                source,
                dict(document),
                context.current().actor,
                self._db.clock(),
            )
            if row is None:
                raise TaxTableKnown(strategy=strategy, day=effective_from.isoformat())
            table = TaxTable(**dict(row.items()))
            tx.audit("tax-table.added", f"tax-tables/{table.table_id}", after=msgspec.to_builtins(table))
            return tx.keep(table)

    async def report(
        self, *, year: int, quarter: int, distributor_id: int | None, limit: int, cursor: str | None
    ) -> Page[TaxRow]:
        """What each person was paid in a quarter of the server's time zone, what refunds took back, and the tax."""
        ahead = (year + quarter // 4, quarter % 4 * 3 + 1)
        return await queries.report(
            self._db,
            quarter=year * 10 + quarter,
            start=midnight(date(year, quarter * 3 - 2, 1), self._timezone),
            end=midnight(date(*ahead, 1), self._timezone),
            distributor_id=distributor_id,
            limit=limit,
            cursor=cursor,
        )

    async def written(
        self, kind: Format, *, year: int, quarter: int, distributor_id: int | None
    ) -> AsyncIterator[bytes]:
        """The parts of the whole report as a file; SheetFull before there is any."""
        return await sheets.written(kind, LAYOUT, self._pages(year, quarter, distributor_id))

    async def _pages(self, year: int, quarter: int, distributor_id: int | None) -> AsyncIterator[Rows]:
        cursor: str | None = None
        while True:
            page = await self.report(
                year=year, quarter=quarter, distributor_id=distributor_id, limit=_ROWS, cursor=cursor
            )
            yield [_cells(f"{year}-Q{quarter}", one) for one in page.items]
            cursor = page.next_cursor
            if cursor is None:
                return


def _cells(quarter: str, one: TaxRow) -> list[str | int]:
    amounts = (one.gross_minor, one.refunds_minor, one.net_minor, one.tax_minor)
    return [
        quarter,
        one.distributor_id,
        one.currency,
        *(from_minor(amount, one.currency) for amount in amounts),
    ]


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """When a day begins in a zone."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


class Withholding:
    """What is withheld of payouts that are approved in this moment; their balances must be locked.

    So nobody else approves for the same person meanwhile, and what is approved here counts for the next one.
    """

    def __init__(self, now: datetime, zone: ZoneInfo) -> None:
        self._day = now.astimezone(zone).date()
        self._zone = zone
        self._parts: dict[BalanceKey, list[Part]] = {}
        self._tables: dict[Strategy, TaxTable] = {}

    @property
    def month(self) -> date:
        """The month whose income these payouts are."""
        return tax.first_of_month(self._day)

    async def gather(
        self, reader: Reader, policies: Collection[Policy], keys: Collection[BalanceKey]
    ) -> None:
        """What these people have had this year, and the tables in effect, as far as any of the policies asks."""
        strategies = {policy.tax for policy in policies} & set(tax.TABLED)
        for strategy in sorted(strategies):
            table = await queries.table_at(reader, strategy, self._day)
            if table is not None:
                self._tables[strategy] = table
        if strategies:
            since = self._day.replace(month=1, day=1)
            begun = midnight(since, self._zone)
            self._parts = await queries.parts(
                reader, sorted(keys), since=since, since_at=begun, zone=self._zone.key
            )

    def of(self, policy: Policy, key: BalanceKey, amount_minor: int) -> tuple[int, int | None]:
        """The tax, and the table it rests on; TaxTableMissing."""
        if policy.tax not in tax.TABLED:
            return tax.withheld(
                policy.tax, amount_minor, rate=tax.rate_of(policy.tax_rate), before=tax.NOTHING, law=None
            ), None
        table = self._tables.get(policy.tax)
        if table is None:
            raise TaxTableMissing(strategy=policy.tax, day=self._day.isoformat())
        law = tax.parse(policy.tax, table.document)
        before = had(self._parts.get(key, ()), self.month)
        return tax.withheld(policy.tax, amount_minor, rate=None, before=before, law=law), table.table_id

    def approved(self, key: BalanceKey, amount_minor: int, tax_minor: int) -> None:
        """Count a payout that was approved for the next one."""
        part = Part(month=self.month, income_minor=amount_minor, tax_minor=tax_minor, earns=True)
        self._parts.setdefault(key, []).append(part)


def had(parts: Collection[Part], month: date) -> Before:
    """What a person has had before, of the parts of this year."""
    now = [part for part in parts if part.month == month]
    first = min((part.month for part in parts if part.earns), default=month)
    return Before(
        month_income_minor=sum(part.income_minor for part in now),
        month_tax_minor=sum(part.tax_minor for part in now),
        year_income_minor=sum(part.income_minor for part in parts),
        year_tax_minor=sum(part.tax_minor for part in parts),
        months=tax.months_through(first, month),
    )
