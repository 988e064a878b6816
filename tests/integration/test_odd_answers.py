"""What servers of OpenAI's format say besides text: it arrives as it is, or is no answer."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import replace
from typing import Any

import pytest

from litellm_fallback_router.engine import Engine
from litellm_fallback_router.routing.failures import FailureKind, ProviderFailure
from litellm_fallback_router.routing.ledger import Usage
from litellm_fallback_router.routing.types import ChatRequest, Chunk
from tests.integration.test_failure_table import MESSAGES, failure, target
from tests.support.raw_server import raw_server, response
from tests.support.scripted import rig

REFUSAL = "I cannot help with that."
KIND: dict[str, Any] = {"id": "x", "object": "chat.completion", "created": 1, "model": "gpt-4o"}
PARTS = [{"type": "text", "text": "Paris"}]


def whole(**message: Any) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 9, "completion_tokens": 6, "total_tokens": 15}
    kind: dict[str, Any] = {"id": "x", "object": "chat.completion", "created": 1, "model": "gpt-4o"}
    return response(200, {**kind, "choices": [choice], "usage": usage})


def streamed(*deltas: dict[str, Any]) -> bytes:
    kind = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o"}
    choices: list[dict[str, Any]] = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    choices.append({"index": 0, "delta": {}, "finish_reason": "stop"})
    events = [f"data: {json.dumps({**kind, 'choices': [choice]})}\n\n" for choice in choices]
    return response(200, "".join(events) + "data: [DONE]\n\n", content_type="text/event-stream")


async def test_a_refusal_is_an_answers_refusal() -> None:
    provider = Engine(lambda _: "key")
    async with raw_server(whole(content=None, refusal=REFUSAL)) as url:
        answer = await provider.complete(target("openai", url), MESSAGES, {})
    message = answer.choices[0]["message"]
    assert (message["content"], message["refusal"]) == (None, REFUSAL)
    async with raw_server(streamed({"refusal": REFUSAL[:5]}, {"refusal": REFUSAL[5:]})) as url:
        chunks = [chunk async for chunks in provider.stream(target("openai", url), MESSAGES, {}) for chunk in chunks]
    assert "".join(c["delta"].get("refusal", "") for chunk in chunks for c in chunk.choices) == REFUSAL


async def test_a_whole_answer_without_usage_is_estimated() -> None:
    one = rig("a")
    said = {"role": "assistant", "content": "x" * 400}
    choices = [{"index": 0, "message": said, "finish_reason": "stop"}]
    provider = Engine(lambda _: "key")
    unreported = {"id": "x", "object": "chat.completion", "created": 1, "model": "gpt-4o", "choices": choices}
    async with raw_server(response(200, unreported)) as url:
        answer = await provider.complete(target("openai", url), MESSAGES, {})
    one.provider.complete = lambda *_: asyncio.sleep(0, answer)  # type: ignore[method-assign]
    result = await one.router.complete(ChatRequest("a", [{"role": "user", "content": "y" * 4000}]))
    for usage in (result.usage, result.ledger.attempts[0].usage):
        assert usage is not None
        assert (usage.estimated, usage.prompt_tokens >= 1000, usage.completion_tokens >= 100) == (True, True, True)
    assert result.ledger.cost_usd == pytest.approx(result.usage.total_tokens * 1e-6)


async def test_text_that_is_no_text_is_no_answer() -> None:
    for message in ({"content": PARTS}, {"content": None, "refusal": PARTS}):
        async with raw_server(whole(**message)) as url:
            assert (await failure("openai", url, streaming=False)).kind is FailureKind.INVALID_RESPONSE
    async with raw_server(streamed({"content": PARTS})) as url:
        assert (await failure("openai", url, streaming=True)).kind is FailureKind.INVALID_RESPONSE


async def test_text_that_is_no_text_any_more_breaks_a_stream() -> None:
    provider = Engine(lambda _: "key")
    said = []
    async with raw_server(streamed({"content": "Par"}, {"content": [{"type": "text", "text": "is"}]})) as url:
        with pytest.raises(ProviderFailure) as failed:
            async for chunks in provider.stream(target("openai", url), MESSAGES, {}):
                said += [chunk.choices[0]["delta"].get("content") for chunk in chunks]
    assert (said, failed.value.kind) == (["Par"], FailureKind.STREAM_BROKEN)


@pytest.mark.parametrize("words", [1, 0])
async def test_what_a_cut_stream_said_of_its_prompt_is_passed_on(words: int) -> None:
    said = {"input_tokens": 700, "output_tokens": 1, "cache_read_input_tokens": 300, "cache_creation_input_tokens": 0}
    message = {"id": "m", "type": "message", "role": "assistant", "model": "c", "content": [], "usage": said}
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {**message, "stop_reason": None, "stop_sequence": None}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Par"}},
    ]
    sent = events if words else events[:1]
    wire = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in sent)
    heard: list[Chunk] = []
    async with raw_server(response(200, wire, content_type="text/event-stream")) as url:
        with pytest.raises(ProviderFailure) as failed:
            async for chunks in Engine(lambda _: "key").stream(target("anthropic", url), MESSAGES, {}):
                heard += chunks
    assert failed.value.kind is (FailureKind.STREAM_BROKEN if words else FailureKind.INVALID_RESPONSE)
    assert [chunk.usage for chunk in heard] == [None] * words + [Usage(1000, 1, cached_tokens=300, estimated=True)]


@pytest.mark.parametrize("reason", [None, ""])
async def test_a_whole_answer_without_a_finish_reason_is_no_answer(reason: str | None) -> None:
    choice = {"index": 0, "message": {"role": "assistant", "content": "Par"}, "finish_reason": reason}
    async with raw_server(response(200, {**KIND, "choices": [choice]})) as url:
        assert (await failure("openai", url, streaming=False)).kind is FailureKind.INVALID_RESPONSE


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens": 12.5, "completion_tokens": 1, "total_tokens": 13.5},
        {"prompt_tokens": "lots", "completion_tokens": 1, "total_tokens": 1},
        {"prompt_tokens": -10, "completion_tokens": 1, "total_tokens": -9},
        {"prompt_tokens": 10, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 1000}},
        {"prompt_tokens": 10, "completion_tokens": 1, "prompt_tokens_details": [1]},
        [1, 2],
        "many",
    ],
    ids=str,
)
async def test_usage_that_cannot_be_true_is_estimated(usage: Any) -> None:
    provider = Engine(lambda _: "key")
    choice = {"index": 0, "message": {"role": "assistant", "content": "Paris"}, "finish_reason": "stop"}
    async with raw_server(response(200, {**KIND, "choices": [choice], "usage": usage})) as url:
        assert (await provider.complete(target("openai", url), MESSAGES, {})).usage.estimated
    last = f"data: {json.dumps({**KIND, 'choices': [], 'usage': usage})}\n\ndata: [DONE]\n\n".encode()
    answer = streamed({"content": "Paris"}).replace(b"data: [DONE]\n\n", last)
    length = re.sub(rb"content-length: \d+\r\n", b"", answer)
    async with raw_server(length) as url:
        chunks = [chunk async for chunks in provider.stream(target("openai", url), MESSAGES, {}) for chunk in chunks]
    assert not any(chunk.usage for chunk in chunks)


async def test_a_whole_answer_without_choices_costs_what_it_reports() -> None:
    usage = {"prompt_tokens": 1000, "completion_tokens": 500, "total_tokens": 1500}
    async with raw_server(response(200, {**KIND, "choices": [], "usage": usage})) as url:
        answer = await Engine(lambda _: "key").complete(target("openai", url), MESSAGES, {})
    one = rig("a", "b")
    answers = iter([answer, replace(answer, choices=[{"index": 0, "message": {}, "finish_reason": "stop"}])])
    one.provider.complete = lambda *_: asyncio.sleep(0, next(answers))  # type: ignore[method-assign]
    first = (await one.router.complete(ChatRequest("a", MESSAGES))).ledger.attempts[0]
    assert (first.failure, first.usage) == (FailureKind.INVALID_RESPONSE, Usage(1000, 500))
