"""After an outage a deployment gets a share of the load that grows."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from litellm_fallback_router.routing.execution.returns import FIRST_SHARE, Returns
from litellm_fallback_router.routing.failures import FailureKind as Kind
from litellm_fallback_router.routing.ports import CircuitState
from tests.support.scripted import Rig, Step, fails, question, rig
from tests.support.virtual_time import run_virtually

OPEN = {"a": CircuitState(open=True)}


async def second(r: Rig) -> Counter[str]:
    """Who answers in one second of a steady load: a hundred requests, of which many are under way at once."""
    asking = []
    for _ in range(100):
        asking.append(asyncio.ensure_future(r.router.complete(question())))
        await asyncio.sleep(0.01)
    return Counter(result.deployment.id for result in await asyncio.gather(*asking))


def returned(*names: str, **settings: Any) -> Rig:
    """`a` is down for one failure, and answers then within a second, as the others do."""
    scripts = {name: [Step(wait=1.0)] for name in names}
    scripts["a"] = [fails(Kind.UNAVAILABLE, wait=0.0), Step(wait=1.0)]
    settings = {"circuit_failures": 1, "tries_per_deployment": 1, **settings}
    return rig(*names, scripts=scripts, **settings)


async def over(r: Rig) -> None:
    """The outage is over: the circuit opens, and a probe closes it."""
    await r.router.complete(question())
    await asyncio.sleep(r.config.settings.circuit_open_seconds + 0.1)
    assert (await r.router.complete(question())).deployment.id == "a"


def test_the_load_comes_back_over_some_seconds() -> None:
    async def main() -> None:
        r = returned("a", "b")
        await over(r)
        shares = [(await second(r))["a"] for _ in range(8)]
        assert shares[0] < 35
        assert shares[0] < shares[2] < shares[5], shares
        assert shares[-1] == 100

    run_virtually(main())


@pytest.mark.parametrize(("names", "settings"), [(("a",), {}), (("a", "b"), {"return_seconds": 0.0})])
def test_it_comes_back_at_once_where_no_other_is_left_or_the_mapping_says_so(
    names: tuple[str, ...], settings: dict[str, Any]
) -> None:
    async def main() -> None:
        r = returned("a", "b", **settings)
        await over(r)
        for name in {"b"} - set(names):
            await r.circuits.failed(name)
        assert (await second(r))["a"] == 100

    run_virtually(main())


def test_one_request_at_a_time_goes_to_it_at_once() -> None:
    async def main() -> None:
        r = returned("a", "b")
        await over(r)
        answers = [await r.router.complete(question()) for _ in range(5)]
        assert {answer.deployment.id for answer in answers} == {"a"}

    run_virtually(main())


def test_a_request_that_the_others_get_says_why_and_still_falls_back_to_it() -> None:
    async def main() -> None:
        r = returned("a", "b")
        await over(r)
        r.provider.scripts["b"] = [fails(Kind.UNAVAILABLE)]
        first = asyncio.ensure_future(r.router.complete(question()))
        await asyncio.sleep(0.1)
        plans = [await r.router.explain(question()) for _ in range(50)]
        reasons = {plan.candidates[-1].deprioritized.code for plan in plans if plan.candidates[-1].deprioritized}
        assert reasons == {"returning"}
        assert {result.deployment.id for result in await asyncio.gather(first, r.router.complete(question()))} == {"a"}

    run_virtually(main())


def test_a_share_grows_from_a_tenth_to_all_and_begins_anew_with_the_next_outage() -> None:
    async def main() -> None:
        returns = Returns()
        assert returns.shares({}, ["a", "b"], 10.0) == {}
        assert returns.shares(OPEN, ["a", "b"], 10.0) == {}
        assert returns.shares({}, ["b"], 10.0) == {}
        assert returns.shares({}, ["a", "b"], 10.0) == {"a": pytest.approx(FIRST_SHARE)}
        await asyncio.sleep(5.0)
        assert returns.shares({}, ["a", "b"], 10.0) == {"a": pytest.approx(0.55)}
        assert returns.shares(OPEN, ["a", "b"], 10.0) == {}
        await asyncio.sleep(5.0)
        assert returns.shares({}, ["a", "b"], 10.0) == {"a": pytest.approx(FIRST_SHARE)}
        await asyncio.sleep(10.0)
        assert returns.shares({}, ["a", "b"], 10.0) == {}
        assert not returns._down
        assert not returns._since

    run_virtually(main())


def test_an_outage_is_still_known_under_another_mapping_where_the_place_is_the_same() -> None:
    async def main() -> None:
        former = Returns()
        former.shares({"a": CircuitState(open=True), "b": CircuitState(open=True)}, ["a", "b"], 10.0)
        later = former.carried(frozenset({"a"}))
        assert later.shares({}, ["a", "b"], 10.0) == {"a": pytest.approx(FIRST_SHARE)}

    run_virtually(main())
