"""Streams in OpenAI's format, byte by byte: from OpenAI itself and from servers that are only like it."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from litellm_fallback_router.engine import Engine
from litellm_fallback_router.routing.failures import FailureKind, ProviderFailure
from litellm_fallback_router.routing.types import Chunk
from tests.support.scripted import deployment

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"
DONE = b"data: [DONE]\n\n"
USAGE = {"prompt_tokens": 8, "completion_tokens": 3, "total_tokens": 11, "prompt_tokens_details": {"cached_tokens": 4}}


def event(delta: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
    choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
    return b"data: " + json.dumps({"id": "x", "choices": choices, **more}).encode() + b"\n\n"


def last(usage: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps({"id": "x", "choices": [], "usage": usage}).encode() + b"\n\n"


def chunked(part: bytes) -> bytes:
    return f"{len(part):x}\r\n".encode() + part + b"\r\n"


@asynccontextmanager
async def server(*parts: bytes, end: bytes = END, stays: float = 0.0) -> AsyncIterator[tuple[str, list[object]]]:
    """Its URL, and the connections it was asked over. `end` follows `stays` seconds after the parts; without one the
    connection is cut."""
    asked: list[object] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
                await reader.readexactly(int(length[1]) if length else 0)
                asked.append(writer)
                writer.write(HEAD)
                for part in parts:
                    writer.write(chunked(part))
                    await writer.drain()
                    await asyncio.sleep(0.001)
                await asyncio.sleep(stays)
                writer.write(end)
                await writer.drain()
                if not end:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}", asked


async def ask(url: str, **params: Any) -> list[Chunk]:
    model = deployment("gpt-4o", api_base=url, api_key="key")
    async with asyncio.timeout(20):
        return [
            chunk async for chunks in Engine(lambda d: d.api_key).stream(model, [QUESTION], params) for chunk in chunks
        ]


QUESTION = {"role": "user", "content": "What is the capital of France?"}


def text(chunks: list[Chunk]) -> str:
    return "".join(choice["delta"].get("content", "") for chunk in chunks for choice in chunk.choices)


def finish(chunks: list[Chunk]) -> list[str]:
    return [c["finish_reason"] for chunk in chunks for c in chunk.choices if c["finish_reason"]]


@pytest.mark.parametrize("size", [1, 2, 7, 40, 10_000])
@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
async def test_an_answer_is_the_same_wherever_it_is_cut_into_parts(size: int, newline: bytes) -> None:
    whole = event({"role": "assistant", "content": ""}) + b": ping\n\nevent: message\n" + event({"content": "Pàris "})
    whole += event({"content": "\u2028😀"}) + event({}, "stop") + last(USAGE) + DONE
    whole = whole.replace(b"\n", newline)
    async with server(*(whole[at : at + size] for at in range(0, len(whole), size))) as (url, _):
        chunks = await ask(url)
    assert text(chunks) == "Pàris \u2028😀"
    assert finish(chunks) == ["stop"]
    assert chunks[-1].usage is not None
    assert (chunks[-1].usage.prompt_tokens, chunks[-1].usage.cached_tokens) == (8, 4)
    assert chunks[-1].cost_usd == pytest.approx(4 * 2.5e-6 + 4 * 1.25e-6 + 3 * 1e-5)


async def test_data_on_several_lines_is_one_event() -> None:
    lines = json.dumps({"choices": [{"index": 0, "delta": {"content": "Paris"}, "finish_reason": "stop"}]}, indent=1)
    async with server(b"".join(b"data: " + line + b"\n" for line in lines.encode().split(b"\n")), b"\n", DONE) as (
        url,
        _,
    ):
        assert text(await ask(url)) == "Paris"


async def test_a_finish_reason_beside_the_last_text_goes_on_its_own() -> None:
    async with server(event({"content": "Paris"}, "stop"), DONE) as (url, _):
        (one, two) = [chunk.choices[0] for chunk in await ask(url)]
    assert (one["delta"], one["finish_reason"]) == ({"content": "Paris"}, None)
    assert (two["delta"], two["finish_reason"]) == ({}, "stop")


@pytest.mark.parametrize(("said", "means"), [("eos", "stop"), ("max_tokens", "length"), ("tool_calls", "tool_calls")])
async def test_a_finish_reason_is_one_of_openais(said: str, means: str) -> None:
    async with server(event({"content": "Paris"}), event({}, said), DONE) as (url, _):
        assert finish(await ask(url)) == [means]


async def test_reasoning_by_another_name_is_reasoning() -> None:
    async with server(event({"reasoning": "Hm"}), event({"content": "Paris"}), event({}, "stop"), DONE) as (url, _):
        assert (await ask(url))[0].choices[0]["delta"] == {"reasoning_content": "Hm"}


async def test_a_tool_call_without_its_type_or_place_gets_them() -> None:
    call = {"id": "a", "function": {"name": "f", "arguments": "{}"}}
    async with server(event({"tool_calls": [call]}), event({}, "tool_calls"), DONE) as (url, _):
        (one,) = (await ask(url))[0].choices[0]["delta"]["tool_calls"]
    assert (one["index"], one["type"], one["function"]) == (0, "function", call["function"])


async def test_usage_beside_text_is_told_once_at_the_end() -> None:
    parts = event({"content": "Pa"}, usage=USAGE), event({"content": "ris"}, "stop", usage=USAGE), DONE
    async with server(*parts) as (url, _):
        chunks = await ask(url)
    assert [chunk.usage is not None for chunk in chunks] == [False, False, False, True]


@pytest.mark.parametrize("parts", [(), (event({"content": "Paris"}),), (event({"content": "Paris"}), DONE)])
@pytest.mark.parametrize("end", [END, b""])
async def test_a_stream_without_a_finish_reason_is_no_answer(parts: tuple[bytes, ...], end: bytes) -> None:
    async with server(*parts, end=end) as (url, _):
        with pytest.raises(ProviderFailure) as failed:
            await ask(url)
    assert failed.value.kind in (
        (FailureKind.STREAM_BROKEN,) if parts else (FailureKind.INVALID_RESPONSE, FailureKind.CONNECTION)
    )


async def test_one_of_two_choices_without_a_finish_reason_is_no_answer() -> None:
    other = {"choices": [{"index": 1, "delta": {"content": "Rome"}}]}
    parts = event({"content": "Paris"}, "stop"), b"data: " + json.dumps(other).encode() + b"\n\n", DONE
    async with server(*parts) as (url, _):
        with pytest.raises(ProviderFailure) as failed:
            await ask(url, n=2)
    assert failed.value.kind is FailureKind.STREAM_BROKEN


async def test_a_cut_after_the_last_word_is_an_answer() -> None:
    async with server(event({"content": "Paris"}), event({}, "stop"), last(USAGE), end=b"") as (url, _):
        assert text(await ask(url)) == "Paris"


@pytest.mark.parametrize("broken", [b"data: {\n\n", b"data: []\n\n", b"data: \xff\n\n"])
async def test_what_came_before_a_broken_event_is_passed_on(broken: bytes) -> None:
    heard: list[Chunk] = []
    async with server(event({"content": "Paris"}) + broken) as (url, _):
        model = deployment("gpt-4o", api_base=url, api_key="key")
        with pytest.raises(ProviderFailure) as failed:
            async for chunks in Engine(lambda d: d.api_key).stream(model, [QUESTION], {}):
                heard += chunks
    assert text(heard) == "Paris"
    assert failed.value.kind is FailureKind.STREAM_BROKEN


async def test_the_connection_is_used_again_after_a_stream() -> None:
    async with server(event({"content": "Paris"}, "stop"), DONE, stays=0.01) as (url, asked):
        for _ in range(3):
            await ask(url)
    assert len(asked) == 3
    assert len(set(asked)) == 1


async def test_a_provider_that_never_hangs_up_keeps_nobody_waiting() -> None:
    async with server(event({"content": "Paris"}, "stop"), DONE, stays=5.0) as (url, _):
        began = asyncio.get_running_loop().time()
        assert text(await ask(url)) == "Paris"
        assert asyncio.get_running_loop().time() - began < 4.0


@pytest.mark.parametrize(("said", "times"), [("lorem", 100), ("  ", 300)])
async def test_a_model_may_repeat_itself(said: str, times: int) -> None:
    async with server(event({"content": said}) * times, event({}, "stop"), DONE) as (url, _):
        assert text(await ask(url)) == said * times


async def test_a_model_that_has_lost_its_way_is_stopped() -> None:
    async with server(event({"content": "lorem"}) * 101, event({}, "stop"), DONE) as (url, _):
        with pytest.raises(ProviderFailure) as failed:
            await ask(url)
    assert failed.value.kind is FailureKind.STREAM_BROKEN


async def test_no_sign_of_a_text_is_lost() -> None:
    pieces = ["if a ", "<", " b: print(", "'", "<s", "pan>'", ")", "<|im"]
    async with server(*(event({"content": piece}) for piece in pieces), event({}, "stop"), DONE) as (url, _):
        assert text(await ask(url)) == "".join(pieces)
