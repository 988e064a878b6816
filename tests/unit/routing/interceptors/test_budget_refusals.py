"""What a caller is told whose budget might not pay, and when asking again is worth it."""

from __future__ import annotations

import pytest

from litellm_fallback_router.routing.accounts import Reservation
from litellm_fallback_router.routing.accounts.account import SOON_SECONDS
from litellm_fallback_router.routing.callers import NANO, Budget, CallerKey
from litellm_fallback_router.routing.errors import (
    BudgetExceededError,
    RateLimitedError,
    UnavailableError,
)
from litellm_fallback_router.routing.interceptors.budget import money_accounts
from litellm_fallback_router.routing.mapping.budgets import Budgets
from litellm_fallback_router.routing.router import Router
from tests.support.budgeted import DOLLAR, Limited, asked, clock
from tests.support.scripted import config_of, deployment, question
from tests.support.virtual_time import run_virtually


def test_a_budget_that_might_not_pay_refuses_before_anything_is_sent_and_says_when_it_refills() -> None:
    async def main() -> None:
        day = Budget.parse("0.05/day")
        limited, key = Limited("a", "b"), CallerKey("k", max_usd=day)
        spent = await limited.accounts.reserve(money_accounts("key#k", day), 20_000_000)
        assert isinstance(spent, Reservation)
        spent.settle(20_000_000)
        request = question(key=key, params={"max_tokens": 40_000})
        with pytest.raises(
            BudgetExceededError, match=r"0\.0300 USD left, .* full again 2027-01-16 00:00 UTC"
        ) as caught:
            await limited.router.complete(request)
        assert caught.value.retry_after == pytest.approx(86_400 - clock() % 86_400)
        assert limited.provider.asked == []
        assert await limited.spent("key#k", day) == 20_000_000

    run_virtually(main())


def test_of_budgets_that_refuse_the_one_counts_that_is_full_again_last() -> None:
    async def main() -> None:
        hour, month = Budget.parse("0.05/hour"), Budget.parse("0.05/month")
        for stage, own in ((hour, month), (month, hour)):
            limited, key = Limited("a", budgets=Budgets(stage=stage)), CallerKey("k", max_usd=own)
            for name, budget in (("stage", stage), ("key#k", own)):
                held = await limited.accounts.reserve(money_accounts(name, budget), budget.nano_usd)
                assert isinstance(held, Reservation)
                held.settle(budget.nano_usd)
            with pytest.raises(BudgetExceededError, match=r"full again 2027-02-01 00:00 UTC") as caught:
                await limited.router.complete(question(key=key, params={"max_tokens": 40_000}))
            assert caught.value.retry_after is not None
            assert caught.value.retry_after > 86_400

    run_virtually(main())


@pytest.mark.parametrize("amount", ["0.05/day", "0.05"])
def test_what_requests_under_way_hold_may_be_back_soon_and_what_is_spent_is_not(amount: str) -> None:
    async def main() -> None:
        budget = Budget.parse(amount)
        limited, key = Limited("a"), CallerKey("k", max_usd=budget)
        request = question(key=key, params={"max_tokens": 40_000})
        held = await limited.accounts.reserve(money_accounts("key#k", budget), 20_000_000)
        assert isinstance(held, Reservation)
        with pytest.raises(BudgetExceededError, match=r"hold 0\.0200 USD, .* ask again soon") as caught:
            await limited.router.complete(request)
        assert caught.value.retry_after == SOON_SECONDS
        held.settle(20_000_000)
        with pytest.raises(BudgetExceededError, match=r"full again") as caught:
            await limited.router.complete(request)
        assert caught.value.retry_after is None or caught.value.retry_after > SOON_SECONDS

    run_virtually(main())


def test_what_requests_under_way_hold_besides_too_much_that_is_spent_is_no_reason_to_ask_again_soon() -> None:
    async def main() -> None:
        day = Budget.parse("0.05/day")
        limited, key = Limited("a"), CallerKey("k", max_usd=day)
        for used in (15_000_000, None):
            held = await limited.accounts.reserve(money_accounts("key#k", day), 15_000_000)
            assert isinstance(held, Reservation)
            if used is not None:
                held.settle(used)
        with pytest.raises(BudgetExceededError, match=r"full again 2027-01-16 00:00 UTC") as caught:
            await limited.router.complete(question(key=key, params={"max_tokens": 40_000}))
        assert caught.value.retry_after == pytest.approx(86_400 - clock() % 86_400)

    run_virtually(main())


def test_a_budget_that_is_not_full_again_says_so_and_promises_nothing() -> None:
    async def main() -> None:
        limited, key = Limited("a"), CallerKey("k", max_usd=DOLLAR)
        held = await limited.accounts.reserve(money_accounts("key#k", DOLLAR), NANO)
        assert isinstance(held, Reservation)
        held.settle(NANO)
        with pytest.raises(BudgetExceededError, match=r"0\.0000 USD left, .* not full again by itself") as caught:
            await limited.router.complete(asked(key))
        assert caught.value.retry_after is None

    run_virtually(main())


def test_no_candidate_with_a_price_is_for_the_operator_to_mend_and_no_waiting_is_promised() -> None:
    async def main() -> None:
        limited, key = Limited("a", "b"), CallerKey("k", max_usd=Budget.parse("1/day"))
        limited.provider.dear = {"a": None, "b": None}
        with pytest.raises(UnavailableError, match=r"a: no price .*; give model_info\.input_usd_per_token") as caught:
            await limited.router.complete(asked(key))
        assert caught.value.retry_after is None
        assert {drop.code for drop in caught.value.ledger.dropped} == {"no_price"}
        assert limited.provider.asked == []

    run_virtually(main())


def test_a_candidate_without_a_price_beside_one_that_is_too_dear_leaves_a_budget_that_is_exceeded() -> None:
    async def main() -> None:
        day = Budget.parse("0.05/day")
        limited, key = Limited("a", "b"), CallerKey("k", max_usd=day)
        limited.provider.dear = {"a": None}
        spent = await limited.accounts.reserve(money_accounts("key#k", day), 40_000_000)
        assert isinstance(spent, Reservation)
        spent.settle(40_000_000)
        with pytest.raises(BudgetExceededError, match=r"a: no price .*; b: it may cost") as caught:
            await limited.router.complete(question(key=key, params={"max_tokens": 40_000}))
        assert caught.value.retry_after == pytest.approx(86_400 - clock() % 86_400)

    run_virtually(main())


def test_a_candidate_without_a_price_beside_one_that_is_out_of_its_rate_leaves_a_rate_that_is_used_up() -> None:
    async def main() -> None:
        limited, key = Limited("a", "b"), CallerKey("k", max_usd=DOLLAR)
        limited.provider.dear = {"b": None}
        config = config_of(deployment("a", rpm=1), deployment("b"))
        router = Router(config, limited.router._dependencies)
        await router.complete(asked(key))
        with pytest.raises(RateLimitedError, match="has any of its rate left"):
            await router.complete(asked(key))

    run_virtually(main())


def test_what_no_waiting_can_pay_for_promises_no_refill_and_says_what_to_lower() -> None:
    async def main() -> None:
        limited, key = Limited("a"), CallerKey("k", max_usd=Budget.parse("0.05/day"))
        with pytest.raises(BudgetExceededError, match=r"lower max_tokens or n") as caught:
            await limited.router.complete(asked(key))
        assert caught.value.retry_after is None

    run_virtually(main())
