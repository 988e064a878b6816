"""`cache` of the mapping: what is taken, and what is said of mistakes."""

from __future__ import annotations

from typing import Any

import pytest

from litellm_fallback_router.bootstrap import LOCAL, load
from litellm_fallback_router.mapping import ROUTER_STYLE_MAPPING
from litellm_fallback_router.routing.errors import ConfigurationError
from litellm_fallback_router.routing.mapping import CacheRules


def rules(given: Any) -> CacheRules | None:
    return load(LOCAL, {**ROUTER_STYLE_MAPPING, "cache": given}).cache


def test_nothing_is_kept_unless_it_says_where() -> None:
    assert load(LOCAL, ROUTER_STYLE_MAPPING).cache is None
    assert rules(None) is None
    made = rules({"store": "memory", "ttl": 60, "shared": True})
    assert made == CacheRules(store="memory", ttl=60, shared=True)
    assert made is not None
    assert (made.fallbacks, made.max_answer_bytes) == (False, 200_000)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "cache.store: missing; add it"),
        ({"store": "redis"}, "cache.store: "),
        ({"store": "memory", "ttl": 0}, "cache.ttl: must be at least 1, got 0"),
        ({"store": "memory", "ttl": 2_592_001}, "cache.ttl: must be at most 2592000"),
        ({"store": "memory", "ttl": "1h"}, "cache.ttl: must be a whole number, got a string"),
        ({"store": "memory", "shared": "yes"}, "cache.shared: must be true or false, got a string"),
        ({"store": "memory", "max_answer_bytes": 400_000}, "cache.max_answer_bytes: must be at most 380000"),
        ({"store": "memory", "max_entries": 0}, "cache.max_entries: must be at least 1"),
        ({"store": "memory", "seconds": 5}, "cache.seconds: unknown field; known: "),
        ("memory", "cache: must be an object, got a string"),
    ],
)
def test_a_mistake_is_named_with_its_path_and_the_fix(given: Any, said: str) -> None:
    with pytest.raises(ConfigurationError) as wrong:
        rules(given)
    assert any(problem.startswith(said) for problem in wrong.value.problems), wrong.value.problems
