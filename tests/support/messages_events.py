"""The events of a streamed message, each of the SDK's type, in the order that Anthropic's grammar has."""

from __future__ import annotations

import json
from typing import Any

from anthropic import Anthropic
from anthropic.types import RawMessageStreamEvent
from pydantic import TypeAdapter

EVENT: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)
COUNT: Any = [{"role": "user", "content": "Count to 60"}]
COUNTED = ", ".join(str(n) for n in range(1, 61)) + "."
WEATHER: Any = {
    "name": "get_weather",
    "description": "The weather somewhere.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


def streamed(client: Anthropic, **body: Any) -> list[Any]:
    """The events, each of the SDK's type, in the order that Anthropic's grammar has."""
    events = list(client.messages.create(stream=True, **body))
    for event in events:
        EVENT.validate_python(json.loads(event.to_json()))
    check_grammar([json.loads(event.to_json()) for event in events])
    return events


def check_grammar(events: list[dict[str, Any]]) -> None:
    kinds = [event["type"] for event in events]
    assert (kinds[0], kinds[-2:]) == ("message_start", ["message_delta", "message_stop"])
    opened: list[int] = []
    closed = -1
    for event in events[1:-2]:
        if event["type"] == "content_block_start":
            assert event["index"] == closed + len(opened) + 1
            opened.append(event["index"])
        elif event["type"] == "content_block_stop":
            opened.remove(event["index"])
            closed = max(closed, event["index"])
        else:
            assert event["type"] == "content_block_delta"
            assert event["index"] in opened
    assert opened == []


def text_of(events: list[Any]) -> str:
    deltas = [event.delta for event in events if event.type == "content_block_delta"]
    return "".join(delta.text for delta in deltas if delta.type == "text_delta")
