"""When a second attempt may be started beside a slow one, and on which candidate."""

from __future__ import annotations

from ..errors import RouterError
from ..ledger import AttemptRecord, Dropped
from ..mapping import Hedge
from ..plan import Candidate, runs_providers_tools
from .admission import admit, withdraw
from .attempt import Attempt
from .schedule import AttemptSchedule


class HedgedSchedule(AttemptSchedule):
    """Besides, `beside()` returns one more attempt while one is under way: `succeeded`, `failed`, `beaten` or
    `abandoned` is called for each of the two."""

    _hedged = False
    """True once a second attempt was made: a request has no more than one."""

    def late_after(self, attempt: Attempt, hedge: Hedge) -> float | None:
        """Seconds after which another attempt may be started beside this one; None: none may be."""
        if attempt.number == 1:
            self.dependencies.hedges.earn(self.plan.chain, hedge.at_most)
        candidate, second = attempt.candidate, self._remaining.second
        if self._hedged or candidate.probe or candidate.last_resort or second is None:
            return None
        if not all(_may_be_asked_twice(one) for one in (candidate, second)):
            return None
        return self.dependencies.latencies.p95(attempt.deployment.id, streamed=self.streamed)

    async def beside(self, slow: Attempt) -> Attempt | None:
        """An attempt on the next candidate while `slow` is under way; None: there is none, or it must not be made. So
        it is where a hook raises RouterError, which ends the execution only where that candidate has its turn."""
        candidate = self._remaining.second
        if candidate is None or self.deadline.expired or not self._affordable(candidate):
            return None
        shown = await self._with_images(candidate) if candidate.images_by_url else candidate
        if isinstance(shown, Dropped) or not await self._allowed(shown):
            return None
        try:
            admitted = await admit(shown, self.dependencies, self.hooks, probing=False)
        except RouterError:
            return None
        if isinstance(admitted, Dropped):
            return None
        # From here to the attempt nothing is awaited: other requests spend of the same budgets.
        if not self._affordable(candidate):
            await withdraw(candidate.deployment, admitted.holds, self.dependencies, probe=False)
            return None
        self.dependencies.waste.take(self.plan.chain, candidate.deployment.provider, self.settings)
        self.dependencies.hedges.take(self.plan.chain)
        self._hedged = True
        budget = self.deadline.share(behind=self._remaining.waiting - 1, reserve=self.settings.candidate_reserve)
        self._remaining.leave(slow.candidate, candidate)
        return self._begin(admitted, budget)

    def beaten(self, attempt: Attempt, record: AttemptRecord, *, slow: bool) -> None:
        """Record an attempt that was cancelled because the one beside it ended the race. It says nothing against its
        deployment, which may still continue a broken stream. `slow`: it began first."""
        self._record(attempt, record)
        self._remaining.rejoin(attempt.candidate, self.settings)
        if slow:
            # It would have taken longer; left out, the tail would seem shorter with each hedge.
            self.dependencies.latencies.note(attempt.deployment.id, record.seconds, streamed=self.streamed)

    def _affordable(self, candidate: Candidate) -> bool:
        """True where the chain's share of hedges, its waste budget and the request's attempts have one left."""
        chain, settings, dependencies = self.plan.chain, self.settings, self.dependencies
        return (
            self.begun < settings.max_attempts
            and dependencies.hedges.left(chain)
            and dependencies.waste.left(chain, candidate.deployment.provider, settings)
        )


def _may_be_asked_twice(candidate: Candidate) -> bool:
    """False where asking may do more than give an answer: tools that a provider runs would run twice, and what only its
    own format has may be such a thing."""
    return not runs_providers_tools(candidate) and not (candidate.native is not None and candidate.native.only)
