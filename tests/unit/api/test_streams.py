"""Streams, as the official client reads them from a real socket."""

from __future__ import annotations

import json
from collections.abc import MutableMapping
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam

from litellm_fallback_router.api.formats.chat import FORMAT, _encoded
from litellm_fallback_router.api.handler import EventStream
from litellm_fallback_router.routing.errors import StreamInterruptedError
from litellm_fallback_router.routing.ledger import Ledger
from litellm_fallback_router.routing.types import Chunk
from tests.unit.api.fakes import CLAUDE, FELL_BACK, GPT, FakeRouter, as_router, text_chunk

QUESTION: list[ChatCompletionMessageParam] = [{"role": "user", "content": "What is the capital of France?"}]
MODEL = "openai-gpt4o"


def test_streams_in_openai_s_shape(client: openai.OpenAI) -> None:
    with client.chat.completions.with_streaming_response.create(model=MODEL, messages=QUESTION, stream=True) as raw:
        assert raw.headers["content-type"].startswith("text/event-stream")
        assert raw.headers["x-router-provider"] == "openai"
        chunks = list(raw.parse())
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [chunk.choices[0].delta.role for chunk in chunks[1:]] == [None, None]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "Paris."
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert len({chunk.id for chunk in chunks}) == 1
    assert {chunk.model for chunk in chunks} == {"gpt-4o"}
    assert all(chunk.usage is None for chunk in chunks)
    assert all("router" not in (chunk.model_extra or {}) for chunk in chunks)


def test_stream_ends_with_usage_when_asked(client: openai.OpenAI) -> None:
    chunks = list(
        client.chat.completions.create(
            model=MODEL, messages=QUESTION, stream=True, stream_options={"include_usage": True}
        )
    )
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 14
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert all(chunk.usage is None for chunk in chunks[:-1])


def test_stream_that_was_resumed_names_all_who_answered(client: openai.OpenAI, router: FakeRouter) -> None:
    router.responders, router.ledger = (GPT, CLAUDE), FELL_BACK
    chunks = list(client.chat.completions.create(model=MODEL, messages=QUESTION, stream=True))
    told = (chunks[-1].model_extra or {})["router"]
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert told["responders"] == ["openai:gpt-4o", "anthropic:claude-sonnet-4-6"]
    assert len(told["attempts"]) == 2


def test_stream_explains_itself_when_asked(client: openai.OpenAI) -> None:
    chunks = list(
        client.chat.completions.create(
            model=MODEL,
            messages=QUESTION,
            stream=True,
            stream_options={"include_usage": True},
            extra_body={"router": {"explain": True}},
        )
    )
    assert (chunks[-1].model_extra or {})["router"]["cost_usd"] == 0.00025
    assert all("router" not in (chunk.model_extra or {}) for chunk in chunks[:-1])


async def test_async_client_streams(async_client: openai.AsyncOpenAI) -> None:
    stream = await async_client.chat.completions.create(model=MODEL, messages=QUESTION, stream=True)
    assert "".join([chunk.choices[0].delta.content or "" async for chunk in stream]) == "Paris."


