"""The known questions of a drill, and whether what came back is their answer."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from ..routing.adaptation import EMBEDDINGS
from ..routing.types import ChatRequest, Deployment, Message, NativeRequest, RoutingConstraints

Way = Literal["whole", "streamed", "tool call", "embedding"]
CALLER = "drill"
"""The caller of a drill's requests, for whoever reads their ids."""
ANSWER = "paris"
QUESTION: list[Message] = [{"role": "user", "content": "What is the capital of France? Answer with its name."}]
TOOL_QUESTION: list[Message] = [{"role": "user", "content": "What is the weather in Paris? Ask the tool."}]
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Tells the weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
MAX_TOKENS = 64
REASONING_MAX_TOKENS = 1024
"""Reasoning counts as tokens, and models answer 400 or nothing where it uses up the limit."""


def ways_of(hop: Deployment) -> tuple[Way, ...]:
    """List the ways in which a hop is asked."""
    return ("whole", "streamed", "tool call") if hop.space is None else ("embedding",)


def question(left: Sequence[Deployment], way: Way) -> ChatRequest:
    """Make the request of one way to those that are left of a chain."""
    hop = left[0]
    if way == "embedding":
        native = NativeRequest(EMBEDDINGS, {"input": ["Paris"]})
        return ChatRequest(hop.model_name, QUESTION, native=native, validated=True, caller=CALLER)
    reasons = any(one.info.reasoning for one in left)
    params: dict[str, Any] = {"max_tokens": REASONING_MAX_TOKENS if reasons else MAX_TOKENS}
    if way == "tool call":
        # Made to call it, where the hop's API can make it: whether it would have is no matter of its health.
        choice = "auto" if hop.info.tool_choice is False else "required"
        params |= {"tools": [TOOL], "tool_choice": choice}
    # A broken stream is a failure of its hop, though another could continue it.
    constraints = RoutingConstraints(resume=False)
    messages = TOOL_QUESTION if way == "tool call" else QUESTION
    return ChatRequest(hop.model_name, messages, params, constraints=constraints, caller=CALLER)


def is_answer(way: Way, choices: Sequence[Mapping[str, Any]], native: Mapping[str, Any] | None) -> bool:
    """Tell whether these are the answer to the question of that way."""
    if way == "embedding":
        return bool((native or {}).get("embeddings"))
    if not choices:
        return False
    message = choices[0].get("message", {})
    if way == "tool call":
        return any(_asks_for_paris(call.get("function", {})) for call in message.get("tool_calls") or ())
    return ANSWER in str(message.get("content") or "").lower()


def _asks_for_paris(function: Mapping[str, Any]) -> bool:
    try:
        arguments = json.loads(function.get("arguments") or "")
    except ValueError:
        return False
    city = arguments.get("city") if isinstance(arguments, Mapping) else None
    return function.get("name") == "get_weather" and ANSWER in str(city).lower()
