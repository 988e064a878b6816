"""Requests that Anthropic's API refuses, and in which words."""

from typing import Any

import httpx
import pytest

from local.simulator import Simulator

MODEL = "claude-sonnet-4-6"
TOOLS: Any = [
    {
        "name": "get_weather",
        "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    }
]
MARK = {"type": "ephemeral"}
THINKING = {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2000}
TEXT = {"type": "text", "text": "x"}
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/bmp", "data": "Qk0="}}


def use(**changes: Any) -> Any:
    block = {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {}, **changes}
    return {"role": "assistant", "content": [block]}


def tool(schema: Any, **more: Any) -> dict[str, Any]:
    return {"tools": [{"name": "f", "input_schema": schema, **more}]}


def answer(schema: Any, **definitions: Any) -> dict[str, Any]:
    whole = {
        "type": "object",
        "properties": {"it": schema},
        "required": ["it"],
        "additionalProperties": False,
        "$defs": definitions,
    }
    return {"output_config": {"format": {"type": "json_schema", "schema": whole}}}


X: Any = [{"role": "user", "content": "x"}]
USE = use()
RESULT: Any = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1"}]}
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"foo": 1}, "foo: Extra inputs are not permitted"),
    ({"max_tokens": None}, "max_tokens: Input should be a valid integer"),
    ({"max_tokens": 0}, "max_tokens: Input should be greater than or equal to 1"),
    (
        {"max_tokens": 999_999},
        "max_tokens: 999999 > 128000, which is the maximum allowed number of output tokens for claude-sonnet-4-6",
    ),
    ({"temperature": 1.7}, "temperature: range: 0..1"),
    ({"temperature": 0.5, "top_p": 0.5}, "`temperature` and `top_p` cannot both be specified for this model."),
    ({"model": "claude-haiku-5-5", "temperature": 0.5}, "`temperature` is deprecated for this model."),
    ({"model": "claude-sonnet-5-5", "top_k": 5}, "`top_k` is deprecated for this model."),
    ({"messages": []}, "messages: at least one message is required"),
    ({"messages": [USE]}, 'messages: first message must use the "user" role'),
    (
        {"messages": [{"role": "tool", "content": "x"}]},
        "messages.0.role: Input should be 'user', 'assistant' or 'system'",
    ),
    (
        {"messages": [{"role": "user", "content": [{"type": "text", "text": 3}]}]},
        "messages.0.content.0.text.text: Input should be a valid string",
    ),
    ({"messages": [{"role": "user", "content": ""}]}, "messages.0: all messages must have non-empty content"),
    (
        {"messages": [{"role": "user", "content": [{"type": "text", "text": ""}]}]},
        "messages: text content blocks must be non-empty",
    ),
    (
        {"messages": [{"role": "user", "content": [{"type": "text", "text": " "}]}]},
        "messages: text content blocks must contain non-whitespace text",
    ),
    (
        {"model": "claude-haiku-4-5", "messages": [*X, {"role": "assistant", "content": "1, "}]},
        "messages: final assistant content cannot end with trailing whitespace",
    ),
    (
        {"messages": [*X, USE, *X], "tools": TOOLS},
        "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: toolu_1.",
    ),
    (
        {"messages": [RESULT], "tools": TOOLS},
        "messages.0.content.0: unexpected `tool_use_id` found in `tool_result` blocks: toolu_1.",
    ),
    ({"tool_choice": {"type": "any"}}, "tool_choice: may only be specified while providing tools."),
    ({"tools": TOOLS, "tool_choice": {"type": "tool", "name": "f"}}, "Tool 'f' not found in provided tools"),
    (
        {"thinking": {"type": "enabled", "budget_tokens": 2000}},
        "`max_tokens` must be greater than `thinking.budget_tokens`.",
    ),
    (
        {"messages": [*X, {"role": "assistant", "content": " "}, *X]},
        "messages: text content blocks must contain non-whitespace text",
    ),
    (
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "", "cache_control": MARK}]}]},
        "messages.0.content.0.text: cache_control cannot be set for empty text blocks",
    ),
    (
        {"system": [{"type": "text", "text": "", "cache_control": MARK}]},
        "system.0: cache_control cannot be set for empty text blocks",
    ),
    (
        {
            "system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}],
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "x", "cache_control": {**MARK, "ttl": "1h"}}]}
            ],
        },
        "cache_control.ttl: a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block",
    ),
    (
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "x", "cache_control": MARK}] * 5}]},
        "A maximum of 4 blocks with cache_control may be provided. Found 5.",
    ),
    ({"messages": [*X, {"role": "system", "content": "x"}]}, 'messages: Unexpected role "system".'),
    ({"messages": [*X, USE, RESULT]}, "Requests which include `tool_use` or `tool_result` blocks must define tools."),
    (
        {"messages": [*X, USE, RESULT, USE, RESULT], "tools": TOOLS},
        "messages.3.content.0: `tool_use` ids must be unique",
    ),
    (
        {"messages": [*X, use(name="n" * 201), RESULT], "tools": TOOLS},
        "messages.1.content.0.tool_use.name: String should have at most 200 characters",
    ),
    (
        {"messages": [*X, use(id="a b"), RESULT], "tools": TOOLS},
        "messages.1.content.0.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'",
    ),
    (
        {"messages": [*X, use(input=[7]), RESULT], "tools": TOOLS},
        "messages.1.content.0.tool_use.input: Input should be a valid dictionary",
    ),
    (
        {"messages": [*X, USE, {**RESULT, "content": [TEXT, *RESULT["content"]]}], "tools": TOOLS},
        "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: toolu_1.",
    ),
    ({"tools": TOOLS * 2}, "tools: Tool names must be unique."),
    (
        tool({"type": "object"}, name="n" * 129),
        "tools.0.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'",
    ),
    (tool({"type": "string"}), "tools.0.custom.input_schema.type: Input should be 'object'"),
    (
        tool({"type": "object", "anyOf": [{"required": ["n"]}]}),
        "tools.0.custom.input_schema: input_schema does not support oneOf, allOf, or anyOf at the top level",
    ),
    (
        tool({"type": "object", "properties": {}}, strict=True),
        "tools.0.custom.input_schema: For 'object' type, 'additionalProperties' must be explicitly set to false",
    ),
    (
        answer({"type": "integer", "minimum": 3}),
        "output_config.format.schema: For 'integer' type, property 'minimum' is not supported",
    ),
    (
        answer({"type": ["number", "null"], "minimum": 3, "maximum": 4}),
        "output_config.format.schema: For 'number' type, properties maximum, minimum are not supported",
    ),
    (
        answer({"type": "array", "items": {"type": "string"}, "minItems": 2}),
        "output_config.format.schema: For 'array' type, 'minItems' values other than 0 or 1 are not supported",
    ),
    (
        answer({"$ref": "#/$defs/lost"}),
        "output_config.format.schema: Invalid schema: Reference to non-existent definition: #/$defs/lost",
    ),
    (
        answer({"$ref": "#/$defs/node"}, node={"type": "array", "items": {"$ref": "#/$defs/node"}}),
        "output_config.format.schema: Circular reference detected in schema definitions: node -> node.",
    ),
    (
        answer({"$ref": "#/$defs/a"}, a={"anyOf": [{"$ref": "#/$defs/b"}]}, b={"items": {"$ref": "#/$defs/a"}}),
        "output_config.format.schema: Circular reference detected in schema definitions: a -> b -> a.",
    ),
    (
        {"model": "claude-haiku-4-5", "output_config": {"effort": "low"}},
        "This model does not support the effort parameter.",
    ),
    (
        {"model": "claude-haiku-4-5", "thinking": {"type": "adaptive"}},
        "adaptive thinking is not supported on this model",
    ),
    (
        {"thinking": {"type": "adaptive"}, "temperature": 0.5},
        "`temperature` may only be set to 1 when thinking is enabled or in adaptive mode.",
    ),
    (
        {"thinking": {"type": "adaptive"}, "top_k": 5},
        "`top_k` must be unset when thinking is enabled or in adaptive mode.",
    ),
    (
        {**THINKING, "tools": TOOLS, "tool_choice": {"type": "any"}},
        "Thinking may not be enabled when tool_choice forces tool use.",
    ),
    (
        {**THINKING, "tools": TOOLS, "messages": [*X, USE, RESULT]},
        "messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found `tool_use`.",
    ),
    ({"metadata": {"foo": "x"}}, "metadata.foo: Extra inputs are not permitted"),
    (
        {"messages": [{"role": "user", "content": [IMAGE]}]},
        "messages.0.content.0.image.source.base64.media_type: Input should be 'image/jpeg', 'image/png'",
    ),
    ({"output_format": {"type": "json_schema", "schema": {}}}, "output_format: Extra inputs are not permitted"),
    (
        {"model": "sim-tiny", "messages": [{"role": "user", "content": "x" * 8000}]},
        "prompt is too long: 2000 tokens > 1000 maximum",
    ),
]


