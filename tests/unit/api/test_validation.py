"""What is refused, with which words; and what no caller can get past the door."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, get_type_hints

import httpx
import pytest
from openai.types.chat import completion_create_params as sdk

from litellm_fallback_router.api.formats.chat import NOT_PARAMS, ChatCompletionRequest, parse_chat
from litellm_fallback_router.routing.errors import InvalidRequestError
from tests.unit.api.fakes import FakeRouter

USER = {"role": "user", "content": "hi"}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def chat(**fields: Any) -> dict[str, Any]:
    return {"model": "openai-gpt4o", "messages": [USER], **fields}


def refusal(body: dict[str, Any]) -> InvalidRequestError:
    with pytest.raises(InvalidRequestError) as caught:
        parse_chat(body)
    return caught.value


def test_allow_list_is_the_openai_client_s_fields_and_ours() -> None:
    """Fails when an upgrade of the client brings a field: decide what it means here, then list it."""
    theirs = set(get_type_hints(sdk.CompletionCreateParamsBase)) | {"stream"}
    ours = {"thinking", "top_k", "router", "prompt"}
    assert set(ChatCompletionRequest.__annotations__) == theirs | ours


FORBIDDEN = (
    "api_base api_key base_url aws_access_key_id aws_region_name aws_session_token mock_response "
    "mock_testing_fallbacks mock_tool_calls fallbacks context_window_fallback_dict extra_headers "
    "extra_body headers guardrailConfig guardrails custom_llm_provider organization timeout num_retries "
    "max_retries model_list litellm_call_id litellm_params azure_ad_token vertex_credentials api_version "
    "deployment_id drop_params callbacks proxy_server_request model_info input_cost_per_token "
    "hf_model_name __class__ caller request_id"
)


@pytest.mark.parametrize("name", FORBIDDEN.split())
def test_field_that_is_not_the_caller_s_is_refused_by_name(http: httpx.Client, router: FakeRouter, name: str) -> None:
    answer = http.post("/v1/chat/completions", json=chat(**{name: "x"}))
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == name
    assert name in answer.json()["error"]["message"]
    assert router.asked == []


@pytest.mark.parametrize("name", FORBIDDEN.split())
def test_field_hidden_deeper_never_becomes_a_parameter(http: httpx.Client, router: FakeRouter, name: str) -> None:
    body = chat(
        messages=[{**USER, name: "x"}],
        metadata={name[:64]: "x"},
        tools=[{"type": "function", "function": {"name": "f", name: "x"}, name: "x"}],
    )
    assert http.post("/v1/chat/completions", json=body).status_code == 200
    (asked,) = router.asked
    assert set(asked.params) == {"metadata", "tools"}
    assert set(asked.params).isdisjoint(NOT_PARAMS)


def test_unknown_field_is_refused_in_openai_s_words(http: httpx.Client) -> None:
    answer = http.post("/v1/chat/completions", json=chat(foo=1))
    assert answer.json()["error"] == {
        "message": "Unrecognized request argument supplied: foo",
        "type": "invalid_request_error",
        "param": "foo",
        "code": "unknown_parameter",
    }


WRONG: Iterable[tuple[dict[str, Any], str, str]] = [
    ({"messages": [USER]}, "model", "Missing required parameter: 'model'."),
    ({"model": "m"}, "messages", "Missing required parameter: 'messages'."),
    (chat(model=None), "model", "Missing required parameter"),
    (chat(model=3), "model", "Invalid type for 'model': expected a string, but got an integer instead."),
    (chat(model=""), "model", "at least 1 character"),
    (chat(stop=""), "stop", "at least 1 character"),
    (chat(stop=["END", ""]), "stop", "at least 1 character"),
    (chat(model="x" * 300), "model", "at most 256 characters"),
    (chat(messages=[]), "messages", "empty array"),
    (chat(messages="hi"), "messages", "expected an array of messages, but got a string"),
    (chat(messages={}), "messages", "expected an array"),
    (chat(messages=["hi"]), "messages[0]", "expected an object"),
    (chat(messages=[USER, {}]), "messages[1].role", "Missing required parameter"),
    (chat(messages=[{"role": 1, "content": "x"}]), "messages[0].role", "but got an integer"),
    (chat(messages=[{"role": "boss", "content": "x"}]), "messages[0].role", "Invalid value: 'boss'"),
    (chat(messages=[{"role": "user"}]), "messages[0].content", "expected a string or an array of content parts"),
    (chat(messages=[{"role": "user", "content": None}]), "messages[0].content", "but got null"),
    (chat(messages=[{"role": "user", "content": 5}]), "messages[0].content", "but got an integer"),
    (chat(messages=[{"role": "user", "content": {}}]), "messages[0].content", "but got an object"),
    (chat(messages=[{"role": "user", "content": ["x"]}]), "messages[0].content[0]", "expected an object"),
    (chat(messages=[{"role": "user", "content": [{}]}]), "messages[0].content[0].type", "Missing required"),
    (
        chat(messages=[{"role": "user", "content": [{"type": "text", "text": 1}]}]),
        "messages[0].content[0].text",
        "expected a string",
    ),
    (chat(messages=[{"role": "assistant", "content": None}]), "messages[0].content", "but got null"),
    (chat(messages=[{"role": "tool", "content": "x"}]), "messages[0].tool_call_id", "Missing required parameter"),
    (chat(messages=[{"role": "function", "content": "x"}]), "messages[0].name", "Missing required parameter"),
    (chat(messages=[{**USER, "name": 1}]), "messages[0].name", "expected a string"),
    (
        chat(messages=[{"role": "assistant", "content": None, "tool_calls": {"a": 1}}]),
        "messages[0].tool_calls",
        "expected an array of tool calls",
    ),
    (
        chat(messages=[{"role": "assistant", "tool_calls": [{**CALL, "id": None}]}]),
        "messages[0].tool_calls[0].id",
        "Missing required parameter",
    ),
    (
        chat(messages=[{"role": "assistant", "tool_calls": [{**CALL, "function": {"name": "f", "arguments": {}}}]}]),
        "messages[0].tool_calls[0].function.arguments",
        "expected a string, but got an object",
    ),
    (
        chat(messages=[{"role": "assistant", "tool_calls": [{"id": "c1", "type": "function"}]}]),
        "messages[0].tool_calls[0].function",
        "Missing required parameter",
    ),
    (chat(temperature="0.5"), "temperature", "expected a number, but got a string instead."),
    (chat(temperature=True), "temperature", "expected a number, but got a boolean"),
    (chat(temperature=2.1), "temperature", "less than or equal to 2"),
    (chat(temperature=-0.1), "temperature", "greater than or equal to 0"),
    (chat(top_p=1.1), "top_p", "less than or equal to 1"),
    (chat(n=0), "n", "greater than or equal to 1"),
    (chat(n=129), "n", "less than or equal to 128"),
    (chat(n=1.5), "n", "expected an integer, but got a decimal number"),
    (chat(max_tokens=0), "max_tokens", "greater than or equal to 1"),
    (chat(max_completion_tokens=-1), "max_completion_tokens", "greater than or equal to 1"),
    (chat(presence_penalty=3), "presence_penalty", "less than or equal to 2"),
    (chat(frequency_penalty=-3), "frequency_penalty", "greater than or equal to -2"),
    (chat(stop=["a", "b", "c", "d", "e"]), "stop", "between 1 and 4"),
    (chat(stop=[]), "stop", "between 1 and 4"),
    (chat(stop=[1]), "stop", "expected a string or an array of strings"),
    (chat(stop=7), "stop", "expected a string or an array of strings"),
    (chat(seed=2**70), "seed", "less than or equal to"),
    (chat(logit_bias={"1": 101}), "logit_bias.1", "less than or equal to 100"),
    (chat(logit_bias={"1": "x"}), "logit_bias.1", "expected a number"),
    (chat(logit_bias={str(i): 1 for i in range(2000)}), "logit_bias", "at most 1024 entries"),
    (chat(top_logprobs=2), "top_logprobs", "only allowed when 'logprobs' is true"),
    (chat(logprobs=True, top_logprobs=21), "top_logprobs", "less than or equal to 20"),
    (chat(stream="yes"), "stream", "expected a boolean"),
    (chat(stream_options={"include_usage": True}), "stream_options", "only allowed when 'stream' is true"),
    (chat(stream=True, stream_options={"foo": 1}), "stream_options.foo", "Unrecognized request argument"),
    (chat(tools=[]), "tools", "at least 1 item"),
    (chat(tools={}), "tools", "expected an array"),
    (chat(tools=[1]), "tools[0]", "expected an object"),
    (chat(tools=[{"type": "function"}]), "tools[0].function", "Missing required parameter"),
    (chat(tools=[{"type": "mcp", "server_url": "x"}]), "tools[0].type", "Supported values are: 'function' or 'custom'"),
    (chat(tools=[{"type": "function", "function": {}}]), "tools[0].function.name", "Missing required parameter"),
    (chat(tools=[{"type": "function", "function": {"name": "a b"}}]), "tools[0].function.name", "match pattern"),
    (
        chat(tools=[{"type": "function", "function": {"name": "f", "parameters": "x"}}]),
        "tools[0].function.parameters",
        "expected an object",
    ),
    (
        chat(messages=[{"role": "user", "content": [{"type": "a_kind_of_next_year", "stuff": [1]}]}]),
        "messages[0].content[0].type",
        "Supported values are",
    ),
    (
        chat(messages=[{"role": "tool", "tool_call_id": "c1", "content": "x"}]),
        "messages[0]",
        "must answer a call of the assistant's message",
    ),
    (chat(messages=[{"role": "assistant", "tool_calls": [CALL]}]), "messages[0].tool_calls", "must be answered"),
    (chat(tool_choice="sometimes"), "tool_choice", "expected 'none', 'auto', 'required' or an object"),
    (chat(tool_choice=["auto"]), "tool_choice", "expected 'none', 'auto', 'required' or an object"),
    (chat(response_format="json"), "response_format", "expected an object"),
    (chat(response_format={"type": "xml"}), "response_format.type", "Supported values are"),
    (chat(response_format={"type": "json_schema"}), "response_format.json_schema", "Missing required parameter"),
    (
        chat(response_format={"type": "json_schema", "json_schema": {"schema": {}}}),
        "response_format.json_schema.name",
        "Missing required parameter",
    ),
    (chat(metadata={"a": 1}), "metadata.a", "expected a string"),
    (chat(router={"region": ["x"]}), "router.region", "Unrecognized request argument supplied: router.region"),
    (chat(router={"api_base": "x"}), "router.api_base", "operator's to set"),
    (chat(router={"providers": []}), "router.providers", "at least 1 item"),
    (chat(router={"providers": "bedrock"}), "router.providers", "expected an array"),
    (chat(router={"fallback": "no"}), "router.fallback", "expected a boolean"),
    (chat(router=True), "router", "expected an object"),
]


@pytest.mark.parametrize(("body", "param", "words"), WRONG, ids=[param for _, param, _ in WRONG])
def test_mistake_is_named_with_its_place(body: dict[str, Any], param: str, words: str) -> None:
    error = refusal(body)
    assert (error.status, error.param) == (400, param)
    assert words in str(error)


@pytest.mark.parametrize(
    "message",
    [
        {"role": "developer", "content": "x"},
        {"role": "user", "content": "", "name": "ann"},
        {"role": "user", "content": []},
        {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "A", "format": "wav"}}]},
        {"role": "user", "content": [{"type": "file", "file": {"file_id": "f"}}]},
        {"role": "user", "content": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}]},
        {"role": "user", "content": [{"type": "video_url", "video_url": {"url": "data:", "stuff": [1]}}]},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "assistant", "tool_calls": [{"id": "c", "type": "custom", "custom": {"name": "x", "input": "y"}}]},
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "assistant", "content": "x", "tool_calls": None, "refusal": None, "annotations": []},
        {"role": "assistant", "content": None, "refusal": "no"},
        {"role": "assistant", "content": None, "audio": {"id": "a"}},
        {"role": "assistant", "content": "x", "thinking_blocks": [{"type": "thinking", "signature": "s"}]},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
        {"role": "tool", "tool_call_id": CALL["id"], "content": [{"type": "text", "text": "x"}]},
        {"role": "function", "name": "f", "content": None},
    ],
)
def test_message_a_real_client_sends_passes_unchanged(message: dict[str, Any]) -> None:
    conversation = [message]
    if calls := message.get("tool_calls"):
        conversation.append({"role": "tool", "tool_call_id": calls[0]["id"], "content": "x"})
    if message["role"] == "tool":
        conversation.insert(0, {"role": "assistant", "tool_calls": [CALL]})
    assert parse_chat(chat(messages=conversation))["messages"] == conversation


@pytest.mark.parametrize(
    "fields",
    [
        {"temperature": 0},
        {"temperature": 2},
        {"n": 128},
        {"stop": "END"},
        {"stop": ["a", "b", "c", "d"]},
        {"max_tokens": 1},
        {"tool_choice": "required"},
        {"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": []}}},
        {"tools": [{"type": "custom", "custom": {"name": "grep"}}]},
        {"tools": [{"type": "function", "function": {"name": "f", "strict": None, "description": None}}]},
        {"functions": [{"name": "f", "parameters": {}}], "function_call": {"name": "f"}},
        {"response_format": {"type": "json_object"}},
        {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"}},
        {"prediction": {"type": "content", "content": "x"}},
        {"web_search_options": {}},
        {"service_tier": "auto", "store": False, "verbosity": "low", "prompt_cache_key": "k"},
    ],
)
def test_field_a_real_client_sends_passes_unchanged(fields: dict[str, Any]) -> None:
    parsed = dict(parse_chat(chat(**fields)))
    assert {name: parsed[name] for name in fields} == fields


def test_null_means_absent(http: httpx.Client, router: FakeRouter) -> None:
    nulls = {name: None for name in ChatCompletionRequest.__annotations__ if name not in {"model", "messages"}}
    assert http.post("/v1/chat/completions", json=chat(**nulls)).status_code == 200
    assert router.asked[0].params == {}
