"""What is remembered of a deployment goes along to a new mapping where it is the same place, and only there."""

from __future__ import annotations

from typing import Any

from litellm_fallback_router.adapters.memory import MemoryCircuits
from litellm_fallback_router.routing.execution import Cooldowns, same_places, with_same_deployments
from litellm_fallback_router.routing.execution.latencies import Latencies
from litellm_fallback_router.routing.execution.short_timeouts import ShortTimeouts
from litellm_fallback_router.routing.execution.waste import WasteBudget
from litellm_fallback_router.routing.mapping import RouterConfig, RouterSettings, load_config
from litellm_fallback_router.routing.types import ModelInfo

NUMBERS: dict[str, Any] = {"failures": 1, "open_seconds": 60.0, "probe_seconds": 60.0}


def config(*models: str, **params: Any) -> RouterConfig:
    items = [{"model_name": name, "litellm_provider": "openai", "params": {"model": name, **params}} for name in models]
    return load_config({"model_list": items}, lambda _provider, _model: ModelInfo())


def test_a_place_is_the_same_whatever_its_limits_and_another_with_another_address_or_key() -> None:
    before = config("a", "b", "c")
    assert same_places(before, config("a", "b", "d", rpm=3, weight=2.0, answer_timeout=9.0)) == {"a", "b"}
    assert same_places(before, config("a", api_base="http://127.0.0.1:1/v1")) == frozenset()
    assert same_places(before, config("a", api_key="sk-other")) == frozenset()
    assert same_places(before, config("a", extra_headers={"x": "y"})) == frozenset()


def test_deployments_that_are_equal_are_the_same_objects() -> None:
    before, after = config("a", "b"), config("b", "c")
    kept = with_same_deployments(before, after)
    assert kept == after
    assert kept.deployments[0] is before.deployments[1]
    assert kept.group("b")[0] is before.deployments[1]


async def test_a_circuit_is_one_for_both_mappings_where_the_place_is_the_same() -> None:
    former = MemoryCircuits(**NUMBERS)
    assert await former.failed("a")
    assert await former.failed("b")
    other = former.carried({"a", "c"}, **NUMBERS)
    assert {name for name, state in (await other.states("abc")).items() if state.open} == {"a"}

    # A request of the former mapping finds out about what both have, and about a `b` that is another place now.
    await former.succeeded("a", seconds=0.0)
    await former.failed("c")
    await former.failed("b")
    assert {name for name, state in (await other.states("abc")).items() if state.open} == {"c"}


async def test_what_is_skipped_and_how_long_it_took_goes_along_with_the_same_places_alone() -> None:
    cooldowns, latencies, timeouts = Cooldowns(), Latencies(), ShortTimeouts()
    for name in ("a", "b"):
        cooldowns.cool(name, 60.0)
        latencies.note(name, 2.0, streamed=True)
        timeouts.timed_out(name, 1.0, streamed=True, keep=60.0)
    same = {"a"}
    assert [cooldowns.carried(same).left(name) > 0 for name in ("a", "b")] == [True, False]
    assert [latencies.carried(same).average(name, streamed=True) for name in ("a", "b")] == [2.0, None]
    assert [timeouts.carried(same).longest(name, streamed=True) > 0 for name in ("a", "b")] == [True, False]


def test_what_retries_may_cost_is_spent_once_for_both_mappings() -> None:
    settings = RouterSettings(waste_requests=0.004)  # two retries
    former = WasteBudget()
    other = former.carried({"chat"}, {"openai"})
    assert former.take("chat", "openai", settings)
    assert other.take("chat", "openai", settings)
    assert not former.take("chat", "openai", settings)
    assert not other.take("chat", "openai", settings)