def test_client_assembles_parallel_tool_calls_from_a_stream(client: openai.OpenAI, router: FakeRouter) -> None:
    def piece(index: int, **function: str) -> Chunk:
        call: dict[str, Any] = {"index": index, "function": function}
        if "name" in function:
            call |= {"id": f"call_{index}", "type": "function"}
        return Chunk([{"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": None}])

    router.chunks = (
        piece(0, name="weather", arguments=""),
        piece(0, arguments='{"city":'),
        piece(0, arguments='"Paris"}'),
        piece(1, name="time", arguments="{}"),
        Chunk([{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]),
    )
    with client.chat.completions.stream(model=MODEL, messages=QUESTION) as stream:
        message = stream.get_final_completion().choices[0].message
    assert message.tool_calls is not None
    assert [(c.function.name, c.function.arguments) for c in message.tool_calls] == [
        ("weather", '{"city":"Paris"}'),
        ("time", "{}"),
    ]


def test_each_choice_of_a_stream_opens_with_its_role(client: openai.OpenAI, router: FakeRouter) -> None:
    def piece(index: int, text: str, finish: str | None = None) -> Chunk:
        delta = {"role": "assistant", "content": text}
        return Chunk([{"index": index, "delta": delta, "finish_reason": finish}])

    router.chunks = (piece(0, "a"), piece(1, "b"), piece(0, "c", "stop"), piece(1, "d", "length"))
    chunks = list(client.chat.completions.create(model=MODEL, messages=QUESTION, stream=True, n=2))
    assert [chunk.choices[0].delta.role for chunk in chunks] == ["assistant", "assistant", None, None]
    assert [chunk.choices[0].finish_reason for chunk in chunks] == [None, None, "stop", "length"]


def test_half_a_surrogate_pair_from_a_provider_does_not_break_the_answer(
    client: openai.OpenAI, router: FakeRouter
) -> None:
    router.chunks = (text_chunk("\ud83d"), text_chunk("\ude00"), text_chunk("", "stop"))
    chunks = list(client.chat.completions.create(model=MODEL, messages=QUESTION, stream=True))
    assert [chunk.choices[0].delta.content for chunk in chunks[:2]] == ["\ud83d", "\ude00"]


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (StreamInterruptedError("the answer is incomplete", ledger=Ledger()), "stream_interrupted"),
        (ValueError("secret answer"), "internal_error"),
    ],
)
def test_stream_that_breaks_raises_in_the_client_and_never_looks_complete(
    client: openai.OpenAI, router: FakeRouter, failure: Exception, code: str
) -> None:
    router.chunks, router.broken = (text_chunk("Pa"), text_chunk("ris", "stop")), failure
    received: list[ChatCompletionChunk] = []
    with pytest.raises(openai.APIError) as caught:
        received.extend(client.chat.completions.create(model=MODEL, messages=QUESTION, stream=True))
    assert caught.value.code == code
    assert "secret" not in str(caught.value)
    assert [chunk.choices[0].finish_reason for chunk in received] == [None]


@pytest.mark.parametrize(("together", "sent"), [(False, 3), (True, 1)])
async def test_events_that_are_there_already_are_sent_in_one_go(together: bool, sent: int) -> None:
    router = FakeRouter()
    router.together, router.broken = together, StreamInterruptedError("cut", ledger=Ledger())
    asked = FORMAT.parse({"model": MODEL, "messages": QUESTION, "stream": True}, router.config)
    assert asked.events is not None
    stream = as_router(router).stream(asked.request)
    bodies: list[bytes] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        bodies.append(message.get("body", b""))

    events = EventStream(stream, asked.events(stream, GPT), FORMAT, lambda _: b"data: cut\n\n", headers={})
    await events._send_events(send, "request")
    assert len(bodies) == sent
    assert [line[6:9] for line in b"".join(bodies).split(b"\n\n")] == [b'{"i', b'{"i', b"cut", b""]


@pytest.mark.parametrize(
    "choice",
    [
        {"index": 0, "delta": {"content": 'a "quoted" ☃ \ud83d\n'}, "finish_reason": None},
        {"index": 0, "delta": {"content": ""}, "finish_reason": None},
        {"index": 0, "delta": {"content": "more"}, "finish_reason": None, "logprobs": {"content": []}},
        {"index": 0, "delta": {"content": "more"}, "logprobs": None},
        {"index": 0, "delta": {"content": None}, "finish_reason": None},
        {"index": 0, "delta": {"content": "more", "refusal": "no"}, "finish_reason": None},
        {"index": 0, "delta": {"reasoning_content": "why"}, "finish_reason": None},
        {"index": 0, "delta": {"content": "last"}, "finish_reason": "stop"},
    ],
    ids=["text", "empty", "logprobs", "no reason", "null", "refusal", "thought", "last"],
)
def test_a_piece_behind_the_first_is_written_as_it_is(choice: dict[str, Any]) -> None:
    assert json.loads(_encoded([choice], {0})) == [choice]
