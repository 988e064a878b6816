"""Answers in memory: for a while, and within bounds."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from litellm_fallback_router.adapters.memory import MemoryCache
from litellm_fallback_router.bootstrap import build_router
from litellm_fallback_router.mapping import ROUTER_STYLE_MAPPING
from litellm_fallback_router.routing.errors import ConfigurationError
from litellm_fallback_router.routing.ports import KeptAnswer
from litellm_fallback_router.settings import load_settings

TTL, ENTRIES, SIZE = 60, 4, 40


def finished(coroutine: Any) -> Any:
    """What a coroutine gives that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as ended:
        return ended.value
    raise AssertionError("it waits for something")


class CacheMachine(RuleBasedStateMachine):
    """Against a list of what was used, the last at its end."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.cache = MemoryCache(TTL, entries=ENTRIES, size=SIZE, clock=lambda: self.now)
        self.used: list[tuple[str, float, bytes]] = []

    @rule(key=st.sampled_from("abcdefg"), size=st.integers(0, SIZE + 5))
    def put(self, key: str, size: int) -> None:
        self.used = [one for one in self.used if one[0] != key] + [(key, self.now, bytes(size))]
        while len(self.used) > ENTRIES or sum(1 + len(entry) for _, _, entry in self.used) > SIZE:
            self.used.pop(0)
        assert finished(self.cache.put(key, bytes(size))) is any(one[0] == key for one in self.used)

    @rule(key=st.sampled_from("abcdefg"))
    def get(self, key: str) -> None:
        found = next((one for one in self.used if one[0] == key), None)
        expected = None
        if found is not None:
            self.used.remove(found)
            if self.now - found[1] < TTL:
                self.used.append(found)
                expected = KeptAnswer(found[2], self.now - found[1])
        assert finished(self.cache.get(key)) == expected

    @rule(seconds=st.sampled_from([0.5, 29, 59, 60, 61]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def is_bounded(self) -> None:
        held = self.cache._answers
        assert len(held) <= ENTRIES
        assert self.cache._size == sum(len(key) + len(entry) for key, (_, entry) in held.items()) <= SIZE


TestCacheMachine = CacheMachine.TestCase


def test_the_mapping_says_where_answers_are_kept() -> None:
    def cache(**rules: Any) -> Any:
        mapping = {**ROUTER_STYLE_MAPPING, "cache": {"store": "memory", **rules}}
        return build_router(load_settings({}), mapping)._dependencies.cache

    assert isinstance(cache(), MemoryCache)
    assert build_router(load_settings({}))._dependencies.cache is None
    with pytest.raises(ConfigurationError, match=r"cache\.store: set ROUTER_CACHE_TABLE for dynamodb, or take memory"):
        cache(store="dynamodb")
    with pytest.raises(ConfigurationError, match=r"cache\.store: memory is no place on Lambda; take dynamodb"):
        build_router(
            load_settings({"AWS_LAMBDA_FUNCTION_NAME": "f"}), {**ROUTER_STYLE_MAPPING, "cache": {"store": "memory"}}
        )
