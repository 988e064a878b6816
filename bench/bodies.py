"""Requests that are made to keep a gateway busy, and the largest that it takes, for any model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from litellm_fallback_router.routing.mapping import RouterSettings

SETTINGS = RouterSettings()
Body = dict[str, Any]


def refused() -> Mapping[str, bytes]:
    """Bodies that are answered with 400, by name."""
    bodies: dict[str, Body] = {
        "180,000 short messages": {"messages": [{"role": "user", "content": "x"}] * 180_000},
        "1,800,000 numbers": {"messages": [_said("hi")], "prediction": [1] * 1_800_000},
        "60,000 content parts": {"messages": [{"role": "user", "content": [_text("x")] * 60_000}]},
        "nine definitions that refer to each other": {"messages": [_said("hi")], "tools": [_tool(_mutual(9))]},
        "thirty that double": {"messages": [_said("hi")], "tools": [_tool(_doubling(30))]},
        "the same as response_format": {"messages": [_said("hi")], "response_format": _format(_doubling(30))},
        "512 tools, each six that refer to each other": {
            "messages": [_said("hi")],
            "tools": [_tool(_mutual(6), number) for number in range(512)],
        },
    }
    return {name: _encoded({"model": "openai", **body}) for name, body in bodies.items()}


def taken() -> Mapping[str, Body]:
    """The largest bodies that go to providers, by name, without the model."""
    messages = SETTINGS.max_messages
    turns = [_said("word " * 550) if number % 2 == 0 else _said("word " * 550, "assistant") for number in range(2_047)]
    parts = [{"role": "user", "content": [_text("x" * 300)] * 5} for _ in range(SETTINGS.max_parts // 5)]
    calls = [message for number in range(messages // 6) for message in _call(number)]
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 4_500_000}}
    tools = [_tool(_flat(12), number) for number in range(SETTINGS.max_tools)]
    referring = {**_flat(65, {"$ref": "#/$defs/a"}), "$defs": {"a": _flat(100)}}
    return {
        "2,047 messages, 5.9 MB": {"messages": turns},
        "one text of 5.8 MB": {"messages": [_said("word " * 1_160_000)]},
        "5,000 content parts": {"messages": parts},
        "2,000 messages with tool calls": {"messages": [*calls, _said("go on")], "tools": [_tool(_flat(3))]},
        "512 tools": {"messages": [_said("hi")], "tools": tools},
        "a tool whose references stand for 20,000 values": {"messages": [_said("hi")], "tools": [_tool(referring)]},
        "a response_format of 22,000 values": {
            "messages": [_said("hi")],
            "response_format": _format({**_flat(5_500), "additionalProperties": False}),
        },
        "an image of 4.5 MB": {"messages": [{"role": "user", "content": [_text("see"), image]}]},
    }


def for_model(body: Body, model: str) -> bytes:
    return _encoded({"model": model, **body})


def _encoded(body: Body) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()


def _said(text: str, role: str = "user") -> Body:
    return {"role": role, "content": text}


def _text(text: str) -> Body:
    return {"type": "text", "text": text}


def _call(number: int) -> list[Body]:
    call = {"name": "tool0", "arguments": json.dumps({"p0": "x" * 1_500})}
    calls = [{"id": f"call_{number}_{index}", "type": "function", "function": call} for index in range(2)]
    results = [{"role": "tool", "tool_call_id": one["id"], "content": "y" * 500} for one in calls]
    return [_said("do it"), {"role": "assistant", "content": None, "tool_calls": calls}, *results]


def _tool(parameters: Body, number: int = 0) -> Body:
    function = {"name": f"tool{number}", "description": "what it does", "parameters": parameters}
    return {"type": "function", "function": function}


def _format(schema: Body) -> Body:
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}


def _flat(properties: int, each: Body | None = None) -> Body:
    one = each or {"type": "string", "description": "what it says"}
    return {"type": "object", "properties": {f"p{number}": one for number in range(properties)}}


def _mutual(count: int) -> Body:
    names = [f"d{number}" for number in range(count)]
    each = {"type": "object", "properties": {name: {"$ref": f"#/$defs/{name}"} for name in names}}
    return {"type": "object", "properties": {"a": {"$ref": "#/$defs/d0"}}, "$defs": dict.fromkeys(names, each)}


def _doubling(levels: int) -> Body:
    definitions: Body = {f"d{levels}": {"type": "string"}}
    for level in range(levels):
        two = {"$ref": f"#/$defs/d{level + 1}"}
        definitions[f"d{level}"] = {"type": "object", "properties": {"a": two, "b": two}}
    return {"type": "object", "properties": {"a": {"$ref": "#/$defs/d0"}}, "$defs": definitions}
