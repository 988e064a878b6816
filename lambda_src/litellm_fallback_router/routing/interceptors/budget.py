"""What a caller, its tag and the stage may spend: reserved before an attempt, settled by what it cost."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from ..accounts import Account, Accounts, Refusal, Reservation
from ..callers import NANO, Budget
from ..errors import RouterError, invalid
from ..execution import ChainExecution
from ..ledger import AttemptRecord, Dropped
from ..mapping import Budgets, RouterConfig
from ..plan import Candidate, most_completion_tokens, most_prompt_tokens, runs_providers_tools
from ..ports import Provider
from ..types import ChatRequest, ChatResult
from .protocol import Exchange, Interceptor


class BudgetInterceptor(Interceptor):
    """USD of the key, the tag and the stage, for each attempt."""

    def __init__(self, money: Sequence[Account], accounts: Accounts, provider: Provider) -> None:
        """`money`: the accounts that pay for the request, as `paying` has them."""
        self._money, self._accounts, self._provider = money, accounts, provider
        self._execution: ChainExecution | None = None
        """While the request is under way: what was delivered is a part of the prompt that continues it."""

    async def before(self, exchange: Exchange) -> None:
        self._execution = execution = await exchange.planned()
        if self not in execution.hooks:
            execution.hooks.append(self)

    async def admit(self, candidate: Candidate) -> MoneyHeld | Dropped:
        """Implements `AttemptHook`: reserve the most that the candidate's answer can cost."""
        most = self._most(candidate)
        if isinstance(most, Dropped):
            return most
        outcome = await self._accounts.reserve_all([(account, most) for account in self._money])
        if isinstance(outcome, Refusal):
            return _too_dear(candidate, outcome, most)
        return MoneyHeld(outcome, candidate)

    def after(self, outcome: ChatResult | RouterError, request: ChatRequest) -> None:
        self._execution = None  # it refers to this interceptor: a circle waits for the collector

    def _most(self, candidate: Candidate) -> int | Dropped:
        """Nano-USD."""
        deployment = candidate.deployment
        prices = self._provider.dearest_prices(deployment)
        if prices is None:
            fix = "give model_info.input_usd_per_token and output_usd_per_token in the mapping"
            return Dropped(deployment.id, "no_price", f"no price of it is known, and a budget pays for it; {fix}")
        if runs_providers_tools(candidate):
            reason = "its provider would run tools of its own, at a cost that a budget cannot hold"
            return Dropped(deployment.id, "budget_tools", reason)
        delivered = "" if self._execution is None else self._execution.delivered_text
        usd = prices.prompt * most_prompt_tokens(candidate, delivered) + prices.completion * most_completion_tokens(
            candidate
        )
        return math.ceil(usd * NANO)


class MoneyHeld:
    """Implements `Hold`: the most that an attempt can cost, on each account that pays for it."""

    def __init__(self, reservations: Sequence[Reservation], candidate: Candidate) -> None:
        self._reservations = reservations
        self._model = candidate.deployment.model_name

    def settle(self, record: AttemptRecord | None) -> None:
        for reservation in self._reservations:
            if record is None or record.usage is None:
                reservation.settle(0)
            elif record.cost_usd is None:
                reservation.settle(reservation.amount, self._model)
            else:
                reservation.settle(round(record.cost_usd * NANO), self._model)


def money_accounts(name: str, budget: Budget) -> Account:
    """The account that a budget is counted on: `key#ID`, `tag#NAME`, `stage`."""
    return Account(f"usd#{name}", budget.nano_usd, budget.period)


def paying(request: ChatRequest, config: RouterConfig) -> list[Account]:
    """The accounts that pay for this request: the stage's, its tag's and its key's, where these have budgets."""
    budgets: dict[str, Budget | None] = {"stage": config.budgets.stage}
    if request.tag is not None:
        budgets[f"tag#{request.tag}"] = config.budgets.tags.get(request.tag)
    if request.key is not None:
        budgets[f"key#{request.key.id}"] = request.key.max_usd
    return [money_accounts(name, budget) for name, budget in budgets.items() if budget is not None]


def tagged(request: ChatRequest, budgets: Budgets) -> ChatRequest:
    """The request with the tag that it counts against besides its key: its own, else `metadata.tag` of its body.

    Raises InvalidRequestError where the mapping has no budget for the tag.
    """
    body = {} if request.native is None else request.native.body
    metadata = request.params.get("metadata") or body.get("metadata")
    tag = request.tag or (metadata.get("tag") if isinstance(metadata, Mapping) else None)
    if tag is None:
        return request
    if not isinstance(tag, str):
        raise invalid("metadata.tag: expected a string", "metadata.tag", "invalid_type")
    if tag not in budgets.tags:
        known = ", ".join(sorted(budgets.tags)[:20])
        where = "metadata.tag" if request.tag is None else "x-router-tag"
        raise invalid(f"{where}: unknown tag {str(tag)[:64]!r}; known: {known}", where, "unknown_tag")
    return replace(request, tag=tag)


def _too_dear(candidate: Candidate, refusal: Refusal, most: int) -> Dropped:
    whose = {"key": "the key's budget", "tag": "the tag's budget", "stage": "the gateway's budget"}
    kind = refusal.account.name.split("#")[1]
    reason = f"it may cost {_usd(most)} USD, and {whose[kind]} has {_usd(refusal.left)} USD left"
    if most > refusal.account.limit:
        # Waiting would not help.
        return Dropped(candidate.deployment.id, "budget", f"{reason}; lower max_tokens or n, or raise the budget")
    reason = f"{reason}, less what requests under way may cost"
    if refusal.may_be_given_back(most):
        reason = f"{reason}; these hold {_usd(refusal.held)} USD, and give back what they do not use: ask again soon"
        return Dropped(candidate.deployment.id, "budget", reason, refusal.wait(most))
    if refusal.refills_at is None:
        return Dropped(candidate.deployment.id, "budget", f"{reason}; it is not full again by itself")
    reason = f"{reason}; it is full again {datetime.fromtimestamp(refusal.refills_at, UTC):%Y-%m-%d %H:%M} UTC"
    return Dropped(candidate.deployment.id, "budget", reason, refusal.refills_in)


def _usd(nano: int) -> str:
    return f"{nano / NANO:.4f}"
