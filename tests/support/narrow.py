"""Providers that take only so many requests at once, and a Router around them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from litellm_fallback_router.routing.callers import CallerKey, Priority
from litellm_fallback_router.routing.errors import RouterError
from litellm_fallback_router.routing.execution.room import Room
from litellm_fallback_router.routing.failures import FailureKind as Kind
from litellm_fallback_router.routing.failures import ProviderFailure
from litellm_fallback_router.routing.ledger import AttemptRecord
from litellm_fallback_router.routing.mapping.settings import RouterSettings
from litellm_fallback_router.routing.types import ChatResult, Chunk, Deployment, Message, NativeRequest, ProviderAnswer
from tests.support.scripted import Rig, ScriptedProvider, Step, config_of, deployment, question, read

BATCH = CallerKey("batch", priority=Priority.BATCH)
INTERACTIVE = CallerKey("interactive")
SETTINGS = RouterSettings()
Native = NativeRequest | None


class NarrowProvider(ScriptedProvider):
    """`a` answers 429 to what is more than `takes` requests at once; or, where it `queues`, everybody waits longer."""

    def __init__(self, takes: int, *, queues: bool = False) -> None:
        super().__init__()
        self.takes, self.queues = takes, queues
        self.under_way: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.refused = 0

    @asynccontextmanager
    async def _entered(self, name: str) -> AsyncGenerator[None]:
        if name == "a" and not self.queues and self.under_way[name] >= self.takes:
            self.refused += 1
            raise ProviderFailure(Kind.RATE_LIMITED, "too many")
        self.under_way[name] += 1
        self.most[name] = max(self.most[name], self.under_way[name])
        try:
            if name == "a" and self.queues:
                await asyncio.sleep(max(0, self.under_way[name] - self.takes) * 0.5)
            yield
        finally:
            self.under_way[name] -= 1

    async def complete(
        self, deployment: Deployment, messages: list[Message], params: Mapping[str, Any], native: Native = None
    ) -> ProviderAnswer:
        async with self._entered(deployment.id):
            return await super().complete(deployment, messages, params, native)

    async def stream(
        self, deployment: Deployment, messages: list[Message], params: Mapping[str, Any], native: Native = None
    ) -> AsyncGenerator[Sequence[Chunk], None]:
        async with self._entered(deployment.id):
            async for chunks in super().stream(deployment, messages, params, native):
                yield chunks


def narrow(takes: int, *names: str, queues: bool = False, seconds: float = 1.0, **settings: Any) -> Rig:
    provider = NarrowProvider(takes, queues=queues)
    provider.scripts = {name: [Step(wait=seconds)] for name in names}
    return Rig(config_of(*(deployment(name) for name in names), **settings), provider)


def provider_of(r: Rig) -> NarrowProvider:
    assert isinstance(r.provider, NarrowProvider)
    return r.provider


def room_of(r: Rig) -> Room:
    return r.router._dependencies.room


async def load(
    r: Rig, callers: int, rounds: int, *, streamed: bool = False, key: CallerKey | None = None
) -> Counter[str]:
    """Who answered `callers` that ask one question after another."""
    answered: Counter[str] = Counter()

    async def caller() -> None:
        for _ in range(rounds):
            request = question(key=key)
            result = (await read(r.router, request))[1] if streamed else await r.router.complete(request)
            answered[result.deployment.id] += 1

    await asyncio.gather(*(caller() for _ in range(callers)))
    return answered


def ended(failure: Kind | None) -> AttemptRecord:
    return AttemptRecord("a", "openai", "a", None, 1, 0.0, 1.0, None, failure, None, "", None, None, wasted=False)


def limited(room: Room, to: int) -> None:
    """Let `a` have as many requests under way as it takes."""
    for _ in range(to):
        room.enter("a", Priority.INTERACTIVE, SETTINGS, always=True)
    room._loads["a"].limit = float(to)
    room._loads["a"]._used_at = asyncio.get_running_loop().time()


async def outcome(r: Rig, key: CallerKey | None) -> ChatResult | RouterError:
    try:
        return await r.router.complete(question(key=key))
    except RouterError as error:
        return error
