"""Asks the questions of a drill, within its budget and its time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ..routing.callers import Budget
from ..routing.errors import RouterError
from ..routing.execution import forgetful
from ..routing.interceptors import RouterDependencies
from ..routing.ledger import Dropped, Ledger
from ..routing.mapping import RouterConfig
from ..routing.router import Router
from ..routing.types import ChatRequest, ChatResult
from .cases import Case, config_of
from .questions import Way, is_answer, question, ways_of

AT_ONCE = 4
"""Questions under way together; what they may cost is reserved for all of them."""
LEAST_SECONDS = 5.0
"""With less left a question is not sent: a slow hop would look like a dead one."""
MOST_REASON = 300
"""Characters kept of a reason."""
UNASKED = frozenset({"budget", "deadline", "max_attempts", "time", "rpm", "drained"})
"""Codes of drops that say nothing of whether the hop works."""
BROKEN = frozenset({"no_key", "credential", "waste_budget", "silent", "cooling", "circuit_open"})
"""Codes of drops that are failures. Any other is something that the deployment cannot do at all."""
Status = Literal["proven", "failed", "not asked", "unable"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What one question to one case came to."""

    way: Way
    status: Status
    """`proven`: the hop itself answered, rightly; `unable`: it cannot do this at all, by what is known of its model."""
    code: str = ""
    """Kind of the failure, or code of the drop; `wrong_answer`: it answered, but not this question."""
    reason: str = ""
    seconds: float | None = None
    """Of the attempt on the hop."""
    first_token_seconds: float | None = None
    cost_usd: float = 0.0
    """Of all attempts, as far as prices are known."""
    answered_by: str | None = None
    """The deployment whose answer the caller would have got; None: nobody answered."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a drill may use."""

    budget: Budget
    """US dollars, for all of it. Before each attempt its dearest answer is reserved."""
    seconds: float
    """Everything ends by then; what has not been asked is `not asked`."""


@dataclass
class Drill:
    """One run. `dependencies`: with ports of its own, so that its failures open no circuit of the gateway's and its
    answers count in nobody's metrics."""

    config: RouterConfig
    dependencies: RouterDependencies
    limits: Limits
    answers: dict[tuple[str, ...], tuple[Answer, ...]] = field(default_factory=dict)
    """By the ids of those that are left of a chain."""
    cost_usd: float = 0.0

    async def run(self, cases: Iterable[Case], tell: Callable[[int, int, str], None]) -> None:
        """Ask everything. `tell`: called with the questions answered, all of them, and the hop of the last."""
        slots = asyncio.Semaphore(AT_ONCE)
        work = [(case, way) for case in cases for way in ways_of(case.hop)]
        found: dict[tuple[str, ...], list[Answer]] = {}
        done, ends = 0, asyncio.get_running_loop().time() + self.limits.seconds

        async def one(case: Case, way: Way) -> Answer:
            nonlocal done
            async with slots:
                left = ends - asyncio.get_running_loop().time()
                answer = await self._asked(case, way, left) if left > LEAST_SECONDS else _out_of_time(way)
            done += 1
            tell(done, len(work), case.hop.id)
            return answer

        answers = await asyncio.gather(*(one(case, way) for case, way in work))
        for (case, _), answer in zip(work, answers, strict=True):
            found.setdefault(tuple(d.id for d in case.left), []).append(answer)
        self.answers = {ids: tuple(those) for ids, those in found.items()}

    async def _asked(self, case: Case, way: Way, seconds: float) -> Answer:
        config = config_of(case, self.config, self.limits.budget)
        router = Router(config, forgetful(self.dependencies))
        request = replace(question(case.left, way), time_left=seconds)
        try:
            outcome, choices = await _answered(router, request, streamed=way == "streamed")
        except RouterError as error:
            self.cost_usd += error.ledger.cost_usd or 0.0
            return _judged(case, way, error.ledger, None, [])
        self.cost_usd += outcome.ledger.cost_usd or 0.0
        return _judged(case, way, outcome.ledger, outcome, choices)


async def _answered(router: Router, request: ChatRequest, *, streamed: bool) -> tuple[ChatResult, list[dict[str, Any]]]:
    if not streamed:
        result = await router.complete(request)
        return result, result.choices
    text = ""
    async with router.stream(request) as stream:
        async for chunk in stream:
            text += "".join(choice["delta"].get("content") or "" for choice in chunk.choices if choice["index"] == 0)
    return stream.result, [{"message": {"content": text}}]


def _judged(
    case: Case, way: Way, ledger: Ledger, result: ChatResult | None, choices: Sequence[dict[str, Any]]
) -> Answer:
    hop = case.hop.id
    attempt = next((one for one in reversed(ledger.attempts) if one.deployment == hop), None)
    answered_by = None if result is None else result.deployment.id
    cost = ledger.cost_usd or 0.0
    if attempt is None:
        return _unasked(way, next((one for one in ledger.dropped if one.deployment == hop), None), answered_by, cost)
    right = result is not None and is_answer(way, choices, result.native)
    first = None if attempt.first_token_seconds is None else round(attempt.first_token_seconds, 3)
    told = Answer(way, "proven", "", "", round(attempt.seconds, 3), first, cost, answered_by if right else None)
    if answered_by == hop:
        wrong = "it answered, but not the question"
        return told if right else replace(told, status="failed", code="wrong_answer", reason=wrong)
    kind = "" if attempt.failure is None else attempt.failure.value
    return replace(told, status="failed", code=kind, reason=attempt.reason[:MOST_REASON])


def _unasked(way: Way, drop: Dropped | None, answered_by: str | None, cost: float) -> Answer:
    code, reason = ("", "it had no turn") if drop is None else (drop.code, drop.reason[:MOST_REASON])
    status: Status = "not asked" if code in UNASKED or not code else "failed" if code in BROKEN else "unable"
    return Answer(way, status, code, reason, cost_usd=cost, answered_by=answered_by)


def _out_of_time(way: Way) -> Answer:
    return Answer(way, "not asked", "time", "the drill's time was over before its answer")
