"""A group shares the load by weight, by how much of its rate each of its members has left, and by how fast it is."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from litellm_fallback_router.routing.plan.health import Health
from litellm_fallback_router.routing.plan.planner import plan
from tests.support.scripted import Rig, ScriptedProvider, Step, config_of, deployment, question, read
from tests.support.virtual_time import run_virtually

DRAWS = 2_000
ERROR = 0.05
"""Of a share among so many draws, more than four standard deviations; the draws are the same in every run."""


def first_share(
    weights: tuple[float, float],
    rpm: tuple[int | None, int | None],
    left: dict[str, int],
    seconds: dict[str, float] | None = None,
    **settings: Any,
) -> float:
    """How often the first member of a group of two is asked first."""
    members = [
        deployment("x", id="x", weight=weights[0], rpm=rpm[0]),
        deployment("x", id="x#2", weight=weights[1], rpm=rpm[1]),
    ]
    health, rng = Health(rpm_left=left, latency=seconds or {}), random.Random(3)
    config = config_of(*members, **settings)
    firsts = Counter(plan(question("x"), config, health, rng).candidates[0].deployment.id for _ in range(DRAWS))
    return firsts["x"] / DRAWS


@pytest.mark.parametrize(
    ("weights", "rpm", "left", "share"),
    [
        ((1, 1), (None, None), {}, 1 / 2),
        ((3, 1), (None, None), {}, 3 / 4),
        ((1, 1), (100, 100), {"x": 25, "x#2": 75}, 1 / 4),
        ((1, 1), (100, None), {"x": 20}, 1 / 6),
        ((1, 1), (100, 100), {"x#2": 50}, 2 / 3),
        ((1, 1), (10, 1000), {"x": 10, "x#2": 500}, 2 / 3),
        ((3, 1), (100, 100), {"x": 25, "x#2": 75}, 1 / 2),
    ],
)
def test_is_asked_first_by_weight_and_the_share_of_the_rate_that_is_left(
    weights: tuple[float, float], rpm: tuple[int | None, int | None], left: dict[str, int], share: float
) -> None:
    assert first_share(weights, rpm, left) == pytest.approx(share, abs=ERROR)


def test_a_member_of_next_to_no_weight_is_asked_last_and_not_left_out() -> None:
    members = [deployment("x", id="x", weight=0.0), deployment("x", id="x#2")]
    for seed in range(50):
        candidates = plan(question("x"), config_of(*members), Health(), random.Random(seed)).candidates
        assert [candidate.deployment.id for candidate in candidates] == ["x#2", "x"]


@pytest.mark.parametrize(
    ("weights", "seconds", "share"),
    [
        ((1, 1), {"x": 0.1, "x#2": 0.4}, 0.975),
        ((1, 1), {"x": 0.4, "x#2": 0.1}, 0.025),
        ((1, 1), {"x": 0.1, "x#2": 0.14}, 1 / 2),
        ((3, 1), {"x": 0.1, "x#2": 0.14}, 3 / 4),
        ((3, 1), {"x": 0.4, "x#2": 0.1}, 3 / 4),
        ((3, 1), {"x": 0.5, "x#2": 0.1}, 0.0375),
        ((1, 3), {"x": 0.4, "x#2": 0.1}, 0.0125),
        ((1, 1), {"x": 5.0}, 1 / 2),
        ((1, 1), {"x#2": 5.0}, 1 / 2),
    ],
)
def test_the_faster_goes_first_where_it_is_clearly_faster_for_its_weight(
    weights: tuple[float, float], seconds: dict[str, float], share: float
) -> None:
    """One draw in twenty goes by weight alone, and so does a deployment of which nothing is known."""
    assert first_share(weights, (None, None), {}, seconds) == pytest.approx(share, abs=ERROR / 2)


def test_weights_alone_decide_where_the_mapping_says_so() -> None:
    slow = {"x": 9.0, "x#2": 0.1}
    assert first_share((1, 1), (None, None), {}, slow, prefer_faster=0) == pytest.approx(1 / 2, abs=ERROR)


def test_a_slower_deployment_is_asked_again_once_it_is_as_fast_as_the_others() -> None:
    async def main() -> None:
        members = [deployment("x", id="x"), deployment("x", id="x#2")]
        r = Rig(config_of(*members), ScriptedProvider({"x": [Step(wait=2.0)]}))

        async def asked(times: int) -> Counter[str]:
            before = len(r.provider.calls)
            for _ in range(times):
                await read(r.router, question("x"))
            return Counter(r.provider.asked[before:])

        await asked(50)
        assert 0 < (await asked(200))["x"] < 20
        r.provider.scripts["x"] = [Step()]
        await asked(2_000)
        assert (await asked(200))["x"] > 60

    run_virtually(main())
