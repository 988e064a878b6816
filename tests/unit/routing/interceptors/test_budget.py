"""No attempt is sent that a budget might not pay for, and what it did cost is what the account says."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from litellm_fallback_router.routing.callers import NANO, Budget, CallerKey
from litellm_fallback_router.routing.errors import (
    BudgetExceededError,
    InvalidRequestError,
    RouterError,
    StreamInterruptedError,
)
from litellm_fallback_router.routing.failures import FailureKind as Kind
from litellm_fallback_router.routing.mapping.budgets import Budgets
from litellm_fallback_router.routing.types import NativeRequest
from tests.support.budgeted import DOLLAR, Limited, asked
from tests.support.scripted import Step, fails, question, says
from tests.support.virtual_time import run_virtually


def test_a_budget_that_pays_for_the_dearest_answer_lets_it_be_asked_and_counts_what_it_cost() -> None:
    async def main() -> None:
        limited, key = Limited("a"), CallerKey("k", max_usd=DOLLAR)
        result = await limited.router.complete(asked(key))
        assert result.cost_usd is not None
        assert await limited.spent("key#k", DOLLAR) == round(result.cost_usd * NANO) > 0

    run_virtually(main())


def test_what_was_delivered_is_a_part_of_what_it_may_cost_to_continue_it() -> None:
    """A caller who sets no limit: whoever continues reads what there is, and may write as much as its model can."""

    async def main() -> None:
        key = CallerKey("k", max_usd=Budget.parse("0.25"))
        long = Step(pieces=("word " * 20_000,), failure=fails(Kind.STREAM_BROKEN).failure)
        limited = Limited("a", "b", a=[long])
        stream = limited.router.stream(question(key=key))
        with pytest.raises(StreamInterruptedError, match=r"b not asked|could not be continued") as caught:
            async for _ in stream:
                pass
        assert limited.provider.asked == ["a"]
        assert [(drop.deployment, drop.code) for drop in caught.value.ledger.dropped] == [("b", "budget")]

    run_virtually(main())


def test_a_fallback_that_would_break_the_budget_is_dropped_and_a_cheaper_one_answers() -> None:
    async def main() -> None:
        limited, key = Limited("a", "b", "c", a=[fails(Kind.NOT_FOUND)]), CallerKey("k", max_usd=DOLLAR)
        limited.provider.dear = {"b": 1e-3}
        result = await limited.router.complete(asked(key))
        assert limited.provider.asked == ["a", "c"]
        assert [(drop.deployment, drop.code) for drop in result.ledger.dropped] == [("b", "budget")]

    run_virtually(main())


def test_a_candidate_without_a_price_cannot_be_held_by_a_budget() -> None:
    async def main() -> None:
        limited, key = Limited("a", "b"), CallerKey("k", max_usd=DOLLAR)
        limited.provider.dear = {"a": None}
        assert (await limited.router.complete(asked(key))).provider == "openai:b"
        assert (await limited.router.complete(asked())).provider == "openai:a", "without a budget it is asked"

    run_virtually(main())


def test_stage_tag_and_key_each_pay_and_each_refuse() -> None:
    async def main() -> None:
        tags = {"blue": Budget.parse("0.5/day"), "red": Budget.parse("0.01/day")}
        budgets = Budgets(stage=Budget.parse("1/day"), tags=tags)
        limited, key = Limited("a", budgets=budgets), CallerKey("k", max_usd=DOLLAR)
        result = await limited.router.complete(asked(key, tag="blue"))
        cost = round((result.cost_usd or 0) * NANO)
        assert budgets.stage is not None
        assert await limited.spent("key#k", DOLLAR) == cost
        assert await limited.spent("stage", budgets.stage) == cost
        assert await limited.spent("tag#blue", budgets.tags["blue"]) == cost
        with pytest.raises(BudgetExceededError, match="the tag's budget"):
            await limited.router.complete(asked(key, tag="red"))
        assert await limited.spent("key#k", DOLLAR) == cost, "what another account refused is given back"

    run_virtually(main())


@pytest.mark.parametrize("leaves_after", [0, 2, None])
def test_wasted_and_abandoned_attempts_are_paid_for_as_the_ledger_has_them(leaves_after: int | None) -> None:
    async def main() -> None:
        half = Step(pieces=("The ", "capital "), failure=fails(Kind.STREAM_BROKEN).failure)
        limited, key = Limited("a", "b", a=[half], b=[says("of France is Paris.")]), CallerKey("k", max_usd=DOLLAR)
        stream = limited.router.stream(asked(key))
        seen = 0
        async for _ in stream:
            seen += 1
            if seen == leaves_after:
                break
        await stream.aclose()
        ledger = limited.rig.notes.outcomes[-1].ledger
        assert await limited.spent("key#k", DOLLAR) == sum(round((a.cost_usd or 0) * NANO) for a in ledger.attempts)

    run_virtually(main())


@pytest.mark.parametrize("streamed", [True, False])
def test_two_hundred_at_once_never_spend_more_than_the_key_has(streamed: bool) -> None:
    async def main() -> None:
        limited, key = Limited("a", "b", a=[fails(Kind.UNAVAILABLE)]), CallerKey("k", max_usd=DOLLAR)
        costs: list[int] = []

        async def one() -> None:
            request = replace(asked(key), params={"max_tokens": 30_000})
            try:
                if streamed:
                    stream = limited.router.stream(request)
                    async for _ in stream:
                        pass
                    costs.append(round((stream.result.cost_usd or 0) * NANO))
                else:
                    costs.append(round(((await limited.router.complete(request)).cost_usd or 0) * NANO))
            except RouterError:
                costs.append(0)

        await asyncio.gather(*(one() for _ in range(200)))
        assert await limited.spent("key#k", DOLLAR) == sum(costs) <= NANO
        assert 0 < sum(cost > 0 for cost in costs) < 200

    run_virtually(main())


@pytest.mark.parametrize(
    "fields",
    [
        {"tag": "blue"},
        {"params": {"metadata": {"tag": "blue"}, "max_tokens": 10}},
        {"native": NativeRequest("responses", {"metadata": {"tag": "blue"}})},
    ],
)
def test_a_tag_comes_from_the_header_or_from_the_bodys_metadata(fields: dict[str, Any]) -> None:
    async def main() -> None:
        blue = Budget.parse("0.5/day")
        limited = Limited("a", budgets=Budgets(tags={"blue": blue}))
        result = await limited.router.complete(question(**fields))
        assert await limited.spent("tag#blue", blue) == round((result.cost_usd or 0) * NANO) > 0

    run_virtually(main())


def test_a_tag_without_a_budget_is_refused_where_there_are_tags_and_is_plain_metadata_where_there_are_none() -> None:
    async def main() -> None:
        request = question(params={"metadata": {"tag": "grey"}})
        with pytest.raises(InvalidRequestError, match=r"unknown tag 'grey'; known: blue") as caught:
            await Limited("a", budgets=Budgets(tags={"blue": DOLLAR})).router.complete(request)
        assert caught.value.param == "metadata.tag"
        assert (await Limited("a").router.complete(request)).text

    run_virtually(main())


@pytest.mark.parametrize("tag", [["x"], {"a": 1}, 5, True])
def test_a_tag_that_is_no_text_is_the_callers_mistake(tag: Any) -> None:
    async def main() -> None:
        request = question(native=NativeRequest("messages", {"metadata": {"tag": tag}}))
        with pytest.raises(InvalidRequestError, match=r"expected a string") as caught:
            await Limited("a", budgets=Budgets(tags={"blue": DOLLAR})).router.complete(request)
        assert caught.value.code == "invalid_type"

    run_virtually(main())


def test_tools_that_the_provider_runs_are_refused_under_a_budget_as_what_they_are() -> None:
    async def main() -> None:
        limited, key = Limited("a"), CallerKey("k", max_usd=DOLLAR)
        with pytest.raises(InvalidRequestError, match=r"tools of its own") as caught:
            await limited.router.complete(question(key=key, params={"max_tokens": 5, "web_search_options": {}}))
        assert caught.value.status == 400

    run_virtually(main())
