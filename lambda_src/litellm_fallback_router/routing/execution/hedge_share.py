"""How many requests of a chain may be hedged: a share of them, earned by each request and never owed."""

from __future__ import annotations

MOST_SAVED = 10.0
"""Hedges in a row. What is earned beyond them while answers are fast is lost: a sudden slowness of everything must not
be answered by doubling its load."""


class HedgeShare:
    """What is earned and not spent yet, of all chains. Shared by a process's requests; bounded by the mapping."""

    def __init__(self) -> None:
        self._saved: dict[str, float] = {}

    def earn(self, chain: str, share: float) -> None:
        """Note a request, which earns this share of a hedge."""
        self._saved[chain] = min(self._saved.get(chain, 0.0) + share, MOST_SAVED)

    def left(self, chain: str) -> bool:
        """True where `take` would spend a hedge now."""
        return self._saved.get(chain, 0.0) >= 1.0

    def take(self, chain: str) -> bool:
        """Spend a hedge. False: nothing is spent, as too few requests have earned one."""
        if not self.left(chain):
            return False
        self._saved[chain] -= 1.0
        return True
