"""Deployments that return from an outage. All requests at once would be what brought many a one down; so they get a
share that grows."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from ..ports import CLOSED, CircuitState

FIRST_SHARE = 0.1
"""Of the requests, right after a circuit has closed."""


class Returns:
    """The deployments whose circuits this process has seen open, until some seconds after it saw them closed. Bounded
    by the mapping."""

    def __init__(self) -> None:
        self._down: set[str] = set()
        self._since: dict[str, float] = {}
        """When the circuit was first seen closed again, in the loop's time."""

    def carried(self, same: frozenset[str]) -> Returns:
        """Those that go along to another mapping: `same` are the ids that mean the same place in both."""
        one = Returns()
        one._down = self._down & same
        one._since = {name: since for name, since in self._since.items() if name in same}
        return one

    def shares(self, circuits: Mapping[str, CircuitState], asked: Sequence[str], over: float) -> Mapping[str, float]:
        """The share of the requests that each returning deployment should get now.

        Args:
            circuits: States of the circuits of `asked`; one that is missing is closed.
            asked: Deployments, by id.
            over: Seconds in which the share grows to all.

        Returns:
            Shares from `FIRST_SHARE` to 1, by deployment id; none for deployments that are not returning.
        """
        for name, state in circuits.items():
            if state.open:
                self._down.add(name)
                self._since.pop(name, None)
        if not self._down:
            return {}
        now = asyncio.get_running_loop().time()
        shares = {}
        for name in asked:
            if name not in self._down or circuits.get(name, CLOSED).open:
                continue
            passed = now - self._since.setdefault(name, now)
            if passed >= over:
                self._down.discard(name)
                del self._since[name]
            else:
                shares[name] = FIRST_SHARE + (1 - FIRST_SHARE) * passed / over
        return shares
