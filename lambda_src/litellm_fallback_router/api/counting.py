"""`POST /v1/messages/count_tokens`, as Anthropic has it: how many tokens a request has, before it is sent.

The first candidate whose API has Anthropic's format counts. Where none has, or none can, or there is a guardrail, the
count is estimated, and marked as that.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from ..routing.execution import TokenCount
from ..routing.router import Router
from .body import read_object
from .caller import timeout_of, while_connected, with_caller
from .docs import described
from .formats.messages import FORMAT, translated_count
from .wire import in_header, reply

_COUNT: dict[str, Any] = {
    "type": "object",
    "required": ["input_tokens"],
    "properties": {
        "input_tokens": {"type": "integer"},
        "router": {"type": "object", "properties": {"estimated": {"const": True}}},
    },
}
_BODY: dict[str, Any] = {
    "type": "object",
    "required": ["model", "messages"],
    "description": "What `POST /v1/messages` takes, without what shapes an answer: `max_tokens` and so on.",
}
_TAKES = {"required": True, "content": {"application/json": {"schema": _BODY}}}

routes = APIRouter(tags=[FORMAT.tag])


_TOLD = described(_COUNT, keys=FORMAT.keys, asked=(400, 404, 413, 429), error=FORMAT.error_schema[0])


@routes.post("/v1/messages/count_tokens", openapi_extra={"requestBody": _TAKES, **_TOLD})
@routes.post("/messages/count_tokens", include_in_schema=False)
async def count_tokens(request: Request) -> Response:
    """How many tokens a request is."""
    router: Router = request.app.state.router
    timeout = timeout_of(request)
    question = translated_count(await read_object(request, router.config.settings))
    question = with_caller(question, request, FORMAT.headers, timeout)
    return _told(await while_connected(request.receive, router.count_tokens(question)))


def _told(count: TokenCount) -> Response:
    if count.counted_by is None:
        return reply({"input_tokens": count.tokens, "router": {"estimated": True}})
    counted_by = count.counted_by
    headers = {"x-router-provider": counted_by.provider, "x-router-model": in_header(counted_by.model)}
    return reply({"input_tokens": count.tokens}, headers=headers)
