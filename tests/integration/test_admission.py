"""One caller's slow streams and idle connections take nothing from the others: the real gateway, real sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from litellm_fallback_router.commands.connections import MAX_CONNECTIONS, allow_open_files
from local.simulator import Fault, SimulatorControl
from tests.support.gateway import Gateway, gateway_process
from tests.support.waiting import eventually

PER_KEY, IN_ALL = 30, 50
KEYS = ("first-key", "second-key", "third-key")
QUESTION: dict[str, Any] = {"model": "openai", "messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture(scope="module")
def gateway(simulator: SimulatorControl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    simulator.reset()
    mapping = {
        "model_list": [{"model_name": "openai", "litellm_provider": "openai", "params": {"model": "gpt-4o"}}],
        # The simulator falls silent after some chunks; nobody gives up on it meanwhile.
        "settings": {"max_concurrent": IN_ALL, "max_concurrent_per_key": PER_KEY, "stall_timeout": 300.0},
    }
    folder: Path = tmp_path_factory.mktemp("gateway")
    env = {"GATEWAY_API_KEYS": ",".join(KEYS)}
    with gateway_process(folder, mapping, simulator_url=simulator.url, env=env) as running:
        yield running
    simulator.reset()


@pytest.fixture
async def http(gateway: Gateway, simulator: SimulatorControl) -> AsyncIterator[httpx.AsyncClient]:
    simulator.reset()
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=gateway.url, timeout=60, limits=limits) as client:
        yield client
    simulator.reset()


def authorized(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


async def slow_streams(http: httpx.AsyncClient, key: str, count: int, held: AsyncExitStack) -> list[int]:
    """The statuses of as many streams, none of which ends."""

    async def begin() -> int:
        body = {**QUESTION, "stream": True}
        request = http.stream("POST", "/v1/chat/completions", json=body, headers=authorized(key))
        return (await held.enter_async_context(request)).status_code

    return list(await asyncio.gather(*(begin() for _ in range(count))))


async def ask(http: httpx.AsyncClient, key: str) -> int:
    return (await http.post("/v1/chat/completions", json=QUESTION, headers=authorized(key))).status_code


async def test_slow_streams_of_one_key_starve_nobody_else(http: httpx.AsyncClient, simulator: SimulatorControl) -> None:
    simulator.inject(Fault(kind="stall", after_chunks=2), times=PER_KEY)
    async with AsyncExitStack() as held:
        statuses = await slow_streams(http, KEYS[0], 3 * PER_KEY, held)
        assert (statuses.count(200), statuses.count(429)) == (PER_KEY, 2 * PER_KEY)
        assert await ask(http, KEYS[0]) == 429
        assert await ask(http, KEYS[1]) == 200
        assert (await http.get("/health")).status_code == 200

    async def answered() -> bool:
        return await ask(http, KEYS[0]) == 200

    await eventually(answered)


async def test_health_is_answered_when_requests_and_connections_are_used_up(
    gateway: Gateway, http: httpx.AsyncClient, simulator: SimulatorControl
) -> None:
    allow_open_files()
    simulator.inject(Fault(kind="stall", after_chunks=2), times=IN_ALL)
    address = ("127.0.0.1", int(gateway.url.rsplit(":", 1)[1]))
    async with AsyncExitStack() as held:
        assert set(await slow_streams(http, KEYS[0], PER_KEY, held)) == {200}
        assert set(await slow_streams(http, KEYS[1], IN_ALL - PER_KEY, held)) == {200}
        with ExitStack() as idle:
            for _ in range(MAX_CONNECTIONS + 100):
                idle.enter_context(socket.create_connection(address, timeout=20))
            for _ in range(3):
                fresh = await asyncio.to_thread(httpx.get, f"{gateway.url}/health", timeout=20)
                assert fresh.status_code == 200
            refused = await asyncio.to_thread(_ask_anew, gateway.url)
            assert (refused.status_code, refused.json()["error"]["code"]) == (503, "gateway_busy")


def _ask_anew(url: str) -> httpx.Response:
    """Over a connection of its own."""
    return httpx.post(f"{url}/v1/chat/completions", json=QUESTION, headers=authorized(KEYS[2]), timeout=20)
