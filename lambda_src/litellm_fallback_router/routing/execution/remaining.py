"""The candidates of a plan that are left while it is executed, and those that were dropped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..ledger import Dropped
from ..plan import WAITING, Candidate, Plan
from ..types import Deployment
from .cooldowns import Cooldowns


class Remaining:
    """A queue of candidates. The head is sent the request next, or again."""

    def __init__(self, plan: Plan) -> None:
        self._queue = list(plan.candidates)
        self.tries = 0
        """Attempts on the head so far."""
        self._dropped = list(plan.dropped)

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def head(self) -> Candidate:
        return self._queue[0]

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
        return self._queue[1:] if self.tries else self._queue

    def give_up(self) -> None:
        """Remove the head."""
        self._queue.pop(0)
        self.tries = 0

    def note(self, drop: Dropped) -> None:
        """Note why the head, which was tried, is not tried again."""
        self._dropped.append(drop)

    def requeue(self, deprioritized: Dropped, cooldowns: Cooldowns) -> None:
        """Move the head behind all others as a last resort, where its reason may pass by itself; else drop it.

        A Retry-After is honoured: a cooling deployment that was tried, or behind which another cooling one is left as
        a last resort, is dropped.
        """
        head, tried = self.head, self.tries > 0
        self.give_up()
        another = any(c.last_resort and cooldowns.left(c.deployment.id) for c in self._queue)
        honoured = deprioritized.code == "cooling" and (tried or another)
        if deprioritized.code in WAITING and not honoured:
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
