"""The response cache after a new mapping was put in force: as the new mapping has it."""

from __future__ import annotations

from typing import Any

import pytest

from litellm_fallback_router.bootstrap import build_router
from litellm_fallback_router.mapping import ROUTER_STYLE_MAPPING
from litellm_fallback_router.routing.router import Router
from litellm_fallback_router.settings import load_settings
from litellm_fallback_router.succession import prepared

SETTINGS = load_settings({})
KEPT = {"store": "memory", "ttl": 60}


def mapping(cache: dict[str, Any] | None, **more: Any) -> dict[str, Any]:
    return {**ROUTER_STYLE_MAPPING, **more, "cache": cache}


def successor(former: Router, new: dict[str, Any]) -> Router:
    return prepared(former, SETTINGS, new)()


@pytest.mark.parametrize(
    ("before", "after"),
    [(None, KEPT), (KEPT, None), (KEPT, {**KEPT, "ttl": 30}), (KEPT, {**KEPT, "shared": True})],
    ids=["begins", "ends", "ttl", "shared"],
)
async def test_another_cache_begins_empty(before: dict[str, Any] | None, after: dict[str, Any] | None) -> None:
    former = build_router(SETTINGS, mapping(before))
    if former.dependencies.cache is not None:
        await former.dependencies.cache.put("k", b"answer")
    router = successor(former, mapping(after))
    cache = router.dependencies.cache
    assert (cache is None) is (after is None)
    assert cache is None or await cache.get("k") is None


async def test_the_same_cache_goes_on() -> None:
    former = build_router(SETTINGS, mapping(KEPT))
    cache = former.dependencies.cache
    assert cache is not None
    assert successor(former, mapping(KEPT, settings={"deadline": 30})).dependencies.cache is cache
