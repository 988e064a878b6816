"""What may be asked from Python: mistakes are told as the caller's, by the gateway's rules, before anything is sent."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest

from litellm_fallback_router import AIAssistant, ChatRequest, InvalidRequestError, Prompt, RoutingConstraints, assistant
from litellm_fallback_router.api.formats.chat import parse_chat
from tests.support.scripted import question, read, rig

USER = {"role": "user", "content": "What is the capital of France?"}


@pytest.fixture
def unreachable_router(monkeypatch: pytest.MonkeyPatch) -> None:
    def build() -> None:
        raise AssertionError("a wrong argument got as far as the router")

    monkeypatch.setattr(assistant, "shared_router", build)


@pytest.mark.usefixtures("unreachable_router")
@pytest.mark.parametrize(
    ("arguments", "field", "words"),
    [
        ({"question": None}, "question", "Give a question, a prompt or both"),
        ({"question": 5}, "question", "expected a string, but got an integer"),
        ({"question": b"hi"}, "question", "expected a string, but got a bytes"),
        ({"question": ""}, "question", "at least 1 character"),
        ({"system_prompt": 5}, "system_prompt", "expected a string, but got an integer"),
        ({"primary_model": ""}, "primary_model", "at least 1 character"),
        ({"primary_model": ["openai-gpt4o"]}, "primary_model", "expected a string, but got an array"),
        ({"temperature": "hot"}, "temperature", "expected a number, but got a string"),
        ({"temperature": 9}, "temperature", "less than or equal to 2"),
        ({"temperature": math.nan}, "temperature", "finite number"),
        ({"max_tokens": 3.5}, "max_tokens", "expected an integer, but got a decimal number"),
        ({"max_tokens": 0}, "max_tokens", "greater than or equal to 1"),
        ({"max_tokens": "many"}, "max_tokens", "expected an integer, but got a string"),
        ({"max_tokens": True}, "max_tokens", "expected an integer, but got a boolean"),
        ({"timeout": -1}, "timeout", "greater than 0"),
        ({"timeout": 0}, "timeout", "greater than 0"),
        ({"timeout": math.nan}, "timeout", "finite number"),
        ({"timeout": "x"}, "timeout", "expected a number, but got a string"),
        ({"prompt": "CAPITALS01"}, "prompt", "expected a Prompt, but got a string"),
        ({"prompt": Prompt("CAPITALS01", version=1)}, "prompt.version", "expected a string"),  # type: ignore[arg-type]
        ({"prompt": Prompt("CAPITALS01", variables={"n": 5})}, "prompt.variables.n", "expected a string"),  # type: ignore[dict-item]
    ],
    ids=str,
)
def test_wrong_argument_of_the_assistant_is_named(arguments: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(InvalidRequestError, match=words) as caught:
        AIAssistant(**{"question": "What is the capital of France?", **arguments})
    assert caught.value.param == field
    assert field in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"model": None}, "model", "Missing required parameter"),
        ({"model": 5}, "model", "expected a string"),
        ({"messages": None}, "messages", "Missing required parameter"),
        ({"messages": "hi"}, "messages", "expected an array of messages, but got a string"),
        ({"messages": []}, "messages", "Send at least one message"),
        ({"messages": ["hi"]}, "messages[0]", "expected an object, but got a string"),
        ({"messages": ({"role": "robot", "content": "hi"},)}, "messages[0].role", "Supported values are"),
        ({"params": "hot"}, "params", "expected an object, but got a string"),
        ({"params": {5: 1}}, "params", "names that are strings"),
        ({"params": {"temprature": 1}}, "temprature", "Did you mean 'temperature'"),
        ({"params": {"tools": ({},)}}, "tools", "expected an array, but got a tuple"),
        ({"params": {"api_base": "http://127.0.0.1"}}, "api_base", "operator's to set"),
        ({"params": {"aws_region_name": "us-east-1"}}, "aws_region_name", "operator's to set"),
        ({"params": {"stream": True}}, "stream", "router.stream"),
        ({"params": {"timeout": 5}}, "timeout", "give it to ChatRequest itself, as timeout="),
        ({"timeout": 0}, "timeout", "greater than 0"),
        ({"timeout": math.inf}, "timeout", "finite number"),
        ({"time_left": -1.0}, "time_left", "greater than or equal to 0"),
        (
            {"constraints": {"providers": ["bedrock"]}},
            "constraints",
            "expected a RoutingConstraints, but got an object",
        ),
        ({"constraints": RoutingConstraints(providers="bedrock")}, "constraints.providers", "expected an array"),  # type: ignore[arg-type]
        ({"constraints": RoutingConstraints(fallback="no")}, "constraints.fallback", "expected a boolean"),  # type: ignore[arg-type]
        ({"prompt": {"id": "CAPITALS01"}}, "prompt", "expected a Prompt, but got an object"),
        ({"request_id": 5}, "request_id", "expected a string"),
    ],
    ids=str,
)
async def test_wrong_request_is_refused_before_anybody_is_asked(fields: dict[str, Any], field: str, words: str) -> None:
    r = rig("a", circuit_failures=1)
    request = ChatRequest(**{"model": "a", "messages": [USER], **fields})

    for ask in (r.router.complete, r.router.explain):
        with pytest.raises(InvalidRequestError, match=words) as caught:
            await ask(request)
        assert caught.value.param == field
    with pytest.raises(InvalidRequestError, match=words):
        r.router.stream(request)

    assert (r.provider.calls, r.notes.attempts) == ([], [])
    assert (await r.router.complete(question())).provider == "openai:a", "no circuit is open"


async def test_what_is_no_request_is_said_to_be_none() -> None:
    with pytest.raises(InvalidRequestError, match="expected a ChatRequest, but got a string"):
        await rig("a").router.complete("What is the capital of France?")  # type: ignore[arg-type]


async def test_tuple_of_messages_and_a_null_parameter_are_fine() -> None:
    r = rig("a")
    request = ChatRequest("a", (USER,), {"temperature": 1, "seed": None})

    assert (await r.router.complete(request)).text == (await read(r.router, request))[0]
    assert [(call.messages, call.params) for call in r.provider.calls] == [([USER], {"temperature": 1})] * 2


@pytest.mark.parametrize(
    "params",
    [
        {"temperature": 3},
        {"n": 0},
        {"stop": 5},
        {"logit_bias": {"50256": 101}},
        {"top_logprobs": 3},
        {"response_format": {"type": "json_schema"}},
        {"tools": [{"type": "function"}]},
        {"tool_choice": "maybe"},
        {"base_url": "http://127.0.0.1"},
        {"sead": 1},
    ],
    ids=str,
)
async def test_gateway_and_library_refuse_the_same_in_the_same_words(params: Mapping[str, Any]) -> None:
    with pytest.raises(InvalidRequestError) as over_http:
        parse_chat({"model": "a", "messages": [USER], **params})
    with pytest.raises(InvalidRequestError) as from_python:
        await rig("a").router.complete(ChatRequest("a", [USER], params))

    assert str(from_python.value) == str(over_http.value)
    assert (from_python.value.param, from_python.value.code) == (over_http.value.param, over_http.value.code)


def offering(**function: Any) -> dict[str, Any]:
    return {"tools": [{"type": "function", "function": {"name": "look_up", **function}}]}


@pytest.mark.parametrize(
    ("messages", "params", "field", "words"),
    [
        ([{"role": "user", "content": "\ud800"}], {}, "messages", "half of a surrogate pair"),
        ([USER], {"user": "\udc00"}, "user", "half of a surrogate pair"),
        ([USER], offering(description="\ud800"), "tools", "half of a surrogate pair"),
        ([USER], offering(parameters={"type": "object", "required": {"place"}}), "tools", "JSON cannot hold"),
        ([USER], offering(parameters={"type": "object", "maximum": 10**6000}), "tools", "JSON cannot hold"),
    ],
)
async def test_what_json_cannot_hold_is_the_callers_mistake_and_nobodys_failure(
    messages: list[dict[str, Any]], params: dict[str, Any], field: str, words: str
) -> None:
    tested = rig("a")
    with pytest.raises(InvalidRequestError, match=words) as refused:
        await tested.router.complete(ChatRequest("a", messages, params))
    assert refused.value.param == field
    assert not tested.provider.calls
