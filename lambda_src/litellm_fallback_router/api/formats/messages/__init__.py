"""`POST /v1/messages`, as Anthropic has it, with `router` beside its fields.

Deployments with this API get the body as it came, and their answers are passed on as they came. For
all others a body is read into a chat request (`request`, `conversation`, `content`, `tools`), and a chat's answer is
written as a message (`answer`) or as the events that make one (`stream`, `open_blocks`).
"""

from __future__ import annotations

from typing import Any

from ....routing.mapping import RouterConfig
from ..base import BEARER, X_API_KEY, Asked, Format
from .answer import message
from .errors import STATUSES, error_body, error_event
from .request import translated, translated_count
from .schema import BODY, ERROR, MESSAGE
from .stream import PING, EventWriter

__all__ = ["FORMAT", "translated_count"]


def _asked(body: dict[str, Any], _: RouterConfig) -> Asked:
    request = translated(body)
    return Asked(request, EventWriter().events if body.get("stream") else None)


FORMAT = Format(
    paths=("/v1/messages", "/messages"),
    beside=("/v1/messages/count_tokens", "/messages/count_tokens"),
    parse=_asked,
    answer=message,
    error=error_body,
    error_event=error_event,
    keep_alive=PING,
    keys=(X_API_KEY, BEARER),
    statuses=STATUSES,
    headers=("anthropic-beta", "anthropic-version"),
    id_header="request-id",
    name="create_message",
    description=(
        "Ask as you would ask Anthropic, whoever answers. The answer says which model gave it: `model`, and the "
        "`x-router-*` headers."
    ),
    tag="Anthropic",
    body=BODY,
    examples={
        "a question": {
            "model": "anthropic-claude-sonnet",
            "max_tokens": 200,
            "messages": [{"role": "user", "content": "What is the capital of France?"}],
        },
        "streamed, with a cached instruction": {
            "model": "cost-optimized",
            "max_tokens": 200,
            "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
            "messages": [{"role": "user", "content": "Count to ten."}],
            "stream": True,
        },
    },
    streams=(
        "Anthropic's events, from `message_start` to `message_stop`, with `ping`s in silences; a stream that cannot be "
        "finished ends in an `error` event."
    ),
    answer_schema=("Message", MESSAGE),
    example_answer={
        "id": "msg_gw_4f0c",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-6",
        "content": [{"type": "text", "text": "Paris."}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 24,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": 2,
        },
    },
    error_schema=("MessagesError", ERROR),
)
