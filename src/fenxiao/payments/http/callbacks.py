"""Where channels call: no login, their signature is who they are."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from fenxiao.infra.http.routing import router as new_router
from fenxiao.payments.service.callbacks import Callbacks


def router(callbacks: Callbacks) -> APIRouter:
    """The address of the callbacks."""
    routes = new_router(prefix="/api/payments/callbacks", tags=["payouts"], strict_query=False)

    @routes.post("/{channel}", response_class=Response)
    async def take_callback(channel: Annotated[str, Path(max_length=20)], request: Request) -> Response:
        """What a channel says of a payout, signed as that channel signs; 401 if it is not."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        thanks = await callbacks.take(channel, headers, await request.body())
        return Response(thanks.body, media_type=thanks.media_type)

    return routes
