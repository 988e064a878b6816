"""Anthropic's client asks for messages through the real gateway, natively of Claude and translated of all others."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from anthropic import Anthropic
from anthropic.types import Message

from local.simulator import SimulatorControl
from tests.support.gateway import Gateway
from tests.support.messages_events import WEATHER, check_grammar, streamed, text_of
from tests.support.three_providers import PARIS, PROVIDERS

SENTENCE = "Paris is the capital of France."


@pytest.mark.parametrize("model", PROVIDERS)
def test_a_question_is_answered_whole_and_streamed(client: Anthropic, model: str) -> None:
    raw = client.messages.with_raw_response.create(model=model, max_tokens=100, system="Be brief.", messages=PARIS)
    answer = raw.parse()
    Message.model_validate(json.loads(raw.text()))
    assert [block.to_dict() for block in answer.content] == [{"type": "text", "text": SENTENCE}]
    assert (answer.stop_reason, answer.stop_sequence) == ("end_turn", None)
    assert answer.usage.input_tokens > 0
    assert answer.usage.output_tokens > 0
    assert raw.headers["x-router-provider"] == model
    assert raw.headers["request-id"] == raw.headers["x-request-id"]
    assert float(raw.headers["x-router-cost-usd"]) > 0
    events = streamed(client, model=model, max_tokens=100, messages=PARIS)
    assert text_of(events) == SENTENCE
    assert events[0].message.model == answer.model
    assert events[-2].delta.stop_reason == "end_turn"
    assert events[-2].usage.output_tokens == answer.usage.output_tokens


@pytest.mark.parametrize("model", PROVIDERS)
@pytest.mark.parametrize("stream", [False, True])
def test_a_loop_of_tool_calls_comes_to_its_end(*, client: Anthropic, model: str, stream: bool) -> None:
    history: list[Any] = [{"role": "user", "content": "What is the weather in Ulm?"}]
    asked: dict[str, Any] = {"model": model, "max_tokens": 500, "tools": [WEATHER], "messages": history}
    for expected in ("tool_use", "end_turn"):
        if stream:
            with client.messages.stream(**asked) as events:
                answer: Any = events.get_final_message()
        else:
            answer = client.messages.create(**asked)
        assert answer.stop_reason == expected
        history.append({"role": "assistant", "content": [block.to_dict() for block in answer.content]})
        if expected == "tool_use":
            call = answer.content[-1]
            assert (call.type, call.name, call.input) == ("tool_use", "get_weather", {"city": call.input["city"]})
            result = {"type": "tool_result", "tool_use_id": call.id, "content": [{"type": "text", "text": "sunny"}]}
            history.append({"role": "user", "content": [result]})


@pytest.mark.parametrize("model", ["anthropic", "bedrock"])
@pytest.mark.parametrize("stream", [False, True])
def test_thoughts_come_signed_and_may_be_sent_again(*, client: Anthropic, model: str, stream: bool) -> None:
    asked: dict[str, Any] = {"model": model, "max_tokens": 4000, "thinking": {"type": "adaptive"}}
    if stream:
        with client.messages.stream(messages=PARIS, **asked) as events:
            answer: Any = events.get_final_message()
        check_grammar([json.loads(event.to_json()) for event in streamed(client, messages=PARIS, **asked)])
    else:
        answer = client.messages.create(messages=PARIS, **asked)
    thought, text = answer.content
    assert (thought.type, text.type) == ("thinking", "text")
    assert thought.thinking
    assert thought.signature
    said = [block.to_dict() for block in answer.content]
    history: Any = [*PARIS, {"role": "assistant", "content": said}, *PARIS]
    assert client.messages.create(messages=history, **asked).stop_reason == "end_turn"


@pytest.mark.parametrize("model", PROVIDERS)
def test_an_answer_keeps_to_a_schema(client: Anthropic, model: str) -> None:
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    }
    config: Any = {"format": {"type": "json_schema", "schema": schema}}
    answer: Any = client.messages.create(model=model, max_tokens=100, messages=PARIS, output_config=config)
    assert json.loads(answer.content[0].text).keys() == {"city"}


def test_either_header_holds_the_key(gateway: Gateway) -> None:
    body = {"model": "anthropic", "max_tokens": 10, "messages": PARIS}
    for headers in ({"x-api-key": "k"}, {"authorization": "Bearer k"}):
        assert httpx.post(f"{gateway.url}/v1/messages?beta=true", json=body, headers=headers).status_code == 200


def test_a_tools_image_reaches_openai_in_a_users_message(client: Anthropic, simulator: SimulatorControl) -> None:
    call = {"type": "tool_use", "id": "t1", "name": "get_weather", "input": {"city": "Ulm"}}
    png = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}
    result = {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "image", "source": png}]}
    history: Any = [*PARIS, {"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
    answer = client.messages.create(
        model="openai",
        max_tokens=100,
        messages=history,
        tools=[WEATHER],
        extra_body={"router": {"explain": True, "fallback": False}},
    )
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    assert simulator.requests()[0].body["messages"][-1] == {"role": "user", "content": [image]}
    told = (answer.model_extra or {})["router"]["attempts"][0]["adjusted"]
    assert told == ["images and files of tool results sent in a user message"]
