"""The recent latencies of a deployment: its tail, its average, and what bounds them."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_fallback_router.routing.errors import RouterError
from litellm_fallback_router.routing.execution.latencies import ENOUGH, KEPT, Latencies
from litellm_fallback_router.routing.failures import FailureKind
from tests.support.scripted import fails, question, read, rig, says
from tests.support.virtual_time import run_virtually

SECONDS = st.floats(0, 900, allow_nan=False)


def noted(seconds: list[float], *, streamed: bool = True) -> Latencies:
    latencies = Latencies()
    for one in seconds:
        latencies.note("a", one, streamed=streamed)
    return latencies


@given(st.lists(SECONDS, max_size=3 * KEPT))
def test_the_tail_is_the_nearest_rank_of_the_last_samples(seconds: list[float]) -> None:
    recent = sorted(seconds[-KEPT:])
    expected = recent[math.ceil(0.95 * len(recent)) - 1] if len(recent) >= ENOUGH else None
    assert noted(seconds).p95("a", streamed=True) == expected


@given(st.lists(SECONDS, min_size=1, max_size=50))
def test_the_average_lies_among_its_samples(seconds: list[float]) -> None:
    average = noted(seconds).average("a", streamed=True)
    assert average is not None
    assert min(seconds) - 1e-9 <= average <= max(seconds) + 1e-9


def test_the_average_follows_a_deployment_that_became_slow() -> None:
    average = noted([0.1] * 100 + [2.0] * 20).average("a", streamed=True)
    assert average == pytest.approx(2.0 - 1.9 * (1 - 0.125) ** 20)


def test_nothing_is_said_of_what_was_never_seen() -> None:
    latencies = noted([1.0] * ENOUGH)
    assert latencies.p95("b", streamed=True) is latencies.average("b", streamed=True) is None
    assert latencies.p95("a", streamed=False) is latencies.average("a", streamed=False) is None


def test_whole_answers_and_first_tokens_are_kept_apart() -> None:
    latencies = noted([0.1] * ENOUGH)
    for _ in range(ENOUGH):
        latencies.note("a", 5.0, streamed=False)
    assert (latencies.p95("a", streamed=True), latencies.p95("a", streamed=False)) == (0.1, 5.0)


def test_old_samples_are_forgotten() -> None:
    rng = random.Random(5)
    latencies = noted([rng.uniform(5, 50) for _ in range(10 * KEPT)] + [0.2] * KEPT)
    assert latencies.p95("a", streamed=True) == 0.2
    assert sum(len(recent.ordered) for recent in latencies._recent.values()) == KEPT


def test_the_router_notes_first_tokens_of_streams_and_whole_answers() -> None:
    async def main() -> None:
        r = rig("a", scripts={"a": [says("yes", wait=0.5)]})
        await read(r.router, question())
        await r.router.complete(question())
        r.provider.scripts["a"] = [fails(FailureKind.REJECTED, wait=9.0)]
        with pytest.raises(RouterError):
            await r.router.complete(question())
        latencies = r.latencies
        assert latencies.average("a", streamed=True) == latencies.average("a", streamed=False) == pytest.approx(0.5)

    run_virtually(main())
