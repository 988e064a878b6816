"""Responses in memory: for a while, and within bounds."""

from __future__ import annotations

from typing import Any

import pytest

from litellm_fallback_router.adapters.memory import MemoryResponses
from litellm_fallback_router.bootstrap import build_router
from litellm_fallback_router.mapping import ROUTER_STYLE_MAPPING
from litellm_fallback_router.routing.errors import ConfigurationError
from litellm_fallback_router.settings import load_settings


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_a_record_is_there_until_its_time_is_over() -> None:
    clock = Clock()
    store = MemoryResponses(60, clock=clock)
    assert await store.put({"a": b"1", "b": b"2"})
    assert await store.get(["a", "b", "c"]) == {"a": b"1", "b": b"2"}
    clock.now = 59
    assert await store.put({"b": b"3"})
    clock.now = 60
    assert await store.get(["a", "b"]) == {"b": b"3"}


async def test_the_oldest_make_room() -> None:
    store = MemoryResponses(60, most=30)
    for name in "abc":
        assert await store.put({name: bytes(9)})
    assert (await store.get(["a", "b", "c"])).keys() == {"a", "b", "c"}
    assert await store.put({"d": bytes(9)})
    assert (await store.get(["a", "b", "c", "d"])).keys() == {"b", "c", "d"}


async def test_what_is_larger_than_all_of_it_is_not_kept() -> None:
    store = MemoryResponses(60, most=30)
    assert not await store.put({"a": bytes(40)})
    assert await store.get(["a"]) == {}
    assert await store.put({"a": bytes(20)})


def test_a_place_that_is_none_stops_the_start() -> None:
    def mapping(kept: str) -> dict[str, Any]:
        return {**ROUTER_STYLE_MAPPING, "settings": {"responses_store": kept}}

    with pytest.raises(ConfigurationError, match="set ROUTER_RESPONSES_TABLE"):
        build_router(load_settings({}), mapping("dynamodb"))
    with pytest.raises(ConfigurationError, match="memory is no place on Lambda"):
        build_router(load_settings({"AWS_LAMBDA_FUNCTION_NAME": "gateway"}), mapping("memory"))
    assert build_router(load_settings({}), mapping("memory")).responses is not None
    assert build_router(load_settings({}), ROUTER_STYLE_MAPPING).responses is None
