"""No provider's body is read, or unpacked, without a bound, by whichever way it was asked."""

from __future__ import annotations

import asyncio
import gzip
import tracemalloc
from typing import Any

import pytest

from litellm_fallback_router.bootstrap import assemble, load
from litellm_fallback_router.routing.errors import RouterError
from litellm_fallback_router.routing.failures import FailureKind
from litellm_fallback_router.routing.types import ChatRequest
from litellm_fallback_router.settings import Settings
from tests.support.finish_places import QUESTION, whole
from tests.support.raw_server import raw_server, response

BOMB = gzip.compress(b"0" * 300_000_000, 9)
"""0.3 MB that hold 300."""
MOST = 200_000_000
"""Bytes of memory: the bound, and that again for putting it together and reading it."""
WAYS: dict[str, dict[str, Any]] = {
    "engine": {"litellm_provider": "openai", "params": {"model": "gpt-4o", "api_key": "key"}},
    "gemini": {"litellm_provider": "gemini", "params": {"model": "gemini-2.5-flash", "api_key": "key"}},
    "azure": {
        "litellm_provider": "azure",
        "params": {"model": "gpt-4o", "api_key": "key", "api_version": "2024-10-21"},
    },
    "public call": {"litellm_provider": "huggingface", "params": {"model": "meta/llama", "api_key": "key"}},
}


async def ask(way: str, url: str, *, streaming: bool = False) -> str:
    entry = {**WAYS[way], "model_name": "m", "params": {**WAYS[way]["params"], "api_base": f"{url}/v1"}}
    once = {"tries_per_deployment": 1, "tries_on_last": 1}
    async with assemble(load(Settings(), {"model_list": [entry], "settings": once})) as router:
        if not streaming:
            return (await router.complete(ChatRequest("m", QUESTION))).text or ""
        async with router.stream(ChatRequest("m", QUESTION)) as stream:
            return "".join([choice["delta"].get("content") or "" async for chunk in stream for choice in chunk.choices])


@pytest.mark.parametrize("streaming", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize("way", WAYS)
async def test_little_that_holds_much_is_no_answer(way: str, status: int, streaming: bool) -> None:
    kind = "text/event-stream" if streaming and status == 200 else "application/json"
    packed = response(status, BOMB, {"content-encoding": "gzip"}, content_type=kind)
    async with raw_server(packed) as url:
        tracemalloc.start()
        try:
            with pytest.raises(RouterError) as failed:
                async with asyncio.timeout(60):
                    await ask(way, url, streaming=streaming)
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    expected = FailureKind.INVALID_RESPONSE if status == 200 else FailureKind.UNAVAILABLE
    assert failed.value.ledger.attempts[0].failure is expected
    assert most < MOST


@pytest.mark.parametrize("way", ["engine", "public call"])
async def test_a_packed_answer_is_read_all_the_same(way: str) -> None:
    body = whole("openai", "Paris", "stop").partition(b"\r\n\r\n")[2]
    async with raw_server(response(200, gzip.compress(body), {"content-encoding": "gzip"})) as url:
        assert await ask(way, url) == "Paris"


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "unheard-of"])
@pytest.mark.parametrize("way", ["engine", "public call"])
async def test_what_is_not_packed_as_it_says_is_no_answer(way: str, encoding: str) -> None:
    async with raw_server(response(200, b"as it is", {"content-encoding": encoding})) as url:
        with pytest.raises(RouterError) as failed:
            await ask(way, url)
    assert failed.value.ledger.attempts[0].failure is FailureKind.INVALID_RESPONSE
