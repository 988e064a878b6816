"""Requests that OpenAI's API refuses, and in which words."""

from typing import Any

import httpx
import openai
import pytest

from local.simulator import Simulator
from tests.support.refusals import refusal_of

KEY = {"authorization": "Bearer sim-openai-key"}
X: Any = [{"role": "user", "content": "x"}]
LONG = "n" * 65
WRONG: list[tuple[dict[str, Any], str, str | None, str | None]] = [
    ({"foo": 1}, "Unrecognized request argument supplied: foo", None, None),
    ({"foo": 1, "bar": 2}, "Unrecognized request arguments supplied: bar, foo", None, None),
    (
        {"temperature": 3},
        "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 3 instead.",
        "temperature",
        "decimal_above_max_value",
    ),
    (
        {"temperature": "hot"},
        "Invalid type for 'temperature': expected a decimal, but got a string instead.",
        "temperature",
        "invalid_type",
    ),
    (
        {"n": 0},
        "Invalid 'n': integer below minimum value. Expected a value >= 1, but got 0 instead.",
        "n",
        "integer_below_min_value",
    ),
    (
        {"messages": []},
        "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.",
        "messages",
        "empty_array",
    ),
    (
        {"messages": [{"role": "robot", "content": "x"}]},
        "Invalid value: 'robot'. Supported values are: ",
        "messages[0].role",
        "invalid_value",
    ),
    (
        {"messages": [{"role": "user"}]},
        "Missing required parameter: 'messages[0].content'.",
        "messages[0].content",
        "missing_required_parameter",
    ),
    (
        {"messages": [*X, {"role": "user", "content": "x", "foo": 1}]},
        "Unknown parameter: 'messages[1].foo'.",
        "messages[1].foo",
        "unknown_parameter",
    ),
    (
        {"messages": [{"role": "user", "content": [{"type": "text", "text": 3}]}]},
        "Invalid type for 'messages[0].content[0].text': expected a string, but got an integer instead.",
        "messages[0].content[0].text",
        "invalid_type",
    ),
    (
        {"messages": [{"role": "assistant", "content": None}]},
        "Invalid value for 'content': expected a string, got null.",
        "messages.[0].content",
        None,
    ),
    (
        {"messages": [*X, {"role": "tool", "tool_call_id": "a", "content": "x"}]},
        "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.",
        "messages.[1].role",
        None,
    ),
    (
        {
            "messages": [
                {
                    "role": "assistant",
                    "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
                },
                *X,
            ]
        },
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. "
        "The following tool_call_ids did not have response messages: a",
        "messages.[1].role",
        None,
    ),
    (
        {"stop": ["a", "b", "c", "d", "e"]},
        "Invalid 'stop': array too long. Expected an array with maximum length 4, but got an array with length 5",
        "stop",
        "array_above_max_length",
    ),
    (
        {"tool_choice": "auto"},
        "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.",
        "tool_choice",
        None,
    ),
    (
        {"stream_options": {"include_usage": True}},
        "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
        "stream_options",
        None,
    ),
    (
        {"response_format": {"type": "json_object"}},
        "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.",
        "messages",
        None,
    ),
    (
        {"metadata": {"run": "7"}},
        "The 'metadata' parameter is only allowed when 'store' is enabled.",
        "metadata",
        None,
    ),
    (
        {"metadata": {str(number): "x" for number in range(17)}, "store": True},
        "Invalid 'metadata': too many properties. Expected an object with at most 16 properties, but got an object "
        "with 17 properties instead.",
        "metadata",
        "object_above_max_properties",
    ),
    (
        {"safety_identifier": LONG},
        "Invalid 'safety_identifier': string too long. Expected a string with maximum length 64, but got a string with "
        "length 65 instead.",
        "safety_identifier",
        "string_above_max_length",
    ),
    (
        {"messages": [{"role": "user", "name": "a b", "content": "x"}]},
        "Invalid 'messages[0].name': string does not match pattern. Expected a string that matches the pattern "
        "'^[a-zA-Z0-9_-]+$'.",
        "messages[0].name",
        "invalid_value",
    ),
    (
        {"messages": [{"role": "assistant", "content": "x", "tool_calls": []}]},
        "Invalid 'messages[0].tool_calls': empty array.",
        "messages[0].tool_calls",
        "empty_array",
    ),
    ({"max_tokens": 999_999}, "max_tokens is too large: 999999.", "max_tokens", "invalid_value"),
    ({"reasoning_effort": "low"}, "Unrecognized request argument supplied: reasoning_effort", None, None),
    (
        {"model": "gpt-5.4", "max_tokens": 5},
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        "max_tokens",
        "unsupported_parameter",
    ),
    (
        {"model": "gpt-5.4-mini", "reasoning_effort": "max"},
        "Unsupported value: 'max' is not supported with the 'gpt-5.4-mini' model. Supported values are: 'none', 'low', "
        "'medium', 'high', and 'xhigh'.",
        "reasoning_effort",
        "unsupported_value",
    ),
    (
        {"model": "gpt-5.4", "reasoning_effort": "low", "tools": [{"type": "function", "function": {"name": "f"}}]},
        "Function tools with reasoning_effort are not supported for gpt-5.4 in /v1/chat/completions.",
        "reasoning_effort",
        None,
    ),
    (
        {"model": "gpt-5.4", "reasoning_effort": "low", "temperature": 0.5},
        "Unsupported value: 'temperature' does not support 0.5 with this model.",
        "temperature",
        "unsupported_value",
    ),
    (
        {"model": "gpt-5.4", "reasoning_effort": "low", "top_p": 0.5},
        "Unsupported parameter: 'top_p' is not supported with this model.",
        "top_p",
        "unsupported_parameter",
    ),
    (
        {"model": "gpt-5.4", "stop": "."},
        "Unsupported parameter: 'stop' is not supported with this model.",
        "stop",
        "unsupported_parameter",
    ),
    (
        {"model": "sim-tiny", "messages": [{"role": "user", "content": "x" * 8000}]},
        "This model's maximum context length is 1000 tokens. However, your messages resulted in 2000 tokens.",
        "messages",
        "context_length_exceeded",
    ),
]


