"""`POST /v1/responses`, as OpenAI has it, with `router` beside its fields: stateless and streamed.

A body is read into a chat request (`request`, `items`, `content`, `tools`, `thoughts`), and a chat's answer is written
as a response object or as the events that make one (`stream`, `output`, `response_object`). Deployments that have this
API get the body as it came, and their answers pass on (`passed`). What only they can do is refused with the field's
name where none of them is in the chain.
"""

from __future__ import annotations

from typing import Any

from ....routing.mapping import RouterConfig
from ....routing.ports import ResponseStore
from ....routing.types import ChatRequest, ChatResult
from .. import chat
from ..base import Asked, Format, Json
from ..notes import Notes
from .request import Translated, translated, translated_kept
from .schema import BODY, RESPONSE
from .stream import EventWriter, whole
from .tools import Tools


def _asked(body: dict[str, Any], config: RouterConfig) -> Asked:
    return _of(translated(body, config))


async def _asked_kept(body: Json, config: RouterConfig, store: ResponseStore, caller: str | None) -> Asked:
    return _of(await translated_kept(body, config, store, caller))


def _of(asked: Translated) -> Asked:
    if asked.body.get("stream"):
        writer = EventWriter(asked)
        return Asked(asked.request, writer.events, failed=writer.failed)

    def answer(result: ChatResult, *, explain: bool) -> Json:
        return whole(asked, result, explain=explain)

    return Asked(asked.request, answer=answer, keep=None if asked.room is None else asked.keep)


def _answer(result: ChatResult, *, explain: bool) -> Json:
    """For a request of which nothing is known."""
    nothing = Translated({}, ChatRequest(result.requested_model, []), Tools([], Notes()))
    return whole(nothing, result, explain=explain)


FORMAT = Format(
    paths=("/v1/responses", "/responses"),
    parse=_asked,
    parse_kept=_asked_kept,
    answer=_answer,
    error=chat.FORMAT.error,
    error_event=chat.FORMAT.error_event,
    name="create_response",
    description=(
        "Ask as you would ask OpenAI's Responses API, whoever answers. The answer says which model gave it: `model`, "
        "and the `x-router-*` headers."
    ),
    tag="OpenAI",
    body=BODY,
    examples={
        "a question": {"model": "openai-gpt4o", "input": "What is the capital of France?"},
        "a conversation, streamed": {
            "model": "cost-optimized",
            "instructions": "Answer in one word.",
            "input": [{"role": "user", "content": "What is the capital of France?"}],
            "store": False,
            "stream": True,
        },
    },
    streams=(
        "OpenAI's events, from `response.created` to `response.completed`, `response.incomplete` or, after an `error`, "
        "`response.failed`."
    ),
    answer_schema=("Response", RESPONSE),
    example_answer={
        "id": "resp_gw_4f0c",
        "object": "response",
        "created_at": 1790000000,
        "status": "completed",
        "model": "gpt-4o",
        "output": [
            {
                "id": "msg_gw_9a1d",
                "type": "message",
                "role": "assistant",
                "status": "completed",
                "content": [{"type": "output_text", "text": "Paris.", "annotations": [], "logprobs": []}],
            }
        ],
        "tools": [],
        "tool_choice": "auto",
        "usage": {"input_tokens": 24, "output_tokens": 2, "total_tokens": 26},
    },
    error_schema=chat.FORMAT.error_schema,
)
