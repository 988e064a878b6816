"""The candidates of a plan that are left while it is executed, and those that were dropped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..ledger import Dropped
from ..mapping import RouterSettings
from ..plan import BUSY, WAITING, Candidate, Plan
from ..types import Deployment
from .cooldowns import Cooldowns


class Remaining:
    """A queue of candidates. The head is sent the request next, or again."""

    def __init__(self, plan: Plan) -> None:
        self._queue = list(plan.candidates)
        self._tries: dict[str, int] = {}
        """Attempts so far, by deployment id."""
        self._away: set[str] = set()
        """Deployments under way beside each other, which are not in the queue."""
        self._ended = False
        self._dropped = list(plan.dropped)

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def head(self) -> Candidate:
        return self._queue[0]

    @property
    def tries(self) -> int:
        """Attempts on the head so far."""
        return self._tries.get(self.head.deployment.id, 0)

    def tried(self, candidate: Candidate) -> None:
        """Count an attempt."""
        name = candidate.deployment.id
        self._tries[name] = self._tries.get(name, 0) + 1

    @property
    def second(self) -> Candidate | None:
        """The first behind the head of whose health nothing bad is known."""
        return next((one for one in self.behind if one.deprioritized is None and not one.probe), None)

    def leave(self, *candidates: Candidate) -> None:
        """Take candidates out of the queue while they are under way beside each other."""
        self._away.update(one.deployment.id for one in candidates)
        self._queue = [one for one in self._queue if one.deployment.id not in self._away]

    def back(self, candidate: Candidate) -> bool:
        """Make a candidate that left and has failed the head. False: nothing is tried any more."""
        if candidate.deployment.id in self._away:
            self._away.remove(candidate.deployment.id)
            if self._ended:
                return False
            self._queue.insert(0, candidate)
        return True

    def rejoin(self, candidate: Candidate, settings: RouterSettings) -> None:
        """Queue a candidate that left and has not failed behind the others, as it was tried and they may not have been;
        last resorts stay last. It is given up where that would be one try too many."""
        name = candidate.deployment.id
        self._away.remove(name)
        tries = settings.tries_per_deployment if self._queue else settings.tries_on_last
        if not self._ended and self._tries[name] < tries:
            place = next((n for n, one in enumerate(self._queue) if one.last_resort), len(self._queue))
            self._queue.insert(place, candidate)

    @property
    def behind(self) -> list[Candidate]:
        return self._queue[1:]

    @property
    def others(self) -> bool:
        """True where a candidate behind the head is no last resort."""
        return any(not candidate.last_resort for candidate in self.behind)

    @property
    def waiting(self) -> int:
        """Number of candidates behind the head for which time is reserved; none for a last resort behind others."""
        return sum(1 for candidate in self.behind if self.head.deprioritized is not None or not candidate.last_resort)

    @property
    def dropped(self) -> tuple[Dropped, ...]:
        """The deployments that got no attempt, each with its reason; untried last resorts included."""
        return (*self._dropped, *(c.deprioritized for c in self._untried if c.deprioritized is not None))

    @property
    def _untried(self) -> list[Candidate]:
        return [one for one in self._queue if one.deployment.id not in self._tries]

    def give_up(self) -> None:
        """Remove the head."""
        self._tries.pop(self._queue.pop(0).deployment.id, None)

    def note(self, drop: Dropped) -> None:
        """Note why the head, which was tried, is not tried again."""
        self._dropped.append(drop)

    def requeue(self, deprioritized: Dropped, cooldowns: Cooldowns) -> None:
        """Move the head behind all others as a last resort, where its reason may pass by itself; else drop it. One that
        is busy comes before the last resorts, once.

        A Retry-After is honoured: a cooling deployment that was tried, or behind which another cooling one is left as
        a last resort, is dropped.
        """
        head, tries = self.head, self.tries
        self.give_up()
        another = any(c.last_resort and cooldowns.left(c.deployment.id) for c in self._queue)
        honoured = deprioritized.code == "cooling" and (tries or another)
        if deprioritized.code == BUSY and head.deprioritized is None:
            usable = sum(not candidate.last_resort for candidate in self._queue)
            self._queue.insert(usable, replace(head, deprioritized=deprioritized))
            if tries:
                self._tries[head.deployment.id] = tries
        elif deprioritized.code in WAITING and not honoured:
            self._queue.append(replace(head, probe=False, deprioritized=deprioritized))
        else:
            self._dropped.append(deprioritized)

    def drop(self, matches: Callable[[Deployment], bool], code: str, reason: str) -> None:
        """Drop every candidate whose deployment `matches`."""
        self._dropped += [Dropped(c.deployment.id, code, reason) for c in self._queue if matches(c.deployment)]
        self._queue = [c for c in self._queue if not matches(c.deployment)]

    def end(self, code: str = "", reason: str = "") -> None:
        """Drop all untried candidates: deprioritized ones with their own reason, others with this one."""
        for candidate in self._untried:
            if candidate.deprioritized is not None:
                self._dropped.append(candidate.deprioritized)
            elif code:
                self._dropped.append(Dropped(candidate.deployment.id, code, reason))
        self._queue.clear()
        self._ended = True
