"""A router whose callers have keys with budgets."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from litellm_fallback_router.adapters.local_accounts import LocalAccounts
from litellm_fallback_router.routing.accounts import Accounts
from litellm_fallback_router.routing.callers import NANO, Budget, CallerKey
from litellm_fallback_router.routing.interceptors.budget import money_accounts
from litellm_fallback_router.routing.mapping.budgets import Budgets
from litellm_fallback_router.routing.ports import DearestPrices
from litellm_fallback_router.routing.types import ChatRequest, Deployment
from tests.support.scripted import Rig, ScriptedProvider, Step, config_of, deployment, question

DOLLAR = Budget(NANO, Budget.parse("1").period)


def clock() -> float:
    return asyncio.get_running_loop().time() + 1_800_000_000.0


class Prices(ScriptedProvider):
    """Every token costs a millionth of a dollar, or what is said of its deployment."""

    def __init__(self, scripts: dict[str, list[Step]]) -> None:
        super().__init__(scripts)
        self.dear: dict[str, float | None] = {}

    def dearest_prices(self, deployment: Deployment) -> DearestPrices | None:
        usd = self.dear.get(deployment.id, 1e-6)
        return None if usd is None else DearestPrices(usd, usd)


class Limited:
    """A rig whose callers have keys."""

    def __init__(self, *names: str, budgets: Budgets | None = None, **scripts: list[Step]) -> None:
        config = replace(config_of(*(deployment(name) for name in names)), budgets=budgets or Budgets())
        self.provider = Prices(scripts)
        self.store = LocalAccounts(clock=clock)
        self.accounts = Accounts(self.store, ahead=False, clock=clock)
        self.rig = Rig(config, self.provider)
        router = self.rig.router
        router._dependencies = replace(router._dependencies, accounts=self.accounts)
        self.router = router

    async def spent(self, name: str, budget: Budget) -> int:
        await self.accounts.flush()
        found = await self.store.balance(money_accounts(name, budget).slot(clock()), clock())
        assert found.held == 0
        return found.spent


def asked(key: CallerKey | None = None, **fields: Any) -> ChatRequest:
    return question(key=key, params={"max_tokens": 100_000}, **fields)
