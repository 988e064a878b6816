"""One call of a tool by an agent: its arguments in, JSON out. A failure is JSON too, that the agent can act on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from litellm_fallback_router.api.body import as_object
from litellm_fallback_router.api.errors import bug, problem_of
from litellm_fallback_router.api.formats import ask, chat
from litellm_fallback_router.api.formats.base import Format, Problem
from litellm_fallback_router.entrypoints.lambda_context import MARGIN
from litellm_fallback_router.routing.errors import InvalidRequestError, RouterError
from litellm_fallback_router.routing.router import Router

from .tools import ASK, CHAT_COMPLETION, SEPARATOR, TOOLS, Tool

TOOL_NAME = "bedrockAgentCoreToolName"
"""Key of the client context that names the tool. Source: the AgentCore developer guide, "AWS Lambda function
targets", "Lambda function input format"."""
CALLER = "agentcore"
"""Who calls, in the log. AgentCore does not say whom it calls for."""


async def answer(router: Router, event: Any, context: Any) -> dict[str, Any]:
    """`event`: the tool's bare arguments; `context`: Lambda's. Gives what `POST /ask` or `POST /v1/chat/completions`
    answer, or `{"error": {"message", "type", "param", "code", "status", "retry_after"?}}`. Raises nothing."""
    request_id = str(context.aws_request_id)
    try:
        tool = _tool(context)
        asked = as_object(json.dumps(event).encode(), router.config.settings)
        tool.check(asked)
        form = _FORMATS[tool.name]
        question = replace(form.parse(asked, router.config).request, **_told(context))
        return _encodable(form.answer(await router.complete(question), explain=True))
    except RouterError as error:
        return _encodable(_failure(problem_of(error), error.retry_after))
    except Exception as error:  # noqa: BLE001 - the last stop: a bug must reach the log and the agent
        return _failure(bug(error, request_id))


def _tool(context: Any) -> Tool:
    custom = getattr(context.client_context, "custom", None)
    called = custom.get(TOOL_NAME) if isinstance(custom, Mapping) else None
    if not isinstance(called, str):
        example = json.dumps({"custom": {TOOL_NAME: f"TARGET{SEPARATOR}{ASK.name}"}})
        raise InvalidRequestError(
            f"The call names no tool. AgentCore Gateway does that in the client context: {example}"
        )
    tool = TOOLS.get(called.rpartition(SEPARATOR)[2])
    if tool is None:
        raise InvalidRequestError(f"There is no such tool. This function answers {', '.join(TOOLS)}.")
    return tool


def _told(context: Any) -> dict[str, Any]:
    """What Lambda says about the call, as fields of a ChatRequest."""
    left = context.get_remaining_time_in_millis() / 1000
    return {"request_id": str(context.aws_request_id), "time_left": max(0.0, left - MARGIN), "caller": CALLER}


def _encodable(body: dict[str, Any]) -> dict[str, Any]:
    """A model may send half of a surrogate pair, over which Lambda's runtime stumbles: it writes UTF-8."""
    text = json.dumps(body, ensure_ascii=False)
    whole: dict[str, Any] = json.loads(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
    return whole


def _failure(problem: Problem, retry_after: float | None = None) -> dict[str, Any]:
    body = chat.FORMAT.error(problem)
    body["error"]["status"] = problem.status
    if retry_after is not None:
        body["error"]["retry_after"] = round(retry_after, 3)
    return body


_FORMATS: Mapping[str, Format] = {ASK.name: ask.FORMAT, CHAT_COMPLETION.name: chat.FORMAT}
