"""A hit costs nothing that is limited: no probe of a circuit, no request of a minute, no money."""

from __future__ import annotations

from dataclasses import replace

import pytest

from litellm_fallback_router.adapters.local_accounts import LocalAccounts
from litellm_fallback_router.routing.accounts import Accounts, Reservation
from litellm_fallback_router.routing.callers import Budget, CallerKey
from litellm_fallback_router.routing.errors import BudgetExceededError, RateLimitedError
from litellm_fallback_router.routing.interceptors import money_accounts
from litellm_fallback_router.routing.router import Router
from tests.support.cached import EITHER, answered, ask, cached_rig, caching, taking_part
from tests.support.scripted import Rig, ScriptedProvider, config_of, deployment, read
from tests.support.virtual_time import run_virtually


@EITHER
def test_a_hit_asks_no_circuit_and_takes_no_rate(stream: bool) -> None:
    async def main() -> None:
        config = config_of(deployment("a", rpm=1))
        r = caching(Rig(config, ScriptedProvider()))
        await ask(r)
        before = await r.circuits.states(["a"])
        for _ in range(3):
            assert (await ask(r, stream=stream))[1].ledger.attempts == ()
        assert await r.circuits.states(["a"]) == before
        assert r.provider.asked == ["a"]

    run_virtually(main())


@EITHER
def test_a_hit_gives_its_place_in_the_minute_back(stream: bool) -> None:
    async def main() -> None:
        r = cached_rig("a")
        accounts = Accounts(LocalAccounts(), ahead=False)
        router = Router(r.config, replace(r.router._dependencies, accounts=accounts))
        asked = taking_part(caller="me", key=CallerKey("me", rpm=2))
        await router.complete(asked)
        for _ in range(3):
            _, result = await read(router, asked) if stream else await answered(router, asked)
            assert result.cost_usd == 0
        await router.complete(replace(asked, messages=[{"role": "user", "content": "Another question?"}]))
        with pytest.raises(RateLimitedError):
            await router.complete(asked)
        assert r.provider.asked == ["a", "a"]
        await accounts.aclose()

    run_virtually(main())


@EITHER
def test_a_hit_is_given_when_a_budget_is_used_up(stream: bool) -> None:
    async def main() -> None:
        r = cached_rig("a")
        accounts, budget = Accounts(LocalAccounts(), ahead=False), Budget.parse("0.05")
        router = Router(r.config, replace(r.router._dependencies, accounts=accounts))
        asked = taking_part(caller="me", key=CallerKey("me", max_usd=budget), params={"max_tokens": 10})
        await router.complete(asked)
        held = await accounts.reserve(money_accounts("key#me", budget), 49_000_000)
        assert isinstance(held, Reservation)
        another = replace(asked, params={"max_tokens": 40_000})
        with pytest.raises(BudgetExceededError):
            await router.complete(another)
        _, result = await read(router, asked) if stream else await answered(router, asked)
        assert result.cost_usd == 0
        held.settle(0)
        await accounts.aclose()

    run_virtually(main())
