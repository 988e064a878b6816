"""A group shares the load by weight and by how much of its rate each of its members has left."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from litellm_fallback_router.routing.plan.health import Health
from litellm_fallback_router.routing.plan.planner import plan
from tests.support.scripted import config_of, deployment, question

DRAWS = 2_000
ERROR = 0.05
"""Of a share among so many draws, more than four standard deviations; the draws are the same in every run."""


def first_share(weights: tuple[float, float], rpm: tuple[int | None, int | None], left: dict[str, int]) -> float:
    """How often the first member of a group of two is asked first."""
    members = [
        deployment("x", id="x", weight=weights[0], rpm=rpm[0]),
        deployment("x", id="x#2", weight=weights[1], rpm=rpm[1]),
    ]
    config, health, rng = config_of(*members), Health(rpm_left=left), random.Random(3)
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
