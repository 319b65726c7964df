"""Notices over HTTP; their sentences are made here, in the reader's language."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query

from fenxiao.infra import i18n
from fenxiao.infra.context import current
from fenxiao.infra.http.auth import Principal, require
from fenxiao.infra.http.fields import Answer, Id, Items, items
from fenxiao.infra.http.headers import Cursor, Limit
from fenxiao.infra.http.routing import router as new_router
from fenxiao.kernel.paging import DEFAULT_LIMIT
from fenxiao.notifications.domain import notices as kinds
from fenxiao.notifications.queries.notices import Notice
from fenxiao.notifications.service.notices import Notices

Reader = Annotated[Principal, require("notices:read")]


class NoticeAnswer(Answer):
    """站内通知: `kind` and `params` for programs, `title` and `text` for people; `read_at` is the reader's own."""

    notice_id: int
    kind: str
    title: str
    text: str
    params: dict[str, Any]
    created_at: datetime
    read_at: datetime | None


class ReadAnswer(Answer):
    """How many notices had not been read."""

    read: int


def router(notices: Notices) -> APIRouter:
    """Reading notices."""
    routes = new_router(prefix="/api/notices", tags=["notices"])

    @routes.get("")
    async def list_notices(
        who: Reader,
        unread: Annotated[bool, Query(description="Only those that the reader has not read.")] = False,  # noqa: FBT002
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
    ) -> Items[NoticeAnswer]:
        """Notices, the newest first."""
        page = await notices.page(who.account_id, unread=unread, limit=limit, cursor=cursor)
        return items(page, [_answer(one) for one in page.items])

    @routes.post("/read")
    async def read_all_notices(who: Reader) -> ReadAnswer:
        """The reader has read all there are."""
        return ReadAnswer(read=await notices.read_all(who.account_id))

    @routes.post("/{notice_id}/read")
    async def read_notice(who: Reader, notice_id: Id) -> NoticeAnswer:
        """The reader has read this one."""
        return _answer(await notices.read(who.account_id, notice_id))

    return routes


def _answer(one: Notice) -> NoticeAnswer:
    language = current().language
    return NoticeAnswer(
        notice_id=one.notice_id,
        kind=one.kind,
        title=i18n.translate(kinds.TITLES[one.kind], language),
        text=i18n.render(kinds.template(one.kind, one.params), one.params, language),
        params=one.params,
        created_at=one.created_at,
        read_at=one.read_at,
    )
