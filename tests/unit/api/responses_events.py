"""What a model says of a response, and the events that a caller gets of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import httpx
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from litellm_fallback_router.routing.types import Chunk

MODEL = "openai-gpt4o"
EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
WEATHER: Any = {"type": "function", "name": "weather", "parameters": {"type": "object"}, "strict": False}
PATCH: Any = {
    "type": "custom",
    "name": "patch",
    "format": {"type": "grammar", "syntax": "lark", "definition": "start: X"},
}


def delta(finish: str | None = None, **said: Any) -> Chunk:
    return Chunk([{"index": 0, "delta": said, "finish_reason": finish}])


def call(index: int = 0, call_id: str | None = None, **function: str) -> Chunk:
    named = {"id": call_id, "type": "function"} if call_id else {}
    return delta(tool_calls=[{"index": index, **named, "function": function}])


def asked_for(http: httpx.Client, **body: Any) -> list[dict[str, Any]]:
    """The events of a stream, each valid, numbered without a gap."""
    answer = http.post("/v1/responses", json={"model": MODEL, "input": "hi", "stream": True, **body})
    assert answer.status_code == 200, answer.text
    events = []
    for block in answer.text.strip().split("\n\n"):
        name, data = block.split("\n")
        event = json.loads(data.removeprefix("data: "))
        assert name == f"event: {event['type']}"
        EVENT.validate_python(event, strict=True)
        events.append(event)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    return events


def kinds(events: Sequence[dict[str, Any]]) -> list[str]:
    return [event["type"].removeprefix("response.") for event in events]
