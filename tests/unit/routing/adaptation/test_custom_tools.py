"""Custom tools for models whose API has functions alone: sent as functions, called as custom tools."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from litellm_fallback_router.routing.adaptation import Adapted, adapt
from litellm_fallback_router.routing.adaptation.postprocess import Chunks, processed
from litellm_fallback_router.routing.failures import ProviderFailure
from litellm_fallback_router.routing.ledger import Usage
from litellm_fallback_router.routing.request import MessageFeatures
from litellm_fallback_router.routing.types import ChatRequest, Chunk, Deployment, Message, NativeRequest, ProviderAnswer

GRAMMAR = {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: LINE"}}
PATCH: dict[str, Any] = {"type": "custom", "custom": {"name": "patch", "description": "Edit.", "format": GRAMMAR}}
LOOK: dict[str, Any] = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
CALLED = {"id": "c0", "type": "custom", "custom": {"name": "patch", "input": 'say "x"\n'}}
HISTORY: list[Message] = [
    {"role": "user", "content": "Mend it."},
    {"role": "assistant", "content": None, "tool_calls": [CALLED]},
    {"role": "tool", "tool_call_id": "c0", "content": "done"},
]


def place(provider: str, model: str) -> Deployment:
    return Deployment("m", "m", provider, model, f"{provider}/{model}", "key")


def adapted(provider: str = "anthropic", model: str = "claude-sonnet-4-6", **params: Any) -> Adapted:
    request = ChatRequest("m", HISTORY, {"tools": [LOOK, PATCH], **params})
    return adapt(place(provider, model), request, MessageFeatures.of(request.messages))


def answered(request: Adapted, arguments: str, finish: str = "tool_calls", name: str = "patch") -> Any:
    call = {"id": "c1", "type": "function", "function": {"name": name, "arguments": arguments}}
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": None, "tool_calls": [call]},
        "finish_reason": finish,
    }
    return processed(ProviderAnswer([choice], Usage(), None), request.postprocessors).choices[0]["message"][
        "tool_calls"
    ]


def streamed(request: Adapted, *deltas: dict[str, Any], finish: str = "tool_calls") -> list[dict[str, Any]]:
    after = Chunks(request.postprocessors)
    chunks = [Chunk([{"index": 0, "delta": delta, "finish_reason": None}]) for delta in deltas]
    chunks.append(Chunk([{"index": 0, "delta": {}, "finish_reason": finish}]))
    return [choice for chunk in chunks for choice in after.processed(chunk).choices]


@pytest.mark.parametrize(
    ("provider", "model"),
    [("anthropic", "claude-sonnet-4-6"), ("bedrock", "us.amazon.nova-2-lite-v1:0"), ("mistral", "mistral-large")],
)
def test_it_is_a_function_of_one_string_that_is_told_the_grammar(provider: str, model: str) -> None:
    request = adapted(provider, model, tool_choice={"type": "custom", "custom": {"name": "patch"}})
    function = request.params["tools"][1]["function"]
    assert request.params["tools"][1]["type"] == "function"
    assert (function["name"], function["description"]) == ("patch", "Edit.")
    assert function["parameters"]["properties"]["input"]["type"] == "string"
    assert "start: LINE" in function["parameters"]["properties"]["input"]["description"]
    assert request.params["tool_choice"] == {"type": "function", "function": {"name": "patch"}}
    assert {
        'tools[1] sent as a function of one string, "input"',
        "tools[1].custom.format told to the model",
        "calls of custom tools sent as calls of functions",
    } <= set(request.adjusted)
    (call,) = [call for message in request.messages for call in message.get("tool_calls") or ()]
    assert call["type"] == "function"
    assert json.loads(call["function"]["arguments"]) == {"input": 'say "x"\n'}


def test_openai_has_them_itself() -> None:
    request = adapted("openai", "gpt-5.4")
    assert request.params["tools"][1] == PATCH
    assert request.messages[1]["tool_calls"] == [CALLED]
    assert request.adjusted == ()


def test_other_servers_get_a_chat_s_as_they_came_and_functions_for_the_rest() -> None:
    server = replace(place("openai", "qwen"), openai_compatible=True, api_base="http://127.0.0.1:1/v1")
    request = ChatRequest("m", HISTORY, {"tools": [PATCH]})
    assert adapt(server, request, MessageFeatures.of(HISTORY)).params["tools"] == [PATCH]
    came_otherwise = replace(request, native=NativeRequest("responses", {"input": "hi"}))
    (tool,) = adapt(server, came_otherwise, MessageFeatures.of(HISTORY)).params["tools"]
    assert tool["type"] == "function"


def test_a_whole_answer_s_call_is_of_the_custom_tool() -> None:
    request = adapted()
    assert answered(request, '{"input": "*** Begin\\n"}') == [
        {"id": "c1", "type": "custom", "custom": {"name": "patch", "input": "*** Begin\n"}}
    ]
    assert answered(request, "{}", name="look")[0]["type"] == "function"


@pytest.mark.parametrize("arguments", ["", "{}", '{"text": "x"}', '{"input": 7}', '{"input": "x', "[]"])
def test_a_call_without_its_text_is_no_answer(arguments: str) -> None:
    with pytest.raises(ProviderFailure, match="without a text"):
        answered(adapted(), arguments)


def test_of_a_call_that_was_cut_off_the_text_so_far_is_given() -> None:
    assert answered(adapted(), '{"input": "*** Be', finish="length")[0]["custom"]["input"] == "*** Be"
    assert answered(adapted(), '{"inp', finish="length")[0]["custom"]["input"] == ""


def test_a_streamed_call_comes_whole_with_the_finish_reason() -> None:
    first = {"index": 1, "id": "c1", "type": "function", "function": {"name": "patch", "arguments": ""}}
    looks = {"index": 0, "id": "c2", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    choices = streamed(
        adapted(),
        {"content": "Now."},
        {"tool_calls": [looks]},
        {"tool_calls": [first]},
        {"tool_calls": [{"index": 1, "function": {"arguments": '{"input": "a'}}]},
        {"tool_calls": [{"index": 1, "function": {"arguments": 'b"}'}}]},
    )
    assert [choice["delta"] for choice in choices] == [
        {"content": "Now."},
        {"tool_calls": [looks]},
        {"tool_calls": [{"index": 1, "id": "c1", "type": "custom", "custom": {"name": "patch", "input": "ab"}}]},
    ]
    assert choices[-1]["finish_reason"] == "tool_calls"


def test_names_that_were_shortened_and_custom_tools_are_both_read_back() -> None:
    long = "patch_" + "x" * 80
    request = ChatRequest("m", HISTORY[:1], {"tools": [{"type": "custom", "custom": {"name": long}}]})
    nova = place("bedrock", "us.amazon.nova-2-lite-v1:0")
    fitted = adapt(nova, request, MessageFeatures.of(request.messages))
    sent = fitted.params["tools"][0]["function"]["name"]
    assert sent != long
    assert answered(fitted, '{"input": "x"}', name=sent)[0]["custom"] == {"name": long, "input": "x"}
