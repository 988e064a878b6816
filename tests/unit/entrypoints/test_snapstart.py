"""Around a snapshot: nobody is asked before it, nothing is shared after it."""

from __future__ import annotations

import gc
import random
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from fastapi import FastAPI

from litellm_fallback_router.api.app import create_app
from litellm_fallback_router.bootstrap import build_router
from litellm_fallback_router.entrypoints.lambda_web import AFTER_RESTORE, BEFORE_CHECKPOINT, SnapStartHooks
from litellm_fallback_router.entrypoints.snapstart import after_restore, before_checkpoint
from litellm_fallback_router.settings import Settings
from local.simulator import Simulator

INSIDE = Settings(lambda_function="gateway")


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
    transport = httpx.ASGITransport(SnapStartHooks(app, app, settings))
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


async def test_restored_environments_differ_in_their_randomness(gateway: FastAPI) -> None:
    drawn = []
    for _ in range(2):
        random.seed(1)
        await after_restore(gateway, Settings())
        drawn.append((random.random(), gateway.state.router._outside.rng.random()))
    assert drawn[0][0] != drawn[1][0]
    assert drawn[0][1] != drawn[1][1]


async def test_a_restored_gateway_has_a_router_and_connections_of_its_own() -> None:
    async with Simulator() as simulator:
        settings = Settings(simulator_url=simulator.url)
        app = create_app(lambda: build_router(settings))
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as client,
        ):
            question = {"question": "What is the capital of France?", "primary_model": "bedrock-claude-haiku"}
            assert (await client.post("/ask", json=question)).status_code == 200
            former = app.state.router
            await after_restore(app, settings)
            assert app.state.router is not former
            assert (await client.post("/ask", json=question)).status_code == 200
