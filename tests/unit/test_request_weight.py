"""How many Python functions a request calls: what it costs, in numbers that no other load on the machine moves."""

from __future__ import annotations

import asyncio
import math
import sys
import sysconfig
from collections.abc import Awaitable, Callable, MutableMapping
from types import FrameType
from typing import Any

import pytest
from fastapi import FastAPI

from litellm_fallback_router.api.app import create_app
from litellm_fallback_router.routing import turns
from litellm_fallback_router.routing.failures import FailureKind
from tests.support.scripted import Rig, Step, fails, question, read, rig

STANDARD_LIBRARY = sysconfig.get_path("stdlib")
PACKAGES = sysconfig.get_path("purelib")
BODY = b'{"model": "a", "messages": [{"role": "user", "content": "What is the capital of France?"}]%s}'


async def calls_of(request: Callable[[], Awaitable[None]]) -> int:
    """Calls of Python functions in a warm request, without asyncio's and other calls within the standard library, which
    differ from one version of Python to the next."""
    for _ in range(3):
        await request()
    seen = 0

    def count(frame: FrameType, event: str, _: Any) -> None:
        nonlocal seen
        name = frame.f_code.co_filename
        if event == "call" and (name.startswith(PACKAGES) or not name.startswith((STANDARD_LIBRARY, "<"))):
            seen += 1

    sys.setprofile(count)
    try:
        await request()
    finally:
        sys.setprofile(None)
    return seen


async def ask(app: FastAPI, body: bytes) -> None:
    """One request, without a server or a client."""
    sent: list[MutableMapping[str, Any]] = []
    left = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> MutableMapping[str, Any]:
        if left:
            return left.pop()
        await asyncio.Event().wait()
        raise AssertionError("nobody hangs up")

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    headers = [(b"host", b"gateway"), (b"content-type", b"application/json")]
    scope: dict[str, Any] = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "headers": headers,
    }
    scope |= {"path": "/v1/chat/completions", "root_path": "", "query_string": b"", "client": ("127.0.0.1", 1)}
    await app(scope, receive, send)
    assert sent[0]["status"] == 200


@pytest.fixture(autouse=True)
def ordinary(monkeypatch: pytest.MonkeyPatch) -> None:
    """No step is long, though counting calls makes it so on a busy machine."""
    monkeypatch.setattr(turns, "LONG_STEP", math.inf)


@pytest.fixture
async def answering() -> Rig:
    return rig("a", scripts={"a": [Step(wait=0)]})


async def test_an_answer_takes_few_calls_of_the_router(answering: Rig) -> None:
    async def request() -> None:
        await answering.router.complete(question())

    assert await calls_of(request) <= 315, "301"


async def test_a_request_that_discovers_an_outage_takes_few_calls_of_the_router() -> None:
    scripts = {"a": [fails(FailureKind.UNAVAILABLE, wait=0)], "b": [Step(wait=0)]}
    down = rig("a", "b", scripts=scripts, circuit_failures=100, backoff_base=0.0)

    async def request() -> None:
        result = await down.router.complete(question())
        assert len(result.ledger.attempts) == 3

    assert await calls_of(request) <= 600, "581"


async def test_a_stream_of_six_chunks_takes_few_calls_of_the_router(answering: Rig) -> None:
    async def request() -> None:
        await read(answering.router, question())

    assert await calls_of(request) <= 475, "454"


@pytest.mark.parametrize(("more", "most"), [(b"", 660), (b', "stream": true', 970)], ids=["whole", "stream"])
async def test_an_answer_takes_few_calls_of_the_gateway(answering: Rig, more: bytes, most: int) -> None:
    app = create_app(lambda: answering.router)
    async with app.router.lifespan_context(app):
        assert await calls_of(lambda: ask(app, BODY % more)) <= most, "636 and 960"


@pytest.mark.parametrize(("long", "given"), [(-1.0, 2 * turns.TURNS), (math.inf, 0)], ids=["long", "short"])
async def test_others_run_between_the_steps_of_a_long_plan_and_before_its_execution(
    answering: Rig, monkeypatch: pytest.MonkeyPatch, long: float, given: int
) -> None:
    monkeypatch.setattr(turns, "LONG_STEP", long)
    taken, at_call = 0, []
    play = answering.provider._step

    def noting(*request: Any) -> Step:
        at_call.append(taken)
        return play(*request)

    async def others() -> None:
        nonlocal taken
        while True:
            taken += 1
            await asyncio.sleep(0)

    monkeypatch.setattr(answering.provider, "_step", noting)
    waiting = asyncio.create_task(others())
    await answering.router.complete(question())
    waiting.cancel()
    assert at_call == [given]
