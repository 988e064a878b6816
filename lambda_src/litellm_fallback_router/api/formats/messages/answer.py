"""A chat's answer as a message of Anthropic's."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from ....routing.adaptation import FOREIGN
from ....routing.ledger import Usage
from ....routing.types import ChatResult
from ...wire import routing_report
from ..base import Json

STOP_REASONS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}
"""Source: Anthropic's SDK, `types/stop_reason.py`. A chat does not report that a stop sequence ended it."""


def message(result: ChatResult, *, explain: bool) -> Json:
    """A whole answer: as Claude wrote it, if it did and nothing was changed."""
    body = dict(result.native) if result.native is not None else _translated(result)
    if explain:
        body["router"] = routing_report(result)
    return body


def envelope(model: str) -> Json:
    """A message that has just begun."""
    return {
        "id": f"msg_gw_{uuid.uuid4().hex}",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": usage_of(Usage()),
    }


def ended(reason: str | None, *, called: bool, refusal: str = "") -> Json:
    """Why it ended. `refusal`: the model's own words for why it ends there."""
    said = STOP_REASONS.get(reason or "", "end_turn")
    if called and said == "end_turn":
        said = "tool_use"
    if not refusal:
        return {"stop_reason": said, "stop_sequence": None}
    details = {"type": "refusal", "category": None, "explanation": refusal}
    return {"stop_reason": "refusal", "stop_sequence": None, "stop_details": details}


def usage_of(usage: Usage) -> Json:
    """What was read from a cache is not in `input_tokens`. Source: Anthropic, "Prompt caching"."""
    return {
        "input_tokens": usage.prompt_tokens - usage.cached_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": usage.cached_tokens,
        "output_tokens": usage.completion_tokens,
    }


def foreign_signature(model: str) -> str:
    """For a thought that Claude did not sign: clients insist on one, and send it back. No model is sent it."""
    return f"{FOREIGN}{model}"


def _translated(result: ChatResult) -> Json:
    choice = result.choices[0]
    said: Mapping[str, Any] = choice["message"]
    calls = [_tool_use(call) for call in said.get("tool_calls") or ()]
    words = said.get("content") or said.get("refusal")
    content = [*_thoughts(said, result.model), *([{"type": "text", "text": words}] if words else []), *calls]
    end = ended(choice.get("finish_reason"), called=bool(calls), refusal=said.get("refusal") or "")
    return {**envelope(result.model), "content": content, **end, "usage": usage_of(result.usage)}


def _thoughts(said: Mapping[str, Any], model: str) -> Iterator[Json]:
    blocks = said.get("thinking_blocks")
    if not blocks:
        if said.get("reasoning_content"):
            yield {"type": "thinking", "thinking": said["reasoning_content"], "signature": foreign_signature(model)}
        return
    for block in blocks:
        if block.get("type") == "redacted_thinking":
            yield {"type": "redacted_thinking", "data": block.get("data") or ""}
        else:
            signature = block.get("signature") or foreign_signature(model)
            yield {"type": "thinking", "thinking": block.get("thinking") or "", "signature": signature}


def _tool_use(call: Mapping[str, Any]) -> Json:
    function = call["function"]
    return {"type": "tool_use", "id": call["id"], "name": function["name"], "input": arguments_of(function)}


def arguments_of(function: Mapping[str, Any]) -> Json:
    """A call's arguments as the object that they are.

    What is none goes where Anthropic puts it. Source: Anthropic "Fine-grained tool streaming: Handling invalid JSON".
    """
    text = function.get("arguments") or "{}"
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    return found if isinstance(found, dict) else {"INVALID_JSON": text}