@pytest.mark.parametrize(("change", "message"), WRONG, ids=[wrong[1][:48] for wrong in WRONG])
async def test_a_wrong_request_gets_anthropics_400(
    http: httpx.AsyncClient, sim: Simulator, change: dict[str, Any], message: str
) -> None:
    body = {"model": MODEL, "max_tokens": 99, "messages": X, **change}
    headers = {"x-api-key": "sim-anthropic-key", "anthropic-version": "2023-06-01"}
    response = await http.post(f"{sim.url}/anthropic/v1/messages", json=body, headers=headers)
    assert response.status_code == 400
    answer = response.json()
    assert answer["error"]["type"] == "invalid_request_error"
    assert answer["error"]["message"].startswith(message)
    assert answer["request_id"] == response.headers["request-id"]


TAKEN: dict[str, dict[str, Any]] = {
    "a result of nothing": {"messages": [*X, USE, RESULT], "tools": TOOLS},
    "words after a result": {"messages": [*X, USE, {**RESULT, "content": [*RESULT["content"], TEXT]}], "tools": TOOLS},
    "a call and its result in messages of their own": {
        "messages": [*X, {"role": "assistant", "content": "Wait."}, USE, RESULT, *X],
        "tools": TOOLS,
    },
    "a recursive schema of a tool": tool(
        {
            "type": "object",
            "properties": {"it": {"$ref": "#/$defs/node"}},
            "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}},
        }
    ),
    "a search": {"tools": [{"type": "web_search_20250305", "name": "web_search", "max_uses": 5}]},
    "a property called minimum": answer(
        {"type": "object", "properties": {"minimum": {"type": "integer"}}, "additionalProperties": False}
    ),
    "a definition used twice": answer(
        {"anyOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/b"}]}, a={"$ref": "#/$defs/b"}, b={"type": "string"}
    ),
    "thinking without calls": {**THINKING, "messages": [*X, {"role": "assistant", "content": "y"}, *X]},
}


@pytest.mark.parametrize("taken", TAKEN)
async def test_what_is_right_is_taken(http: httpx.AsyncClient, sim: Simulator, taken: str) -> None:
    body = {"model": MODEL, "max_tokens": 99, "messages": X, **TAKEN[taken]}
    headers = {"x-api-key": "sim-anthropic-key", "anthropic-version": "2023-06-01"}
    response = await http.post(f"{sim.url}/anthropic/v1/messages", json=body, headers=headers)
    assert response.status_code == 200, response.text
