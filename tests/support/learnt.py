"""What other requests find out about a deployment while one is under way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from litellm_fallback_router.routing.failures import FailureKind as Kind
from litellm_fallback_router.routing.ports import CircuitState
from litellm_fallback_router.routing.types import ChatResult
from tests.support.scripted import (
    Rig,
    fails,
    question,
)

BUSY = fails(Kind.RATE_LIMITED, retry_after=3.0)


def now() -> float:
    return asyncio.get_running_loop().time()


async def down(r: Rig, name: str) -> None:
    """Its circuit opens by what others see."""
    for _ in range(r.config.settings.circuit_failures):
        await r.circuits.failed(name)


async def cools(r: Rig, name: str) -> None:
    r.cooldowns.cool(name, 30.0)


async def refused(r: Rig, name: str) -> None:
    r.cooldowns.cool(f"key-{name}", 60.0)


async def drained(r: Rig, name: str) -> None:
    states = r.circuits.states

    async def with_drained(names: list[str]) -> dict[str, CircuitState]:
        return {**await states(names), name: CircuitState(open=True, drained=True)}

    r.circuits.states = with_drained  # type: ignore[assignment,method-assign]


LEARNT = [(down, "circuit_open"), (cools, "cooling"), (refused, "credential"), (drained, "drained")]
Learn = Callable[[Rig, str], Awaitable[None]]


def begun(r: Rig) -> asyncio.Task[ChatResult]:
    return asyncio.ensure_future(r.router.complete(question()))
