"""The values that accounts and their stores share. Amounts are whole numbers of the account's own unit: nano-USD,
requests, tokens."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..callers import Period

KEPT_SECONDS = {
    Period.MINUTE: 7200.0,
    Period.HOUR: 200_000.0,
    Period.DAY: 3_000_000.0,
    Period.MONTH: 6_000_000.0,
    Period.EVER: 0.0,
}
"""How long a store keeps what has ended, for late closings and for an operator to see: a day's for a month."""
SOON_SECONDS = 5.0
"""Until it is worth asking again for what others hold: most requests have ended by then, and what a process has taken
ahead is given back at this age."""


class StoreLostError(Exception):
    """The store could not be asked, or gave no answer in time. What was asked may have been done all the same, unless
    it was not even `sent`."""

    def __init__(self, why: str, *, sent: bool = True) -> None:
        super().__init__(why)
        self.sent = sent


@dataclass(frozen=True, slots=True)
class Account:
    """Something of which only `limit` may be used in a period, by all processes together."""

    name: str
    """Unique: `usd#key#ab12`, `usd#stage`, `usd#tag#team-a`, `rpm#key#ab12`."""
    limit: int
    period: Period
    lapses: bool = False
    """A lease that was not closed in time is given back: its process is gone, and what it held (a request under way)
    with it. Otherwise it counts as spent: what that process spent is unknown."""

    def slot(self, now: float) -> Slot:
        """The account in the period of `now` (Unix seconds)."""
        ends = self.period.ends(now)
        kept = None if ends is None else ends + KEPT_SECONDS[self.period]
        return Slot(f"{self.name}@{self.period.label(now)}", self.limit, ends, self.lapses, kept)


@dataclass(frozen=True, slots=True)
class Slot:
    """One account in one period, as a store keeps it."""

    key: str
    limit: int
    ends: float | None
    """Unix seconds; None: never."""
    lapses: bool
    kept_until: float | None
    """Unix seconds after which the store may forget it; None: never."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """There is not enough left."""

    account: Account
    left: int
    refills_in: float | None
    """Seconds until the next period; None: it does not refill by itself."""
    refills_at: float | None = None
    """The same in Unix seconds."""
    held: int = 0
    """Reserved and not settled: what of it is not used will be left again."""

    def may_be_given_back(self, amount: int) -> bool:
        """True where so much may be left once the requests under way have ended."""
        return amount <= min(self.account.limit, self.left + self.held)

    def wait(self, amount: int) -> float:
        """Seconds until there may be so much, infinite where waiting does not help."""
        refills_in = math.inf if self.refills_in is None or amount > self.account.limit else self.refills_in
        return min(SOON_SECONDS, refills_in) if self.may_be_given_back(amount) else refills_in


@dataclass(frozen=True, slots=True)
class Granted:
    """A lease was opened."""

    left: int
    """What is left for others."""
    doubtful: bool = False
    """An earlier try, whose answer was lost, may still be under way."""


@dataclass(frozen=True, slots=True)
class Short:
    """No lease was opened: so much is left."""

    left: int
    doubtful: bool = False
    """As of `Granted`."""
    held: int = 0
    """In leases that may still be settled."""


@dataclass(frozen=True, slots=True)
class Balance:
    """A slot for an operator to see."""

    limit: int
    spent: int
    """Settled."""
    held: int
    """In leases that may still be settled."""
    assumed: int
    """In leases that were not closed in time, and count as spent."""
    by_detail: dict[str, int]
    """`spent` by model."""

    @property
    def left(self) -> int:
        return self.limit - self.spent - self.held - self.assumed
