"""Anthropic's client asks for messages through the real gateway, natively of Claude and translated of all others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import anthropic
import httpx
import pytest
from anthropic import Anthropic
from anthropic.types import Message, RawMessageStreamEvent
from pydantic import TypeAdapter

from local.simulator import Fault, SimulatorControl
from tests.support.gateway import Gateway
from tests.support.three_providers import PARIS, PROVIDERS, gateway_to_all

EVENT: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)
SENTENCE = "Paris is the capital of France."
COUNT: Any = [{"role": "user", "content": "Count to 60"}]
COUNTED = ", ".join(str(n) for n in range(1, 61)) + "."
WEATHER: Any = {
    "name": "get_weather",
    "description": "The weather somewhere.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


@pytest.fixture(scope="module")
def gateway(simulator: SimulatorControl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with gateway_to_all(simulator, tmp_path_factory.mktemp("messages")) as running:
        yield running


@pytest.fixture
def client(gateway: Gateway, simulator: SimulatorControl) -> Iterator[Anthropic]:
    simulator.reset()
    with Anthropic(base_url=gateway.url, api_key="none", max_retries=0, timeout=60.0) as made:
        yield made


def streamed(client: Anthropic, **body: Any) -> list[Any]:
    """The events, each of the SDK's type, in the order that Anthropic's grammar has."""
    events = list(client.messages.create(stream=True, **body))
    for event in events:
        EVENT.validate_python(json.loads(event.to_json()))
    check_grammar([json.loads(event.to_json()) for event in events])
    return events


def check_grammar(events: list[dict[str, Any]]) -> None:
    kinds = [event["type"] for event in events]
    assert (kinds[0], kinds[-2:]) == ("message_start", ["message_delta", "message_stop"])
    opened: list[int] = []
    closed = -1
    for event in events[1:-2]:
        if event["type"] == "content_block_start":
            assert event["index"] == closed + len(opened) + 1
            opened.append(event["index"])
        elif event["type"] == "content_block_stop":
            opened.remove(event["index"])
            closed = max(closed, event["index"])
        else:
            assert event["type"] == "content_block_delta"
            assert event["index"] in opened
    assert opened == []


def text_of(events: list[Any]) -> str:
    deltas = [event.delta for event in events if event.type == "content_block_delta"]
    return "".join(delta.text for delta in deltas if delta.type == "text_delta")


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


def test_claude_is_sent_the_body_as_it_came(client: Anthropic, simulator: SimulatorControl) -> None:
    body: dict[str, Any] = {
        "max_tokens": 300,
        "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
        "messages": PARIS,
        "tools": [{**WEATHER, "eager_input_streaming": True}],
        "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
        "metadata": {"user_id": "u1"},
        "service_tier": "standard_only",
    }
    betas = {"anthropic-beta": "context-1m-2025-08-07,interleaved-thinking-2025-05-14"}
    client.messages.create(model="anthropic", extra_headers=betas, extra_query={"beta": "true"}, **body)
    (sent,) = simulator.requests()
    assert sent.body == {"model": "claude-sonnet-4-6", **body}
    assert sent.headers["anthropic-beta"] == betas["anthropic-beta"]


def test_a_broken_stream_of_claude_goes_on_in_the_same_block(client: Anthropic, simulator: SimulatorControl) -> None:
    simulator.inject(Fault(kind="cut"), model="gpt-4o")
    events = streamed(client, model="openai", max_tokens=2000, messages=COUNT)
    assert text_of(events) == COUNTED
    assert len([event for event in events if event.type == "content_block_start"]) == 1
    assert len(events[-2].model_extra["router"]["responders"]) == 2


def test_a_stream_that_cannot_be_finished_ends_in_an_error_event(
    client: Anthropic, simulator: SimulatorControl
) -> None:
    simulator.inject(Fault(kind="cut"), provider="anthropic")
    told: list[str] = []
    stream = client.messages.create(
        model="anthropic", max_tokens=2000, messages=COUNT, stream=True, extra_body={"router": {"fallback": False}}
    )
    with pytest.raises(anthropic.APIStatusError, match="incomplete") as raised:
        told.extend(event.type for event in stream)
    assert "content_block_delta" in told
    assert "message_stop" not in told
    body: Any = raised.value.body
    assert body["error"]["type"] == "api_error"
    assert body["request_id"]


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        ({"model": "nobody"}, anthropic.NotFoundError, 404),
        ({"model": "anthropic", "temperature": 3}, anthropic.BadRequestError, 400),
        ({"model": "anthropic", "workspace_id": "w"}, anthropic.BadRequestError, 400),
    ],
)
def test_errors_have_anthropics_envelope(
    *, client: Anthropic, body: dict[str, Any], kind: type[anthropic.APIStatusError], status: int
) -> None:
    with pytest.raises(kind) as raised:
        client.messages.create(max_tokens=10, messages=PARIS, extra_body=body, model=body["model"])
    told: Any = raised.value.body
    assert (raised.value.status_code, told["type"]) == (status, "error")
    assert told["request_id"] == raised.value.request_id
    assert told["error"]["param"] in (*body, "model")


@pytest.mark.parametrize(
    ("fault", "status", "kind"),
    [
        (Fault(kind="status", status=529), 500, "api_error"),
        (Fault(kind="status", status=429, retry_after="30"), 429, "rate_limit_error"),
    ],
)
def test_an_exhausted_chain_is_not_repeated_by_the_sdk(
    *, gateway: Gateway, simulator: SimulatorControl, fault: Fault, status: int, kind: str
) -> None:
    simulator.reset()
    simulator.inject(fault, model="sim-solid")
    with (
        Anthropic(base_url=gateway.url, api_key="none", max_retries=3) as client,
        pytest.raises(anthropic.APIStatusError) as raised,
    ):
        client.messages.create(model="solid", max_tokens=10, messages=PARIS)
    assert (raised.value.status_code, raised.value.type) == (status, kind)
    assert raised.value.response.headers["x-should-retry"] == "false"
    assert len({record.arrived for record in simulator.requests()}) <= 3


def test_server_tools_are_asked_of_claude_alone(client: Anthropic, simulator: SimulatorControl) -> None:
    search: Any = {"type": "web_search_20250305", "name": "web_search"}
    answer = client.messages.create(model="thrifty", max_tokens=100, messages=PARIS, tools=[search])
    assert answer.model == "claude-sonnet-4-6"
    assert simulator.requests()[0].body["tools"] == [search]
    with pytest.raises(anthropic.BadRequestError, match=r"tools\[0\] \(web_search_20250305\)"):
        client.messages.create(
            model="llama", max_tokens=100, messages=PARIS, tools=[search], extra_body={"router": {"fallback": False}}
        )


def test_what_claude_did_not_sign_never_reaches_it(client: Anthropic, simulator: SimulatorControl) -> None:
    foreign = {"type": "thinking", "thinking": "hm", "signature": "fallback-router:gpt-5.4"}
    said: Any = {"role": "assistant", "content": [foreign, {"type": "text", "text": "Yes?"}]}
    answer = client.messages.create(
        model="anthropic", max_tokens=100, messages=[*PARIS, said, *PARIS], extra_body={"router": {"explain": True}}
    )
    assert simulator.requests()[0].body["messages"][1]["content"] == [{"type": "text", "text": "Yes?"}]
    assert (answer.model_extra or {})["router"]["attempts"][0]["adjusted"] == ["thinking blocks dropped"]


def test_either_header_holds_the_key(gateway: Gateway) -> None:
    body = {"model": "anthropic", "max_tokens": 10, "messages": PARIS}
    for headers in ({"x-api-key": "k"}, {"authorization": "Bearer k"}):
        assert httpx.post(f"{gateway.url}/v1/messages?beta=true", json=body, headers=headers).status_code == 200


def test_betas_of_the_account_are_dropped_and_said(client: Anthropic, simulator: SimulatorControl) -> None:
    betas = {"anthropic-beta": "admin-user-sign-out-2026-10-08, context-1m-2025-08-07"}
    answer = client.messages.create(
        model="anthropic",
        max_tokens=10,
        messages=PARIS,
        extra_headers=betas,
        extra_body={"router": {"explain": True}},
    )
    assert simulator.requests()[0].headers["anthropic-beta"] == "context-1m-2025-08-07"
    assert (answer.model_extra or {})["router"]["attempts"][0]["adjusted"] == ["anthropic-beta dropped"]


def test_tokens_are_counted_by_claude(client: Anthropic, simulator: SimulatorControl) -> None:
    raw = client.messages.with_raw_response.count_tokens(model="anthropic", messages=PARIS, tools=[WEATHER])
    asked = client.messages.create(model="anthropic", max_tokens=10, messages=PARIS, tools=[WEATHER])
    assert raw.parse().input_tokens == asked.usage.input_tokens
    assert raw.headers["x-router-model"] == "claude-sonnet-4-6"
    assert simulator.requests()[0].path == "/anthropic/v1/messages/count_tokens"


def test_a_count_is_the_next_ones_where_the_first_cannot(client: Anthropic, simulator: SimulatorControl) -> None:
    simulator.inject(Fault(kind="status", status=529), model="gpt-4o")
    raw = client.messages.with_raw_response.count_tokens(model="openai", messages=PARIS)
    assert raw.headers["x-router-model"] == "claude-haiku-4-5"
    assert simulator.requests()[0].provider == "anthropic"


def test_an_estimate_is_marked_as_one(client: Anthropic, simulator: SimulatorControl) -> None:
    simulator.inject(Fault(kind="status", status=500), provider="anthropic")
    for model in ("nova", "anthropic"):
        count = client.messages.count_tokens(model=model, messages=PARIS, system="Be brief.")
        assert count.input_tokens == 10
        assert count.to_dict()["router"] == {"estimated": True}


def test_a_count_of_what_is_wrong_is_refused_in_anthropics_words(client: Anthropic) -> None:
    with pytest.raises(anthropic.NotFoundError) as raised:
        client.messages.count_tokens(model="nobody", messages=PARIS)
    assert raised.value.type == "not_found_error"
    with pytest.raises(anthropic.BadRequestError, match="max_tokens"):
        client.messages.count_tokens(model="anthropic", messages=PARIS, extra_body={"max_tokens": 1})


@pytest.mark.parametrize("stream", [False, True])
def test_bedrocks_claude_is_invoked_with_the_body_as_it_came(
    *, client: Anthropic, simulator: SimulatorControl, stream: bool
) -> None:
    body: dict[str, Any] = {
        "max_tokens": 2000,
        "messages": PARIS,
        "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        "tools": [WEATHER],
        "thinking": {"type": "adaptive"},
        "output_config": {"effort": "low"},
        "metadata": {"user_id": "u1"},
    }
    betas = {"anthropic-beta": "context-1m-2025-08-07,claude-code-20250219"}
    with_router = {"router": {"explain": True}}
    if stream:
        asked: dict[str, Any] = {"model": "bedrock", "extra_headers": betas, "extra_body": with_router, **body}
        events = streamed(client, **asked)
        assert events[0].message.id.startswith("msg_01")
        told = events[-2].model_extra["router"]
    else:
        answer = client.messages.create(model="bedrock", extra_headers=betas, extra_body=with_router, **body)
        assert answer.id.startswith("msg_01")
        told = (answer.model_extra or {})["router"]
    (sent,) = simulator.requests()
    assert sent.path.endswith("/invoke-with-response-stream" if stream else "/invoke")
    version = {"anthropic_version": "bedrock-2023-05-31", "anthropic_beta": ["context-1m-2025-08-07"]}
    assert sent.body == {**version, **body}
    assert told["attempts"][0]["adjusted"] == ["anthropic-beta dropped"]
    assert told["cost_usd"] > 0


@pytest.mark.parametrize("kind", ["malformed", "in_band_error"])
def test_a_broken_stream_of_bedrocks_claude_is_resumed(
    *, client: Anthropic, simulator: SimulatorControl, kind: Any
) -> None:
    simulator.inject(Fault(kind=kind), provider="bedrock", model="us.anthropic.claude-sonnet-4-6")
    events = streamed(client, model="invoked", max_tokens=2000, messages=COUNT)
    assert text_of(events) == COUNTED
    assert len([event for event in events if event.type == "content_block_start"]) == 1
    assert events[0].message.id.startswith("msg_01"), "it began natively"
    assert events[-2].model_extra["router"]["responders"][1] == "anthropic:claude-haiku-4-5"


def test_a_stream_that_breaks_behind_a_thought_goes_on_in_its_text(
    client: Anthropic, simulator: SimulatorControl
) -> None:
    simulator.inject(Fault(kind="cut", after_chunks=20), provider="bedrock", model="us.anthropic.claude-sonnet-4-6")
    events = streamed(client, model="invoked", max_tokens=4000, messages=COUNT, thinking={"type": "adaptive"})
    assert text_of(events) == COUNTED
    kinds = [event.content_block.type for event in events if event.type == "content_block_start"]
    assert kinds == ["thinking", "text"]
    assert len(events[-2].model_extra["router"]["responders"]) == 2


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
