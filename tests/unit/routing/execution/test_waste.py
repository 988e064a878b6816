"""Retries spend a budget that answers earn: an outage is not multiplied, and a lone caller still gets its retry."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from litellm_fallback_router.routing.errors import RouterError
from litellm_fallback_router.routing.execution.waste import EARNED_OVER, EARNED_OVER_USD, WasteBudget
from litellm_fallback_router.routing.failures import FailureKind as Kind
from litellm_fallback_router.routing.mapping import RouterSettings
from tests.support.scripted import Rig, fails, question, rig, says
from tests.support.virtual_time import run_virtually

CALLERS = 500
DOWN = fails(Kind.UNAVAILABLE)


async def failed_callers(r: Rig, count: int) -> int:
    """Requests that the providers get of so many callers at once, all of whom fail."""
    before = len(r.provider.asked)
    outcomes = await asyncio.gather(*(r.router.complete(question()) for _ in range(count)), return_exceptions=True)
    assert all(isinstance(outcome, RouterError) for outcome in outcomes)
    return len(r.provider.asked) - before


@pytest.mark.parametrize("names", [("a",), ("a", "b"), ("a", "b", "c")])
def test_an_outage_of_everything_costs_at_most_a_tenth_more_than_the_walk_alone(names: tuple[str, ...]) -> None:
    async def main() -> None:
        scripts = {name: [DOWN] for name in names}
        once = await failed_callers(rig(*names, scripts=scripts, waste_requests=0.0, circuit_failures=100), CALLERS)
        assert once >= CALLERS
        scripts = {name: [DOWN] for name in names}
        asked = await failed_callers(rig(*names, scripts=scripts, circuit_failures=100), CALLERS)
        assert once < asked <= 1.1 * once

    run_virtually(main())


def test_a_lone_caller_gets_its_retry_before_anything_was_earned() -> None:
    async def main() -> None:
        r = rig("a", "b", scripts={"a": [DOWN, says("back")]})
        assert (await r.router.complete(question())).text == "back"

    run_virtually(main())


def test_a_retry_that_is_not_made_for_the_budget_is_in_the_ledger() -> None:
    async def main() -> None:
        r = rig("a", "b", scripts={"a": [DOWN], "b": [says("yes")]}, waste_requests=0.0)
        result = await r.router.complete(question())
        assert r.provider.asked == ["a", "b"]
        assert [(drop.deployment, drop.code) for drop in result.ledger.dropped] == [("a", "waste_budget")]

    run_virtually(main())


def test_retries_come_back_once_answers_have_earned_them() -> None:
    async def main() -> None:
        every = EARNED_OVER // 10
        r = rig("a", scripts={"a": [DOWN]}, circuit_failures=100)
        assert await failed_callers(r, CALLERS) == CALLERS + every
        await asyncio.sleep(r.config.settings.circuit_open_seconds)
        r.provider.scripts["a"] = [*[says("up")] * 10, DOWN, says("again")]
        for _ in range(10):
            await r.router.complete(question())
        assert (await r.router.complete(question())).text == "again"

    run_virtually(main())


class WasteMachine(RuleBasedStateMachine):
    """The budget against its own words: over any run of events, what was allowed is earned or in reserve."""

    def __init__(self) -> None:
        super().__init__()
        self.budget, self.settings = WasteBudget(), RouterSettings()
        self.requests = {"x": 0.0, "y": 0.0}
        self.tokens = {"p": 0.0, "q": 0.0}
        self.usd = {"x": 0.0, "y": 0.0}

    @rule(chain=st.sampled_from("xy"), provider=st.sampled_from("pq"))
    def retry(self, chain: str, provider: str) -> None:
        most = self.settings.waste_requests * EARNED_OVER
        free = max(self.requests[chain], self.tokens[provider]) <= most - 1
        paid = self.usd[chain] < self.settings.waste_usd * EARNED_OVER_USD
        assert self.budget.take(chain, provider, self.settings) == (free and paid)
        if free and paid:
            self.requests[chain] += 1
            self.tokens[provider] += 1

    @rule(chain=st.sampled_from("xy"), provider=st.sampled_from("pq"), usd=st.floats(0, 20) | st.none())
    def answer(self, chain: str, provider: str, usd: float | None) -> None:
        self.budget.answered(chain, provider, usd, self.settings)
        self.requests[chain] = max(0.0, self.requests[chain] - self.settings.waste_requests)
        self.tokens[provider] = max(0.0, self.tokens[provider] - self.settings.waste_requests)
        self.usd[chain] = max(0.0, self.usd[chain] - self.settings.waste_usd * (usd or 0.0))

    @rule(chain=st.sampled_from("xy"), usd=st.floats(0, 3))
    def waste(self, chain: str, usd: float) -> None:
        self.budget.wasted(chain, usd, self.settings)
        self.usd[chain] = min(self.usd[chain] + usd, 2.0)

    @invariant()
    def never_more_than_the_reserve_is_owed(self) -> None:
        most = self.settings.waste_requests * EARNED_OVER
        assert all(spent <= most for spent in (*self.requests.values(), *self.tokens.values()))


WasteMachine.TestCase.settings = hypothesis_settings(max_examples=60, stateful_step_count=120)
TestWasteBudget = WasteMachine.TestCase
