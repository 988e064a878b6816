"""What others hold for an attempt while it is under way, such as its share of a budget."""

from __future__ import annotations

from typing import Protocol

from ..ledger import AttemptRecord, Dropped
from ..plan import Candidate


class Hold(Protocol):
    """What is held for one attempt."""

    def settle(self, record: AttemptRecord | None) -> None:
        """Called exactly once. `record`: how the attempt ended; None: it was not sent. Must not raise and must not
        block."""
        ...


class AttemptHook(Protocol):
    """Takes part in every attempt of one execution."""

    async def admit(self, candidate: Candidate) -> Hold | Dropped | None:
        """Called when nothing is left but to send the request: a Dropped skips the candidate with its reason. None:
        nothing is held for it. May raise RouterError, which ends the execution."""
        ...


def settle(holds: tuple[Hold, ...], record: AttemptRecord | None) -> None:
    """Settle all holds of an attempt."""
    for hold in holds:
        hold.settle(record)
