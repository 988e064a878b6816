"""Around a snapshot: nobody is asked before it, nothing is shared after it."""

from __future__ import annotations

import asyncio
import gc
import random
import threading
from collections.abc import AsyncIterator, Iterator
from typing import cast

import httpx
import pytest
from fastapi import FastAPI

from litellm_fallback_router.api.app import create_app
from litellm_fallback_router.bootstrap import build_router
from litellm_fallback_router.entrypoints import snapstart
from litellm_fallback_router.entrypoints.lambda_web import AFTER_RESTORE, BEFORE_CHECKPOINT, SnapStartHooks
from litellm_fallback_router.entrypoints.snapstart import RETRY, Held, Holder, Renewal, before_checkpoint
from litellm_fallback_router.routing.router import Router
from litellm_fallback_router.settings import Settings
from local.simulator import Simulator
from tests.support.fleet import Clock

INSIDE = Settings(lambda_function="gateway")
FROZEN = Settings(lambda_function="gateway", initialization="snap-start")


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    """Other tests of this process want their garbage collected again."""
    yield
    gc.unfreeze()


@pytest.fixture
async def gateway() -> AsyncIterator[FastAPI]:
    app = create_app(lambda: build_router(Settings()))
    async with app.router.lifespan_context(app):
        yield app


async def post(app: FastAPI, settings: Settings, path: str, headers: dict[str, str] | None = None) -> int:
    inside = settings.lambda_function is not None
    transport = httpx.ASGITransport(SnapStartHooks(app, Renewal(cast(Holder, app.state), settings), inside=inside))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        return (await client.post(path, headers=headers)).status_code


@pytest.mark.parametrize("path", [BEFORE_CHECKPOINT, AFTER_RESTORE])
async def test_a_hook_answers_the_adapter(gateway: FastAPI, path: str) -> None:
    assert await post(gateway, INSIDE, path) == 204


@pytest.mark.parametrize("path", [BEFORE_CHECKPOINT, AFTER_RESTORE])
async def test_a_hook_is_closed_to_whoever_comes_through_the_adapter_or_is_not_in_lambda(
    gateway: FastAPI, path: str
) -> None:
    router = gateway.state.router
    assert await post(gateway, INSIDE, path, {"x-amzn-request-context": "{}"}) == 403
    assert await post(gateway, INSIDE, path, {"X-Amzn-Lambda-Context": "{}"}) == 403
    assert await post(gateway, Settings(), path) == 403
    assert gateway.state.router is router


async def test_no_provider_is_asked_before_a_snapshot(caplog: pytest.LogCaptureFixture) -> None:
    async with Simulator() as simulator:
        await before_checkpoint(Settings(lambda_function="gateway", simulator_url=simulator.url))
        assert simulator.requests == []
        assert simulator.open_connections == 0
    assert caplog.records == [], "the questions that prime a snapshot are no failures"


async def test_restored_environments_differ_in_their_randomness() -> None:
    drawn = []
    for _ in range(2):
        held = Held(build_router(Settings()))
        random.seed(1)
        await Renewal(held, FROZEN).done()
        drawn.append((random.random(), held.router._dependencies.rng.random()))
    assert drawn[0][0] != drawn[1][0]
    assert drawn[0][1] != drawn[1][1]


async def test_a_restored_gateway_has_a_router_and_connections_of_its_own() -> None:
    async with Simulator() as simulator:
        settings = FROZEN.model_copy(update={"simulator_url": simulator.url})
        app = create_app(lambda: build_router(settings))
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as client,
        ):
            question = {"question": "What is the capital of France?", "primary_model": "bedrock-claude-haiku"}
            assert (await client.post("/ask", json=question)).status_code == 200
            former = app.state.router
            await Renewal(cast(Holder, app.state), settings).done()
            assert app.state.router is not former
            assert (await client.post("/ask", json=question)).status_code == 200


@pytest.fixture
def held() -> Held:
    return Held(build_router(Settings()))


async def test_one_restore_is_one_renewal_whoever_asks_and_each_snapshot_needs_another(held: Held) -> None:
    renewal = Renewal(held, FROZEN)
    await asyncio.gather(*(renewal.done() for _ in range(5)))
    first = held.router
    await renewal.done()
    assert held.router is first
    await renewal.before_checkpoint()
    await renewal.done()
    assert held.router is not first


async def test_without_a_snapshot_nothing_is_renewed(held: Held) -> None:
    router = held.router
    await Renewal(held, INSIDE).done()
    assert held.router is router


async def test_a_renewal_that_fails_leaves_the_router_and_is_tried_again_but_not_at_once(
    held: Held, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    router, clock, tried = held.router, Clock(), []

    def broken(settings: Settings) -> Router:
        tried.append(settings)
        raise OSError("sk-secret")

    with monkeypatch.context() as patched:
        patched.setattr(snapstart, "renewed", broken)
        renewal = Renewal(held, FROZEN, clock)
        await renewal.done()
        await renewal.done()
    assert (held.router, len(tried)) == (router, 1)
    assert "could not be renewed after its snapshot: OSError" in caplog.text
    assert "sk-secret" not in caplog.text
    await renewal.done()
    assert held.router is router, "too early"
    clock.advance(RETRY + 0.1)
    await renewal.done()
    assert held.router is not router


async def test_a_renewal_that_hangs_holds_up_one_request_for_a_bounded_time_and_is_taken_up_when_it_comes(
    held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    router, clock, released = held.router, Clock(), threading.Event()

    def slow(_: Settings) -> Router:
        assert released.wait(30)
        return build_router(Settings())

    monkeypatch.setattr(snapstart, "renewed", slow)
    monkeypatch.setattr(snapstart, "RENEWAL_TIMEOUT", 0.05)
    renewal = Renewal(held, FROZEN, clock)
    await renewal.done()
    assert held.router is router
    under_way = renewal._under_way
    assert under_way is not None
    await renewal.done()
    clock.advance(RETRY + 0.1)
    await renewal.done()
    assert renewal._under_way is under_way, "nobody starts a second one"
    released.set()
    await under_way
    assert held.router is not router
