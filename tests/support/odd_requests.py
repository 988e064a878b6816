"""Requests that providers were once sent something else for, or that they were sent in vain."""

from __future__ import annotations

from typing import Any

from local.simulator.conversation import signature
from tests.support.samples import CALL, FUNCTION, PIXEL, RESULT, TOOL

USER = {"role": "user", "content": "Where is Ulm?"}
AGAIN = {"role": "user", "content": "And how far?"}
IMAGE = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}


def request(*messages: Any, **params: Any) -> dict[str, Any]:
    return {"messages": list(messages), "params": params}


def called(arguments: str = '{"place": "Ulm"}', content: Any = None, **function: Any) -> dict[str, Any]:
    inner = {"name": "look_up", "arguments": arguments, **function}
    return {"role": "assistant", "content": content, "tool_calls": [{**CALL, "function": inner}]}


def tool(schema: Any, **function: Any) -> list[Any]:
    return [{"type": "function", "function": {**FUNCTION, "parameters": schema, **function}}]


def answer(schema: Any) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "places", "schema": schema}}


NODE = {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}
RECURSIVE = {"type": "object", "properties": {"first": {"$ref": "#/$defs/node"}}, "$defs": {"node": NODE}}
BOUNDED = {
    "type": "object",
    "properties": {
        "count": {"type": "integer", "minimum": 3},
        "names": {"type": "array", "items": {"type": "string", "minLength": 2}, "maxItems": 5},
    },
    "required": ["count"],
}
NULLABLE = {
    "type": "object",
    "properties": {
        "place": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
        "kind": {"type": ["string", "null"], "enum": ["town", None]},
        "height": {"const": None},
    },
}
OF_CONTENTS = {
    "type": "object",
    "properties": {"letter": {"type": "string", "contentSchema": {"$ref": "#/$defs/letter"}}},
    "$defs": {"letter": {"type": "object", "properties": {"to": {"type": "string"}}}},
}
LONG = "n" * 100
MARK = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
ODD: dict[str, dict[str, Any]] = {
    "an empty message of the assistant's": request(USER, {"role": "assistant", "content": ""}, AGAIN),
    "a blank message of the user's": request(USER, {"role": "user", "content": " "}, AGAIN),
    "no content at all": request({"role": "user", "content": []}),
    "an empty text before a call": request(USER, called(content=""), RESULT, tools=[TOOL]),
    "the assistant last": request(USER, {"role": "assistant", "content": "Ulm is "}),
    "the assistant first": request({"role": "assistant", "content": "How can I help?"}, USER),
    "an instruction in the middle": request(USER, {"role": "system", "content": "Be brief."}, AGAIN),
    "nothing but an instruction": request({"role": "system", "content": "Greet me."}),
    "calls without tools": request(USER, called(), RESULT),
    "calls without tools, and more said": request(USER, called(), RESULT, AGAIN),
    "arguments that are broken": request(USER, called('{"place": '), RESULT, tools=[TOOL]),
    "arguments that are no object": request(USER, called("[7]"), RESULT, tools=[TOOL]),
    "arguments with a number that no float holds": request(USER, called('{"far": 1e999}'), RESULT, tools=[TOOL]),
    "arguments with half a character": request(USER, called(r'{"place": "\ud800"}'), RESULT, tools=[TOOL]),
    "arguments with a name twice": request(USER, called('{"far": 1717, "far": 2717}'), RESULT, tools=[TOOL]),
    "arguments with null": request(USER, called('{"place": null, "kinds": [null, 717]}'), RESULT, tools=[TOOL]),
    "a tool whose values may be null": request(USER, tools=tool(NULLABLE)),
    "an answer whose values may be null": request(USER, response_format=answer(NULLABLE)),
    "an answer of alternatives": request(USER, response_format=answer({"anyOf": [BOUNDED, NULLABLE]})),
    "two tools of one name": request(USER, tools=[TOOL, TOOL]),
    "a mark that lasts longer than the one before": request(
        {"role": "system", "content": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]},
        {"role": "user", "content": [{"type": "text", "text": "Where is Ulm?", **MARK}]},
    ),
    "a mark that lasts as long as no API has it": request(
        {**USER, "cache_control": {"type": "ephemeral", "ttl": "2h"}}
    ),
    "a reference in a schema of contents": request(USER, tools=tool(OF_CONTENTS)),
    "arguments of no characters": request(USER, called(""), RESULT, tools=[TOOL]),
    "a result of nothing": request(USER, called(), {**RESULT, "content": ""}, tools=[TOOL]),
    "a result that is an image": request(USER, called(), {**RESULT, "content": [IMAGE]}, tools=[TOOL]),
    "two calls, answered in another order": request(
        USER,
        {"role": "assistant", "content": None, "tool_calls": [CALL, {**CALL, "id": "call_2"}]},
        {**RESULT, "tool_call_id": "call_2", "content": "second"},
        RESULT,
        tools=[TOOL],
    ),
    "a long name": request(USER, tools=tool({"type": "object", "properties": {}}, name=LONG)),
    "a long name that was called": request(
        USER, called(name=LONG), RESULT, tools=tool({"type": "object", "properties": {}}, name=LONG)
    ),
    "a long name that is chosen": request(
        USER,
        tools=tool({"type": "object", "properties": {}}, name=LONG),
        tool_choice={"type": "function", "function": {"name": LONG}},
    ),
    "a recursive tool": request(USER, tools=tool(RECURSIVE)),
    "a tool with a definition": request(
        USER,
        tools=tool(
            {
                "type": "object",
                "properties": {"place": {"$ref": "#/$defs/place"}},
                "$defs": {"place": {"type": "string", "description": "A town"}},
            }
        ),
    ),
    "a recursive answer": request(USER, response_format=answer(RECURSIVE)),
    "bounds of an answer": request(USER, response_format=answer(BOUNDED)),
    "bounds of a tool": request(USER, tools=tool(BOUNDED)),
    "bounds of a strict tool": request(
        USER,
        tools=tool({**BOUNDED, "required": ["count", "names"], "additionalProperties": False}, strict=True),
    ),
    "cache marks for an hour": request({**USER, "content": [{"type": "text", "text": "Where?", **MARK}]}, tools=[TOOL]),
    "a cache mark on a tool": request(USER, tools=[{**TOOL, "cache_control": {"type": "ephemeral"}}]),
    "five cache marks": request({**USER, "content": [{"type": "text", "text": "Where?", **MARK}] * 5}),
    "an effort": request(USER, reasoning_effort="low"),
    "an effort and a tool that must be called": request(
        USER, tools=[TOOL], tool_choice="required", reasoning_effort="low"
    ),
    "thinking about a result that no thought asked for": request(
        USER, called(), RESULT, tools=[TOOL], thinking={"type": "enabled", "budget_tokens": 1717}
    ),
    "a thought and nothing else": request(
        USER,
        {
            "role": "assistant",
            "content": " ",
            "thinking_blocks": [{"type": "thinking", "thinking": "Hm.", "signature": signature("Hm.")}],
        },
        AGAIN,
    ),
    "a document": request(
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is it about?"},
                {"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERi0xLjQK"}},
            ],
        }
    ),
    "an answer in JSON beside tools": request(
        {"role": "user", "content": "As json, please."}, tools=[TOOL], response_format={"type": "json_object"}
    ),
    "one call at most": request(USER, tools=[TOOL], parallel_tool_calls=False),
    "a refusal": request(
        USER, {"role": "assistant", "content": [{"type": "refusal", "refusal": "I will not."}]}, AGAIN
    ),
    "a call that has a long id": request(
        USER,
        {"role": "assistant", "content": None, "tool_calls": [{**CALL, "id": "i" * 90}]},
        {**RESULT, "tool_call_id": "i" * 90},
        tools=[TOOL],
    ),
    "a developer's instruction": request({"role": "developer", "content": "Be brief."}, USER),
    "content for a guardrail": request({"role": "user", "content": [{"type": "guarded_text", "text": "Where?"}]}),
}
"""`{"messages": ..., "params": ...}`, by what they hold."""
