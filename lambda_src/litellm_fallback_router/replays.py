"""The composition root of replays: a mapping -> the state that its replayed requests share."""

from __future__ import annotations

import asyncio
import random

from .adapters.memory import MemoryCircuits, MemoryRateLimits
from .drill import Silent
from .routing.execution import Cooldowns, ExecutionDependencies
from .routing.mapping import RouterConfig
from .routing.types import Deployment


class AllKeys:
    """Implements `Keys`: what was asked in the log had a key, and a new deployment will have one."""

    def missing(self, deployment: Deployment) -> str | None:
        """Say nothing."""
        return None

    async def refresh(self, deployment: Deployment) -> bool:
        """There is nothing fresher than the log."""
        return False


class NoProvider:
    """Stands where each replayed request puts a provider of its own."""

    def __getattr__(self, name: str) -> object:
        raise RuntimeError("a replayed request has a provider of its own")


def dependencies_of(config: RouterConfig) -> ExecutionDependencies:
    """Make the state of one replay, on the running event loop's clock."""
    clock, settings = asyncio.get_running_loop().time, config.settings
    return ExecutionDependencies(
        provider=NoProvider(),  # type: ignore[arg-type] # replaced for each request
        keys=AllKeys(),
        circuits=MemoryCircuits(
            failures=settings.circuit_failures,
            open_seconds=settings.circuit_open_seconds,
            probe_seconds=settings.deadline,
            clock=clock,
        ),
        rate_limits=MemoryRateLimits(clock=clock),
        observer=Silent(),
        cooldowns=Cooldowns(),
        rng=random.Random(0),  # noqa: S311 - replaced for each request
    )
