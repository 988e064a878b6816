"""Streams of several choices (`n`): each comes to its own end, or the stream is no answer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from litellm_fallback_router.engine import Engine
from litellm_fallback_router.routing.failures import FailureKind, ProviderFailure
from tests.support.raw_server import raw_server, response
from tests.support.scripted import deployment


def piece(index: int, text: str | None = None, finish: str | None = None) -> dict[str, Any]:
    delta = {} if text is None else {"content": text}
    choice = {"index": index, "delta": delta, "finish_reason": finish}
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o", "choices": [choice]}


USAGE = {
    **piece(0),
    "choices": [],
    "usage": {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12},
}


async def streamed(*events: Any) -> tuple[dict[int, tuple[str, str | None]], list[Any]]:
    """Text and finish reason of each choice, and the usages; raises what the provider raises."""
    body = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"
    choices: dict[int, tuple[str, str | None]] = {}
    usages = []
    async with raw_server(response(200, body, content_type="text/event-stream")) as url:
        target = deployment("a", model="gpt-4o", litellm_model="openai/gpt-4o", api_base=f"{url}/v1")
        provider = Engine(lambda _: "key")
        chunks = provider.stream(target, [{"role": "user", "content": "hi"}], {"n": 2})
        for chunk in [chunk async for together in chunks for chunk in together]:
            usages += [chunk.usage] if chunk.usage else []
            for choice in chunk.choices:
                text, finish = choices.get(choice["index"], ("", None))
                choices[choice["index"]] = (
                    text + choice["delta"].get("content", ""),
                    choice["finish_reason"] or finish,
                )
        await provider.aclose()
    return choices, usages


async def test_a_choice_that_ends_later_than_the_first_is_whole() -> None:
    choices, usages = await streamed(
        piece(0, "short"),
        piece(1, "much "),
        piece(0, finish="stop"),
        piece(1, "longer "),
        piece(1, "text"),
        piece(1, finish="length"),
        USAGE,
    )
    assert choices == {0: ("short", "stop"), 1: ("much longer text", "length")}
    assert [(usage.prompt_tokens, usage.completion_tokens) for usage in usages] == [(7, 5)]


async def test_a_stream_that_ends_before_every_choice_did_is_broken() -> None:
    with pytest.raises(ProviderFailure) as failed:
        await streamed(piece(0, "short"), piece(1, "much "), piece(0, finish="stop"))
    assert failed.value.kind is FailureKind.STREAM_BROKEN


async def test_an_error_in_the_middle_of_it_is_a_broken_stream() -> None:
    error = {"error": {"message": "The server had an error", "type": "server_error", "code": None}}
    with pytest.raises(ProviderFailure) as failed:
        await streamed(piece(0, "short"), piece(1, "much "), error)
    assert failed.value.kind is FailureKind.STREAM_BROKEN
