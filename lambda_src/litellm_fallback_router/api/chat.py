"""`POST /v1/chat/completions`."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from ..routing.requests import managed_prompt, narrowing
from ..routing.router import ChatStream, Router
from ..routing.types import OWN_MODEL, ChatRequest, ChatResult
from . import openapi
from .body import read_object
from .disconnect import while_connected
from .parsing import parse_chat
from .schemas import ChatCompletionRequest
from .sse import EventStream, events
from .timeouts import caller_timeout, time_left
from .wire import answer_headers, completion_body, completion_id, reply

routes = APIRouter(tags=["OpenAI"])

NOT_PARAMS = frozenset({"model", "messages", "stream", "stream_options", "router", "prompt"})
"""What is ours to act on; all other fields go to the provider."""


@routes.post("/v1/chat/completions", openapi_extra=openapi.CHAT, responses=openapi.CHAT_RESPONSES)
@routes.post("/chat/completions", include_in_schema=False)
async def create_chat_completion(request: Request) -> Response:
    """Ask as you would ask OpenAI. The answer says which model gave it: `model`, and the `x-router-*` headers."""
    router: Router = request.app.state.router
    timeout = caller_timeout(request.headers)
    chat = parse_chat(await read_object(request, router.config.settings))
    question = ChatRequest(
        model=chat.get("model", OWN_MODEL),
        messages=chat.get("messages", []),
        params={name: value for name, value in chat.items() if name not in NOT_PARAMS},
        timeout=timeout,
        time_left=time_left(request),
        narrowing=narrowing(chat.get("router")),
        request_id=request.state.request_id,
        caller=request.state.caller,
        traceparent=request.state.traceparent,
        prompt=managed_prompt(chat.get("prompt")),
        checked=True,
    )
    if chat.get("stream"):
        return await _streamed(request, router.stream(question), chat)
    result = await while_connected(request.receive, router.complete(question))
    return _whole(result, explain=question.narrowing.explain)


def _whole(result: ChatResult, *, explain: bool) -> Response:
    headers = answer_headers(
        result.deployment,
        attempts=len(result.ledger.attempts),
        fallback=result.fallback,
        cost_usd=result.cost_usd,
        guardrail=result.guardrail,
    )
    return reply(completion_body(result, explain=explain), headers=headers)


async def _streamed(request: Request, stream: ChatStream, chat: ChatCompletionRequest) -> Response:
    """Answers only once the first token is there: until then a failure can still be a plain HTTP error."""
    try:
        first = await while_connected(request.receive, stream.start())
    except BaseException:
        await stream.aclose()
        raise
    head = {
        "id": completion_id(),
        "object": "chat.completion.chunk",
        "created": stream.created,
        "model": first.model,
    }
    body = events(
        stream,
        head,
        include_usage=chat.get("stream_options", {}).get("include_usage", False),
        explain=stream.request.narrowing.explain,
    )
    headers = answer_headers(
        first,
        attempts=stream.attempts_so_far,
        fallback=stream.fallback_so_far,
        guardrail=stream.guardrail_so_far,
    )
    return EventStream(stream, body, headers=headers)
