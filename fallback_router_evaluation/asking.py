"""Asks every model every prompt, directly, until all is answered or the money is used up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from litellm_fallback_router.routing.errors import RouterError
from litellm_fallback_router.routing.ledger import AttemptRecord, rounded_usd
from litellm_fallback_router.routing.router import Router
from litellm_fallback_router.routing.types import ChatRequest, Deployment

from .answers import Answer, logged_models, read_answers, record
from .budget import Budget, most_expensive
from .dataset import Prompt
from .folder import Folder

TRIES = 3
"""On one deployment, where trying again may help (a rate limit, a 503)."""
GIVE_UP_AFTER = 5
"""Failures in a row of one model, after which the rest of its prompts is left for the next run."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A model under evaluation."""

    identifier: str
    deployment: Deployment


@dataclass(slots=True)
class Outcome:
    """What a run came to."""

    to_ask: int
    """Questions that had no answer yet, over all models."""
    answered: int = 0
    failures: dict[str, list[str]] = field(default_factory=dict)
    """Reasons, by identifier."""
    out_of_budget: bool = False
    spent_usd: float = 0.0
    """With earlier runs."""

    @property
    def complete(self) -> bool:
        return self.answered == self.to_ask


class Questions:
    """The questions that have no answer yet."""

    def __init__(self, folder: Folder, prompts: Sequence[Prompt], models: Sequence[Asked], max_tokens: int) -> None:
        self._folder = folder
        self._max_tokens = max_tokens
        logs = {name: read_answers(folder, name) for name in {*logged_models(folder), *(m.identifier for m in models)}}
        self.spent_usd = sum(answers.spent_usd for answers in logs.values())
        """In earlier runs, on whatever models: the limit is the evaluation's."""
        self._stopped = False
        by_id = {prompt.id(max_tokens): prompt for prompt in prompts}
        missing = {model.identifier: set(logs[model.identifier].missing(by_id)) for model in models}
        # Prompt by prompt, not model by model: where the run stops early, the models have still been asked the same.
        self._open = [
            (model, prompt_id, prompt)
            for prompt_id, prompt in by_id.items()
            for model in models
            if prompt_id in missing[model.identifier]
        ]

    def __len__(self) -> int:
        return len(self._open)

    def stop(self) -> None:
        """Send no more questions. Those on their way are billed in any case, so their answers are still kept."""
        self._stopped = True

    async def ask(
        self, router: Router, *, at_once: int, max_usd: float | None, advance: Callable[[float], object]
    ) -> Outcome:
        """Ask them, `at_once` at the same time; each answer is kept before the next question of its place.

        `router` knows each deployment by its id, as a chain of its own. `advance` is told the USD spent after each.
        """
        outcome = Outcome(len(self._open))
        budget = Budget(max_usd, self.spent_usd)
        in_a_row: dict[str, int] = {}
        waiting = iter(self._open)

        async def work() -> None:
            for model, prompt_id, prompt in waiting:
                if in_a_row.get(model.identifier, 0) >= GIVE_UP_AFTER:
                    continue
                most = TRIES * (most_expensive(model.deployment, prompt.messages, self._max_tokens) or 0.0)
                if not await budget.reserve(most):
                    outcome.out_of_budget = True
                    return
                if self._stopped:
                    await budget.settle(most, 0.0)
                    return
                cost: float | None = None
                try:
                    answer = await _ask(router, model.deployment, prompt_id, prompt, self._max_tokens)
                    cost = answer.cost_usd
                    await asyncio.to_thread(record, self._folder, model.identifier, answer)
                finally:
                    await budget.settle(most, cost)
                advance(budget.spent)
                if answer.response is None:
                    outcome.failures.setdefault(model.identifier, []).append(answer.error)
                    in_a_row[model.identifier] = in_a_row.get(model.identifier, 0) + 1
                else:
                    outcome.answered += 1
                    in_a_row[model.identifier] = 0

        try:
            async with asyncio.TaskGroup() as places:
                for _ in range(at_once):
                    places.create_task(work())
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from group
        outcome.spent_usd = budget.spent
        return outcome


async def _ask(router: Router, deployment: Deployment, prompt_id: str, prompt: Prompt, max_tokens: int) -> Answer:
    dearest = most_expensive(deployment, prompt.messages, max_tokens)
    try:
        result = await router.complete(ChatRequest(deployment.id, prompt.messages, {"max_tokens": max_tokens}))
    except RouterError as error:
        attempts = error.ledger.attempts
        dropped = "; ".join(drop.reason for drop in error.ledger.dropped)
        return Answer(
            prompt_id=prompt_id,
            response=None,
            error=attempts[-1].reason if attempts else dropped or str(error),
            seconds=round(attempts[-1].seconds, 4) if attempts else 0.0,
            input_tokens=0,
            output_tokens=0,
            cost_usd=_cost(attempts, dearest) or 0.0,
        )
    return Answer(
        prompt_id=prompt_id,
        response=result.text or None,
        error="" if result.text else "answered without text",
        seconds=round(result.ledger.attempts[-1].seconds, 4),
        input_tokens=result.usage.prompt_tokens,
        output_tokens=result.usage.completion_tokens,
        cost_usd=_cost(result.ledger.attempts, dearest),
    )


def _cost(attempts: Sequence[AttemptRecord], dearest: float | None) -> float | None:
    """USD of every try; `dearest` for one of which nobody knows. None where no price is known."""
    costs = (dearest if _unsettled(one) else one.cost_usd for one in attempts)
    known = [cost for cost in costs if cost is not None]
    return rounded_usd(sum(known)) if known else None


def _unsettled(attempt: AttemptRecord) -> bool:
    """The provider may have written, and bill, more than anybody here knows: a timeout, a body that broke off. A
    failure without usage is free (`routing.attempts`)."""
    if attempt.failure is None:
        return attempt.cost_usd is None
    return attempt.usage is not None and (attempt.usage.estimated or attempt.cost_usd is None)
