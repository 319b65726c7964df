"""Errors as answers: RFC 9457 `application/problem+json`, in the reader's language.

Whatever goes wrong becomes a `Refusal` first and is rendered here, so every error of the API has one shape:
`type`, `title`, `status`, `detail`, `instance`, `code` (stable, for machines), `errors` [{`field`, `message`}].
A parameter `retry_after` (seconds) of a refusal with status 429 or 503 is answered as `Retry-After`.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.responses import Response

from fenxiao.infra import i18n
from fenxiao.infra.context import current
from fenxiao.kernel.errors import Refusal
from fenxiao.kernel.i18n import Language

MEDIA_TYPE = "application/problem+json"
RETRY_STATUSES = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)


class MalformedBody(Refusal):
    """The body is not JSON that has one meaning."""

    code = "malformed-body"
    status = 400


class MalformedRequest(Refusal):
    """The request could not be read."""

    code = "malformed-request"
    status = 400


class BodyTooLarge(Refusal):
    """The body is larger than the {limit} bytes that this address takes; send it in parts."""

    code = "body-too-large"
    status = 413


class NotJson(Refusal):
    """The body must be JSON; send it with the header Content-Type: application/json."""

    code = "not-json"
    status = 415


class NoSuchPath(Refusal):
    """There is nothing at this address; /docs lists what there is."""

    code = "no-such-path"
    status = 404


class MethodNotAllowed(Refusal):
    """The address does not take {method}; it takes {allowed}."""

    code = "method-not-allowed"
    status = 405


class InternalError(Refusal):
    """Something went wrong on our side and was recorded; quote the request id {request_id} when you report it."""

    code = "internal-error"
    status = 500


def document(refusal: Refusal, *, instance: str, language: Language) -> dict[str, Any]:
    """The problem's members. `type` is relative to the API's own address, where `GET /problems/<code>` explains it."""
    members: dict[str, Any] = {
        "type": f"/problems/{refusal.code}",
        "title": i18n.title(refusal, language),
        "status": refusal.status,
        "detail": i18n.detail(refusal, language),
        "instance": instance,
        "code": refusal.code,
    }
    if refusal.errors:
        members["errors"] = [
            {"field": error.field, "message": i18n.field_message(error, language)} for error in refusal.errors
        ]
    return members


def headers(refusal: Refusal, *, language: Language) -> dict[str, str]:
    """The headers that belong to the problem, without its length."""
    answer = {"content-type": MEDIA_TYPE, "content-language": i18n.TAGS[language], "vary": "Accept-Language"}
    if refusal.status == HTTPStatus.UNAUTHORIZED:
        answer["www-authenticate"] = "Bearer"
    if refusal.status in RETRY_STATUSES:
        answer["retry-after"] = str(refusal.params.get("retry_after", 1))
    return answer


def respond(refusal: Refusal, *, instance: str, extra: Mapping[str, str] | None = None) -> Response:
    """The refusal as a response in the language of the current request; also for routes that are plain ASGI."""
    language = current().language
    return Response(
        msgspec.json.encode(document(refusal, instance=instance, language=language)),
        status_code=refusal.status,
        headers={**headers(refusal, language=language), **(extra or {})},
    )


def described(code: str, kinds: Mapping[str, type[Refusal]], language: Language) -> dict[str, Any] | None:
    """What `GET /problems/<code>` answers: title, status and message of a kind of problem; None if there is none."""
    kind = kinds.get(code)
    if kind is None:
        return None
    return {
        "type": f"/problems/{code}",
        "code": code,
        "status": kind.status,
        "title": i18n.title(kind, language),
        "detail": i18n.translate(kind.template(), language),
    }


PROBLEM_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457 problem details; `code` is stable and made for machines.",
    "required": ["type", "title", "status", "detail", "instance", "code"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "code": {"type": "string", "examples": ["out-of-stock"]},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}
"""The schema of every error in the OpenAPI document."""
