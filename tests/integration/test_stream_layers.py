"""A stream passes at most four layers between the provider's socket and the caller's. Counted on a real stream that
waits for its provider, from the task that writes to the caller down to the read of the socket."""

from __future__ import annotations

import asyncio
import gc
import inspect
import json
from collections.abc import AsyncIterator, MutableMapping
from dataclasses import replace
from typing import Any

import pytest

from litellm_fallback_router.api.app import create_app
from litellm_fallback_router.bootstrap import build_router
from litellm_fallback_router.routing.mapping import Guardrail
from litellm_fallback_router.routing.router import Router
from litellm_fallback_router.settings import Settings
from local.simulator import Fault, Simulator
from tests.support.guards import RuledGuard

MOST_LAYERS = 4
"""Iterators, each of which takes chunks from the one below: the wire format, ChatStream, the execution, the engine."""
MOST_FRAMES = 12
"""Suspended functions that a chunk resumes, aiohttp's own two included."""
MODELS = ["openai-gpt4o", "anthropic-claude-haiku", "bedrock-claude-haiku"]
FORMATS = ["/v1/chat/completions", "/v1/messages", "/v1/responses"]


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator() as running:
        running.inject(Fault(kind="stall", after_chunks=3))
        yield running


def body(path: str, model: str) -> dict[str, Any]:
    said = "Count to 300"
    if path == "/v1/responses":
        return {"model": model, "input": said, "stream": True}
    return {"model": model, "messages": [{"role": "user", "content": said}], "stream": True, "max_tokens": 900}


def suspended(task: asyncio.Task[Any]) -> list[Any]:
    """The coroutines and generators that await each other, from the task's own to the one that awaits a future."""
    chain: list[Any] = []
    waits_for: Any = task.get_coro()
    while waits_for is not None and not isinstance(waits_for, asyncio.Future):
        if inspect.iscoroutine(waits_for):
            chain.append(waits_for)
            waits_for = waits_for.cr_await
        elif inspect.isasyncgen(waits_for):
            chain.append(waits_for)
            waits_for = waits_for.ag_await
        elif inspect.isgenerator(waits_for):
            waits_for = waits_for.gi_yieldfrom
        else:
            waits_for = _wrapped(waits_for)
    return chain


def _wrapped(awaitable: Any) -> Any:
    """What `__anext__()`, `anext()` and `__await__()` give is made in C, and holds what it waits for."""
    held = [one for one in gc.get_referents(awaitable) if inspect.isawaitable(one) or inspect.isasyncgen(one)]
    return held[0] if held else None


def is_layer(frame: Any) -> bool:
    return inspect.isasyncgen(frame) or frame.__name__ == "__anext__"


async def flowing(router: Router, path: str, model: str) -> list[Any]:
    """The chain of a stream that has sent something and waits for more."""
    app = create_app(lambda: router)
    app.state.router = router
    begun = asyncio.Event()
    asked = False

    async def receive() -> MutableMapping[str, Any]:
        nonlocal asked
        if not asked:
            asked = True
            return {"type": "http.request", "body": json.dumps(body(path, model)).encode(), "more_body": False}
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            assert message["status"] == 200
        elif message["body"]:
            begun.set()

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "", "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80), "headers": [(b"content-type", b"application/json"), (b"host", b"127.0.0.1")],
    }  # fmt: skip
    answering = asyncio.ensure_future(app(scope, receive, send))
    try:
        async with asyncio.timeout(30):
            await begun.wait()
            while True:
                for task in asyncio.all_tasks():
                    chain = suspended(task)
                    names = [frame.__qualname__ for frame in chain]
                    if names and names[0].startswith("EventStream.") and names[-1].startswith("StreamReader."):
                        return chain
                await asyncio.sleep(0.01)
    finally:
        answering.cancel()
        await asyncio.gather(answering, return_exceptions=True)


@pytest.mark.parametrize("path", FORMATS)
@pytest.mark.parametrize("model", MODELS)
async def test_four_layers_from_socket_to_socket(simulator: Simulator, model: str, path: str) -> None:
    async with build_router(Settings(simulator_url=simulator.url)) as router:
        chain = await flowing(router, path, model)
    names = [frame.__qualname__ for frame in chain]
    assert len([frame for frame in chain if is_layer(frame)]) == MOST_LAYERS, names
    assert len(chain) <= MOST_FRAMES, names


async def test_interceptors_add_no_layer(simulator: Simulator) -> None:
    simulator.reset()
    simulator.inject(Fault(kind="stall", after_chunks=250))
    async with build_router(Settings(simulator_url=simulator.url)) as plain:
        guardrail = Guardrail(id="abc123", version="1", stream_window=200)
        router = Router(replace(plain.config, guardrail=guardrail), replace(plain._dependencies, guard=RuledGuard()))
        chain = await flowing(router, "/v1/chat/completions", "openai-gpt4o")
    assert len([frame for frame in chain if is_layer(frame)]) == MOST_LAYERS
    assert len(chain) <= MOST_FRAMES
