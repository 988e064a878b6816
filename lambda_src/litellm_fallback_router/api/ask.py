"""`POST /ask`: one question, one answer, and who gave it."""

from __future__ import annotations

from dataclasses import replace

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from ..routing.requests import as_request, parse_ask
from ..routing.router import Router
from . import openapi
from .body import read_object
from .disconnect import while_connected
from .timeouts import caller_timeout, time_left
from .wire import answer_body, answer_headers, reply

routes = APIRouter(tags=["Ask"])


@routes.post("/ask", openapi_extra=openapi.ASK, responses=openapi.ASK_RESPONSES)
async def ask(request: Request) -> Response:
    """The short way: a question in, an answer out, with who answered and for how much."""
    router: Router = request.app.state.router
    timeout = caller_timeout(request.headers)
    asked = parse_ask(await read_object(request, router.config.settings))
    question = replace(
        as_request(asked, next(iter(router.config.chains))),
        timeout=asked.get("timeout", timeout),
        time_left=time_left(request),
        request_id=request.state.request_id,
        caller=request.state.caller,
        traceparent=request.state.traceparent,
    )
    result = await while_connected(request.receive, router.complete(question))
    headers = answer_headers(
        result.deployment,
        attempts=len(result.ledger.attempts),
        fallback=result.fallback,
        cost_usd=result.cost_usd,
        guardrail=result.guardrail,
    )
    return reply(answer_body(result), headers=headers)