@pytest.mark.parametrize("wrong", WRONG, ids=[wrong[1][:48] for wrong in WRONG])
async def test_a_wrong_request_gets_openais_400(
    openai_client: openai.AsyncOpenAI, wrong: tuple[dict[str, Any], str, str | None, str | None]
) -> None:
    change, message, param, code = wrong
    refused = await refusal_of(openai_client, {"model": "gpt-4o", "messages": X, **change})
    assert refused["message"].startswith(message)
    assert (refused["param"], refused["code"], refused["type"]) == (param, code, "invalid_request_error")


JSON = {**KEY, "content-type": "application/json"}
NO_REQUESTS: list[tuple[dict[str, str], bytes, int, str]] = [
    ({}, b"{}", 401, "You didn't provide an API key."),
    ({"authorization": "Basic abc"}, b"{}", 401, "You didn't provide an API key."),
    (KEY, b"{}", 415, "Unsupported Content-Type header: ''"),
    (JSON, b'{"model": NaN}', 400, "We could not parse the JSON body of your request."),
    (JSON, b"[" * 100_000, 400, "We could not parse the JSON body of your request."),
    (JSON, b'{"model": "\xff"}', 400, "We could not parse the JSON body of your request."),
    (JSON, b"{}", 400, "you must provide a model parameter"),
]


@pytest.mark.parametrize("sent", NO_REQUESTS, ids=[f"{sent[2]} {sent[1][:15]!r}" for sent in NO_REQUESTS])
async def test_what_is_no_request_gets_openais_error(
    http: httpx.AsyncClient, sim: Simulator, sent: tuple[dict[str, str], bytes, int, str]
) -> None:
    headers, content, status, message = sent
    response = await http.post(f"{sim.url}/openai/v1/chat/completions", content=content, headers=headers)
    assert response.status_code == status
    assert response.json()["error"]["message"].startswith(message)


async def test_an_unknown_path_gets_openais_404(http: httpx.AsyncClient, sim: Simulator) -> None:
    response = await http.post(f"{sim.url}/openai/v1/nothing", headers={"authorization": "Bearer sim-openai-key"})
    assert response.status_code == 404
    assert response.json()["error"]["message"] == "Invalid URL (POST /openai/v1/nothing)"
