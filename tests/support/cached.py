"""A Router with a response cache around scripted providers."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from litellm_fallback_router.adapters.memory import MemoryCache
from litellm_fallback_router.routing.ledger import CacheRecord
from litellm_fallback_router.routing.mapping import CacheRules
from litellm_fallback_router.routing.ports import KeptAnswer
from litellm_fallback_router.routing.router import Router
from litellm_fallback_router.routing.types import ChatRequest, ChatResult, RoutingConstraints
from tests.support.scripted import Rig, ScriptedProvider, Step, config_of, deployment, question, read

TAKES_PART = RoutingConstraints(cache=True)
EITHER = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
MISS = CacheRecord("miss", stored=True)


@dataclass
class Store:
    """A `ResponseCache` in memory, in the loop's time; it can be out of reach."""

    ttl: float = 60.0
    lost: bool = False
    asked: int = 0
    put_size: int = 0
    inner: MemoryCache = field(init=False)

    def __post_init__(self) -> None:
        clock = asyncio.get_running_loop().time
        self.inner = MemoryCache(self.ttl, entries=100, size=10**6, clock=clock)

    async def get(self, key: str) -> KeptAnswer | None:
        self.asked += 1
        return None if self.lost else await self.inner.get(key)

    async def put(self, key: str, entry: bytes) -> bool:
        self.put_size = len(entry)
        return not self.lost and await self.inner.put(key, entry)


def caching(r: Rig, store: Store | None = None, **rules: Any) -> Rig:
    """The same rig with a cache."""
    config = replace(r.config, cache=CacheRules(**{"store": "memory", **rules}))
    return Rig(config, r.provider, notes=r.notes, guard=r.guard, cache=store or Store())


def cached_rig(
    *names: str, scripts: dict[str, list[Step]] | None = None, store: Store | None = None, **rules: Any
) -> Rig:
    config = config_of(*(deployment(name) for name in names or ("a", "b")))
    return caching(Rig(config, ScriptedProvider(scripts or {})), store, **rules)


async def ask(r: Rig, request: ChatRequest | None = None, *, stream: bool = False) -> tuple[str, ChatResult]:
    asked = request or question(constraints=TAKES_PART)
    if stream:
        return await read(r.router, asked)
    result = await r.router.complete(asked)
    return result.text, result


async def answered(router: Router, request: ChatRequest) -> tuple[str, ChatResult]:
    result = await router.complete(request)
    return result.text, result


def taking_part(**fields: Any) -> ChatRequest:
    return question(**{"constraints": TAKES_PART, **fields})
