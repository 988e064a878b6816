"""Anthropic's client reads the streams that are made for it: translated, native, or first one and then the other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import anthropic
import httpx
import pytest
from anthropic import Anthropic

from litellm_fallback_router.api import handler
from litellm_fallback_router.routing.errors import StreamInterruptedError, UnavailableError
from litellm_fallback_router.routing.types import Chunk, NativeEvent
from tests.unit.api.fakes import CLAUDE, FELL_BACK, GPT, FakeRouter, exhausted, gateway, text_chunk

ASKED: Any = {"model": "openai-gpt4o", "max_tokens": 100, "messages": [{"role": "user", "content": "hi"}]}
END = text_chunk("", "stop")


@pytest.fixture
def client(served: tuple[FakeRouter, str], router: FakeRouter) -> Iterator[Anthropic]:
    with Anthropic(base_url=served[1], api_key="none", max_retries=0) as made:
        yield made


def delta(**fields: Any) -> Chunk:
    return Chunk([{"index": 0, "delta": fields, "finish_reason": None}])


def call(index: int, arguments: str = "", **named: Any) -> Chunk:
    function = {"arguments": arguments, **({"name": named["name"]} if named else {})}
    head = {"id": named["id"], "type": "function"} if named else {}
    return delta(tool_calls=[{"index": index, **head, "function": function}])


def native(*events: dict[str, Any], text: str = "", finish: str | None = None) -> Chunk:
    """What Claude sent of `text`."""
    fields = {"content": text} if text else {}
    sent = tuple(NativeEvent(event, json.dumps(event).encode()) for event in events)
    return Chunk([{"index": 0, "delta": fields, "finish_reason": finish}], native=sent)


def events_of(client: Anthropic, **more: Any) -> list[dict[str, Any]]:
    return [json.loads(event.to_json()) for event in client.messages.create(stream=True, **ASKED, **more)]


def message_of(client: Anthropic) -> Any:
    with client.messages.stream(**ASKED) as events:
        return events.get_final_message()


def started(text: str) -> Chunk:
    usage = {"input_tokens": 7, "output_tokens": 1}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "content": [], "usage": usage}
    return native(
        {"type": "message_start", "message": message},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}},
        text=text,
    )


def test_thoughts_words_and_calls_are_blocks_one_after_the_other(router: FakeRouter, client: Anthropic) -> None:
    router.chunks = (
        delta(reasoning_content="h"),
        delta(reasoning_content="m"),
        delta(content="Let me "),
        delta(content="see."),
        call(0, id="a", name="look"),
        call(0, '{"x":'),
        call(0, "1}"),
        call(1, id="b", name="look"),
        call(1, "{}"),
        text_chunk("", "tool_calls"),
    )
    message = message_of(client)
    thought, text, one, other = (block.to_dict() for block in message.content)
    assert (thought["thinking"], thought["signature"]) == ("hm", "fallback-router:gpt-4o")
    assert text["text"] == "Let me see."
    assert (one["id"], one["input"]) == ("a", {"x": 1})
    assert (other["id"], other["input"]) == ("b", {})
    assert message.stop_reason == "tool_use"
    kinds = [(event["type"], event.get("index")) for event in events_of(client)]
    for index in range(3):
        stopped = kinds.index(("content_block_stop", index))
        assert kinds.index(("content_block_start", index + 1)) == stopped + 1


def test_calls_that_come_side_by_side_lose_nothing(router: FakeRouter, client: Anthropic) -> None:
    router.chunks = (
        call(0, '{"x":', id="a", name="look"),
        call(1, '{"y":', id="b", name="look"),
        call(0, "1}"),
        call(1, "2}"),
        text_chunk("", "tool_calls"),
    )
    assert [block.input for block in message_of(client).content] == [{"x": 1}, {"y": 2}]


def test_signed_thoughts_keep_their_signatures(router: FakeRouter, client: Anthropic) -> None:
    router.chunks = (
        delta(reasoning_content="hm", thinking_blocks=[{"type": "thinking", "thinking": "hm"}]),
        delta(thinking_blocks=[{"type": "thinking", "thinking": "", "signature": "s"}]),
        delta(thinking_blocks=[{"type": "redacted_thinking", "data": "d"}]),
        delta(content="Hi."),
        END,
    )
    assert [block.to_dict() for block in message_of(client).content] == [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "redacted_thinking", "data": "d"},
        {"type": "text", "text": "Hi."},
    ]


def test_the_usage_comes_with_the_end(router: FakeRouter, client: Anthropic) -> None:
    router.chunks = (delta(content="Hi."), END)
    *_, end, stop = events_of(client)
    assert end["usage"]["input_tokens"] == 11
    assert end["usage"]["output_tokens"] == 3
    assert "router" not in end
    assert stop == {"type": "message_stop"}


def test_an_answer_of_no_words_has_no_blocks(router: FakeRouter, client: Anthropic) -> None:
    router.chunks = (END,)
    message = message_of(client)
    assert (message.content, message.stop_reason) == ([], "end_turn")


def test_a_models_own_refusal_is_told_as_one(router: FakeRouter, client: Anthropic) -> None:
    router.chunks = (delta(refusal="I will "), delta(refusal="not."), END)
    message = message_of(client)
    assert (message.content[0].text, message.stop_reason) == ("I will not.", "refusal")
    assert message.stop_details.explanation == "I will not."


def test_native_events_come_as_they_were_sent(router: FakeRouter, served: tuple[FakeRouter, str]) -> None:
    end = {"type": "message_delta", "delta": {"stop_reason": "pause_turn"}, "usage": {"output_tokens": 2}}
    router.chunks = (
        started("Hi"),
        native({"type": "content_block_stop", "index": 0}, {"type": "of_the_future"}, end, finish="length"),
    )
    said = httpx.post(f"{served[1]}/v1/messages", json={**ASKED, "stream": True}).text
    sent = [event for chunk in router.chunks for event in chunk.native]
    expected = [f"event: {event.said['type']}\ndata: {event.data.decode()}\n\n" for event in sent]
    assert said == "".join(expected) + 'event: message_stop\ndata: {"type":"message_stop"}\n\n'


def test_what_is_continued_elsewhere_goes_on_in_the_same_block(router: FakeRouter, client: Anthropic) -> None:
    router.responders, router.ledger = (CLAUDE, GPT), FELL_BACK
    router.chunks = (
        started("Pa"),
        delta(content="ris"),
        call(0, "{}", id="a", name="look"),
        text_chunk("", "tool_calls"),
    )
    message = message_of(client)
    assert message.id == "msg_1"
    assert [block.type for block in message.content] == ["text", "tool_use"]
    assert message.content[0].text == "Paris"
    assert message.stop_reason == "tool_use"
    end = events_of(client)[-2]
    assert end["router"]["responders"] == ["anthropic:claude-sonnet-4-6", "openai:gpt-4o"]


@pytest.mark.parametrize(
    ("last", "signature"),
    [
        ({"type": "thinking_delta", "thinking": "hm"}, "fallback-router:claude-sonnet-4-6"),
        ({"type": "signature_delta", "signature": "s"}, "s"),
    ],
)
def test_a_thought_that_breaks_off_is_closed_before_the_answer_of_another(
    *, router: FakeRouter, client: Anthropic, last: dict[str, str], signature: str
) -> None:
    message = started("").native[0]
    thought = {"type": "thinking", "thinking": "", "signature": ""}
    opened = native(
        dict(message.said),
        {"type": "content_block_start", "index": 0, "content_block": thought},
        {"type": "content_block_delta", "index": 0, "delta": last},
    )
    router.responders, router.ledger = (CLAUDE, GPT), FELL_BACK
    router.chunks = (opened, delta(content="Paris."), END)
    block, text = message_of(client).content
    assert (block.type, block.signature) == ("thinking", signature)
    assert text.text == "Paris."


def test_a_stream_that_breaks_off_ends_in_an_error_event(router: FakeRouter, client: Anthropic) -> None:
    router.broken = StreamInterruptedError("the answer is incomplete")
    told: list[Any] = []
    with pytest.raises(anthropic.APIStatusError) as raised:
        told.extend(event.type for event in client.messages.create(stream=True, **ASKED))
    body: Any = raised.value.body
    assert (body["error"]["type"], body["error"]["code"]) == ("api_error", "stream_interrupted")
    assert body["request_id"] == raised.value.request_id
    assert "message_stop" not in told


def test_silences_have_pings(
    router: FakeRouter, served: tuple[FakeRouter, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler, "KEEP_ALIVE_SECONDS", 0.05)
    router.pauses = (0.0, 0.4)
    said = httpx.post(f"{served[1]}/v1/messages", json={**ASKED, "stream": True}).text
    assert 'event: ping\ndata: {"type":"ping"}\n\n' in said


@pytest.mark.parametrize(
    ("failure", "status", "kind", "retried"),
    [
        (exhausted(UnavailableError, "no"), 529, "overloaded_error", "false"),
        (UnavailableError("no key"), 529, "overloaded_error", "false"),
        (UnavailableError("soon", retry_after=3.0), 529, "overloaded_error", None),
        (ValueError("a bug"), 500, "api_error", None),
    ],
)
def test_statuses_are_anthropics(
    *, router: FakeRouter, client: Anthropic, failure: Exception, status: int, kind: str, retried: str | None
) -> None:
    router.failure = failure
    with pytest.raises(anthropic.APIStatusError) as raised:
        client.messages.create(**ASKED)
    assert (raised.value.status_code, raised.value.type) == (status, kind)
    assert raised.value.response.headers.get("x-should-retry") == retried
    body: Any = raised.value.body
    assert body["request_id"] == raised.value.response.headers["request-id"]


def test_a_wrong_key_is_told_in_anthropics_words() -> None:
    with gateway(FakeRouter(), api_keys=["right"]) as url:
        for options in ({"api_key": "right"}, {"auth_token": "right"}):
            with Anthropic(base_url=url, max_retries=0, **options) as client:  # type: ignore[arg-type]
                assert client.messages.create(**ASKED).content
        with Anthropic(base_url=url, api_key="wrong", max_retries=0) as client:
            with pytest.raises(anthropic.AuthenticationError) as raised:
                client.messages.create(**ASKED)
            assert raised.value.type == "authentication_error"
            with pytest.raises(anthropic.AuthenticationError):
                client.messages.count_tokens(model="openai-gpt4o", messages=ASKED["messages"])


def test_the_document_has_anthropics_statuses_and_schemas(served: tuple[FakeRouter, str]) -> None:
    document = httpx.get(f"{served[1]}/openapi.json").json()
    told = document["paths"]["/v1/messages"]["post"]
    assert {"400", "401", "404", "413", "429", "500", "504", "529"} == told["responses"].keys() - {"200"}
    answer = told["responses"]["200"]["content"]
    assert answer["application/json"]["schema"] == {"$ref": "#/components/schemas/Message"}
    assert answer["text/event-stream"]["schema"]["description"]
    assert told["security"] == [{"XApiKey": []}, {"HTTPBearer": []}]
    counted = document["paths"]["/v1/messages/count_tokens"]["post"]
    assert set(counted["responses"]) >= {"200", "400", "401", "404", "413", "429"}
    error = counted["responses"]["400"]["content"]["application/json"]["schema"]
    assert (
        error == document["paths"]["/v1/messages"]["post"]["responses"]["400"]["content"]["application/json"]["schema"]
    )
    assert "401" in document["paths"]["/v1/models"]["get"]["responses"]
    assert "401" not in document["paths"]["/health"]["get"]["responses"]
    assert counted["requestBody"]["content"]["application/json"]["schema"]["required"] == ["model", "messages"]


def test_headers_that_belong_to_a_request_travel_with_it(router: FakeRouter, client: Anthropic) -> None:
    client.messages.create(**ASKED, extra_headers={"anthropic-beta": "b", "x-other": "o"})
    (asked,) = router.asked
    assert asked.native is not None
    assert asked.native.headers["anthropic-beta"] == "b"
    assert asked.native.headers.keys() == {"anthropic-beta", "anthropic-version"}
