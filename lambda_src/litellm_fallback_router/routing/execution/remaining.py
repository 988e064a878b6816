"""What is left of a plan while a request goes through it: who may still be asked, and who was given up unasked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..ledger import Dropped
from ..plan import WAITING, Candidate, Plan
from ..types import Deployment
from .cooldowns import Cooldowns


class Remaining:
    """The candidates in the order in which they are asked. The head is who is asked next, or again."""

    def __init__(self, plan: Plan) -> None:
        self._queue = list(plan.candidates)
        self.tries = 0
        """How often the head was asked."""
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
        """True where somebody behind the head is not thought to be down."""
        return any(not candidate.last_resort for candidate in self.behind)

    @property
    def waiting(self) -> int:
        """Candidates behind the head for whom time is kept back. Last resorts take none from those before them."""
        return sum(1 for candidate in self.behind if self.head.deprioritized is not None or not candidate.last_resort)

    @property
    def dropped(self) -> tuple[Dropped, ...]:
        """Those that were not asked, each with its reason: also who would be only once nobody else is left."""
        return (*self._dropped, *(c.deprioritized for c in self._untried if c.deprioritized is not None))

    @property
    def _untried(self) -> list[Candidate]:
        return self._queue[1:] if self.tries else self._queue

    def give_up(self) -> None:
        """The head is not asked again."""
        self._queue.pop(0)
        self.tries = 0

    def pass_by(self, deprioritized: Dropped, cooldowns: Cooldowns) -> None:
        """The head may not be asked now; where that is a mere doubt, it may be once nobody else is left.

        Who asked to be left alone is believed once it was asked, and where another that did so is asked in the end.
        """
        head, tried = self.head, self.tries > 0
        self.give_up()
        another = any(c.last_resort and cooldowns.left(c.deployment.id) for c in self._queue)
        believed = deprioritized.code == "cooling" and (tried or another)
        if deprioritized.code in WAITING and not believed:
            self._queue.append(replace(head, probe=False, deprioritized=deprioritized))
        else:
            self._dropped.append(deprioritized)

    def drop(self, matches: Callable[[Deployment], bool], code: str, reason: str) -> None:
        """None that `matches` is asked."""
        self._dropped += [Dropped(c.deployment.id, code, reason) for c in self._queue if matches(c.deployment)]
        self._queue = [c for c in self._queue if not matches(c.deployment)]

    def end(self, code: str = "", reason: str = "") -> None:
        """Nobody is asked any more: for this reason, where there is one, and it is not that of a doubt already."""
        for candidate in self._untried:
            if candidate.deprioritized is not None:
                self._dropped.append(candidate.deprioritized)
            elif code:
                self._dropped.append(Dropped(candidate.deployment.id, code, reason))
        self._queue.clear()
