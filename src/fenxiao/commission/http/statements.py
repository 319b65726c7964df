"""Statements of settlements."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response

from fenxiao.commission.http import access
from fenxiao.commission.http.files import FILES, PAPERS, Accept, streamed, varies, wanted_file, wants_paper
from fenxiao.commission.http.ledger import PostingAnswer, posting_answer
from fenxiao.commission.queries.statements import Statement
from fenxiao.commission.service.papers.statement import Papers
from fenxiao.commission.service.settlement import SettlementMissing, Settlements
from fenxiao.commission.service.statements import Detail, StatementMissing, Statements, whole_change
from fenxiao.infra.context import current
from fenxiao.infra.http.auth import Caller, Principal
from fenxiao.infra.http.fields import Answer, Id, Items, items
from fenxiao.infra.http.headers import Cursor, Limit
from fenxiao.infra.http.routing import router as new_router
from fenxiao.kernel.errors import Forbidden
from fenxiao.kernel.ids import SettlementId
from fenxiao.kernel.money import from_minor
from fenxiao.kernel.paging import DEFAULT_LIMIT


class StatementHead(Answer):
    """结算单: what one settlement released to one distributor in one currency.

    `opening` and `closing` are what was available before and after; `entries` counts entries and rewards.
    """

    statement_id: str
    settlement_id: int
    distributor_id: int
    currency: str
    opening: str
    released: str
    closing: str
    entries: int
    cutoff: datetime
    created_at: datetime


class BalancesAnswer(Answer):
    """What lies in the three accounts of a distributor, and in all of them."""

    pending: str
    available: str
    withdrawing: str
    total: str


class FiguresAnswer(Answer):
    """Sums of the ledger from the statement before to this one.

    `opening.total` + `accruals` + `rewards` - `clawbacks` - `paid` - `fee` - `tax` = `closing.total`. `released` went
    from pending to available, `requested` was set aside for withdrawals, of which `returned` came back.
    """

    opening: BalancesAnswer
    accruals: str
    rewards: str
    clawbacks: str
    released: str
    requested: str
    returned: str
    paid: str
    fee: str
    tax: str
    closing: BalancesAnswer


class StatementAnswer(StatementHead):
    """A statement with its figures, and a page of the postings that they are the sums of."""

    figures: FiguresAnswer
    items: Sequence[PostingAnswer]
    next_cursor: str | None


def router(settlements: Settlements, statements: Statements, papers: Papers) -> APIRouter:
    """The statements of a settlement, of a distributor, and one of them."""
    routes = new_router(tags=["commission"])

    @routes.get("/api/settlements/{settlement_id}/statements", responses=FILES)
    async def statements_of_settlement(
        who: Caller,
        settlement_id: Id,
        response: Response,
        *,
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
        accept: Accept = "*/*",
    ) -> Items[StatementHead]:
        """The statements that a settlement wrote: a page as JSON, all as CSV or Excel; a distributor sees his own."""
        await settlements.find(SettlementId(settlement_id))
        owner = _own(who)
        kind = wanted_file(accept)
        if kind is not None:
            parts = await statements.list_written(settlement_id, owner, kind)
            return streamed(parts, kind, f"settlement-{settlement_id}")  # type: ignore[no-any-return]
        varies(response)
        page = await statements.of_settlement(settlement_id, owner, limit=limit, cursor=cursor)
        if owner is not None and not page.items and cursor is None:
            raise SettlementMissing(settlement_id=settlement_id)
        return items(page, [StatementHead(**_head(one)) for one in page.items])

    @routes.get("/api/statements")
    async def statements_of_distributor(
        who: Caller,
        distributor_id: Annotated[Id, Query(description="Whose.")],
        *,
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
    ) -> Items[StatementHead]:
        """The statements of a distributor, the newest first."""
        access.demand(who, distributor_id)
        page = await statements.of_distributor(distributor_id, limit=limit, cursor=cursor)
        return items(page, [StatementHead(**_head(one)) for one in page.items])

    @routes.get("/api/statements/{statement_id}", responses=PAPERS)
    async def statement(
        who: Caller,
        statement_id: Annotated[str, Path(max_length=60)],
        response: Response,
        *,
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
        accept: Accept = "*/*",
    ) -> StatementAnswer:
        """A statement with its figures and a page of its postings; all of them as CSV, or with the figures as Excel or PDF."""
        found = await statements.find(statement_id)
        if not access.sees(who, found.distributor_id):
            raise StatementMissing(statement_id=statement_id)
        detail = await statements.detail(found)
        if wants_paper(accept):
            parts = await papers.written(detail, current().language)
            return streamed(parts, "pdf", f"statement-{statement_id}")  # type: ignore[no-any-return]
        kind = wanted_file(accept)
        if kind is not None:
            parts = await statements.written(detail, kind, current().language)
            return streamed(parts, kind, f"statement-{statement_id}")  # type: ignore[no-any-return]
        varies(response)
        page = await statements.lines(detail, limit=limit, cursor=cursor)
        return StatementAnswer(
            **_head(found),
            figures=_figures(detail),
            items=[posting_answer(one, whole_change(one)) for one in page.items],
            next_cursor=page.next_cursor,
        )

    return routes


def _own(who: Principal) -> int | None:
    """Whose statements the caller sees of a settlement: everybody's (None) or his own."""
    if access.sees_all(who) or who.may(access.SETTLE):
        return None
    if who.distributor_id is None:
        raise Forbidden(permission=access.READ)
    return who.distributor_id


def _head(one: Statement) -> dict[str, Any]:
    return {
        "statement_id": one.statement_id,
        "settlement_id": one.settlement_id,
        "distributor_id": one.distributor_id,
        "currency": one.currency,
        "opening": from_minor(one.opening_minor, one.currency),
        "released": from_minor(one.released_minor, one.currency),
        "closing": from_minor(one.closing_minor, one.currency),
        "entries": one.entries,
        "cutoff": one.cutoff,
        "created_at": one.created_at,
    }


def _figures(detail: Detail) -> FiguresAnswer:
    found, currency = detail.figures, detail.statement.currency

    def lying(amounts: tuple[int, int, int]) -> BalancesAnswer:
        pending, available, withdrawing = (from_minor(one, currency) for one in amounts)
        return BalancesAnswer(
            pending=pending,
            available=available,
            withdrawing=withdrawing,
            total=from_minor(sum(amounts), currency),
        )

    moved = ("accruals", "rewards", "clawbacks", "released", "requested", "returned", "paid", "fee", "tax")
    return FiguresAnswer(
        opening=lying(found.opening),
        closing=lying(found.closing),
        **{name: from_minor(getattr(found, name), currency) for name in moved},
    )
