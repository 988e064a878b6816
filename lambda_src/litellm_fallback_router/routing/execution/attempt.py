"""One attempt, what is called before it, and why it ends where it has not failed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from ..failures import FailureKind
from ..plan import Candidate
from ..types import Deployment
from .holds import Hold


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request about to be sent."""

    candidate: Candidate
    number: int
    began: float
    """The loop's time."""
    budget: float
    """Seconds this attempt may take of the request's deadline."""
    holds: tuple[Hold, ...] = ()
    """What is settled with its record."""

    @property
    def deployment(self) -> Deployment:
        return self.candidate.deployment


@dataclass(frozen=True, slots=True)
class Stop:
    """Why an attempt that has not failed ends while its caller waits."""

    kind: FailureKind
    reason: str
    of_use: bool
    """True where the caller may have received a part of its answer."""


BUG = Stop(FailureKind.BUG, "stopped: a bug of the gateway's own", of_use=False)


Gate = Callable[[Candidate], Awaitable[bool]]
"""Called with a candidate that is about to be sent the request, after its waits, and so again for each retry. False, or
an exception, ends the execution without another attempt. It holds nothing of the deployment yet: one that refuses costs
no probe and none of its rate. So the candidate may still be dropped, where others were faster; then it is called with
the next, and no attempt lies between."""
