"""Tools, calls and forms of an answer that OpenAI's API refuses, in which words, and what it takes."""

from typing import Any

import httpx
import openai
import pytest

from local.simulator import Simulator
from tests.support.refusals import refusal_of

KEY = {"authorization": "Bearer sim-openai-key"}
X: Any = [{"role": "user", "content": "x"}]
LONG = "n" * 65


def called(**changes: Any) -> Any:
    """A conversation with a call and its result."""
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}, **changes}
    call = {name: value for name, value in call.items() if name in ("id", "type", call["type"])}
    result = {"role": "tool", "tool_call_id": call["id"], "content": ""}
    return {"messages": [*X, {"role": "assistant", "tool_calls": [call]}, result]}


def tool(schema: Any = None, **more: Any) -> dict[str, Any]:
    return {"tools": [{"type": "function", "function": {"name": "f", "parameters": schema, **more}}]}


def answer(schema: Any, **definitions: Any) -> dict[str, Any]:
    """A form that answers are held to, with one property."""
    whole = {
        "type": "object",
        "properties": {"it": schema},
        "required": ["it"],
        "additionalProperties": False,
        "$defs": definitions,
    }
    form = {"name": "n", "schema": whole, "strict": True}
    return {"response_format": {"type": "json_schema", "json_schema": form}}


WRONG: list[tuple[dict[str, Any], str, str | None, str | None]] = [
    (
        called(id="i" * 41),
        "Invalid 'messages[1].tool_calls[0].id': string too long. Expected a string with maximum length 40, but got a "
        "string with length 41 instead.",
        "messages[1].tool_calls[0].id",
        "string_above_max_length",
    ),
    (
        called(function={"name": "a.b", "arguments": "{}"}),
        "Invalid 'messages[1].tool_calls[0].function.name': string does not match pattern.",
        "messages[1].tool_calls[0].function.name",
        "invalid_value",
    ),
    (
        tool(name=LONG),
        "Invalid 'tools[0].function.name': string too long. Expected a string with maximum length 64, but got a string "
        "with length 65 instead.",
        "tools[0].function.name",
        "string_above_max_length",
    ),
    (
        tool(description="d" * 1025),
        "Invalid 'tools[0].function.description': string too long. Expected a string with maximum length 1024,",
        "tools[0].function.description",
        "string_above_max_length",
    ),
    (
        tool({}),
        "Invalid schema for function 'f': schema must be a JSON Schema of 'type: \"object\"', got 'type: \"None\"'.",
        "tools[0].function.parameters",
        "invalid_function_parameters",
    ),
    (
        tool({"type": "object"}),
        "Invalid schema for function 'f': In context=(), object schema missing properties.",
        "tools[0].function.parameters",
        "invalid_function_parameters",
    ),
    (
        tool({"type": "object", "properties": {"it": {"type": "array"}}}),
        "Invalid schema for function 'f': In context=('properties', 'it'), array schema missing items.",
        "tools[0].function.parameters",
        "invalid_function_parameters",
    ),
    (
        tool({"type": "object", "properties": {}}, strict=True),
        "Invalid schema for function 'f': In context=(), 'additionalProperties' is required to be supplied and to be",
        "tools[0].function.parameters",
        "invalid_function_parameters",
    ),
    (
        answer({"type": "object", "properties": {"n": {}}, "additionalProperties": False}),
        "Invalid schema for response_format 'n': In context=('properties', 'it'), 'required' is required to be "
        "supplied and to be an array including every key in properties. Missing 'n'.",
        "response_format",
        None,
    ),
    (
        answer({"$ref": "#/$defs/lost"}),
        "Invalid schema for response_format 'n': In context=('properties', 'it'), reference to component "
        "'#/$defs/lost' which was not found in the schema.",
        "response_format",
        None,
    ),
    (
        answer({"oneOf": [{"type": "string"}]}),
        "Invalid schema for response_format 'n': In context=('properties', 'it'), 'oneOf' is not permitted.",
        "response_format",
        None,
    ),
]


@pytest.mark.parametrize("wrong", WRONG, ids=[wrong[1][:48] for wrong in WRONG])
async def test_a_wrong_tool_or_form_gets_openais_400(
    openai_client: openai.AsyncOpenAI, wrong: tuple[dict[str, Any], str, str | None, str | None]
) -> None:
    change, message, param, code = wrong
    refused = await refusal_of(openai_client, {"model": "gpt-4o", "messages": X, **change})
    assert refused["message"].startswith(message)
    assert (refused["param"], refused["code"], refused["type"]) == (param, code, "invalid_request_error")


TAKEN: dict[str, dict[str, Any]] = {
    "a result of nothing": called(),
    "a tool that takes text": {"tools": [{"type": "custom", "custom": {"name": "run"}}]},
    "a call of a tool that takes text": called(type="custom", custom={"name": "run", "input": "x"}),
    "an older call": {
        "messages": [
            *X,
            {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{broken"}},
            {"role": "function", "name": "f", "content": "x"},
        ]
    },
    "metadata of what is stored": {"metadata": {"run": "7"}, "store": True},
    "a function without parameters": tool(),
    "a recursive answer": answer(
        {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
        node={
            "type": "object",
            "properties": {"next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}},
            "required": ["next"],
            "additionalProperties": False,
        },
    ),
}


@pytest.mark.parametrize("taken", TAKEN)
async def test_what_is_right_is_taken(http: httpx.AsyncClient, sim: Simulator, taken: str) -> None:
    body = {"model": "gpt-4o", "messages": X, **TAKEN[taken]}
    response = await http.post(f"{sim.url}/openai/v1/chat/completions", json=body, headers=KEY)
    assert response.status_code == 200, response.text
