"""Who calls: a key, what it may do, and how much of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from fnmatch import fnmatchcase

NANO = 1_000_000_000
"""Money is counted in whole billionths of a USD, so that sums of it are exact."""
MOST_USD = 1_000_000_000
"""Of one budget."""


class Period(StrEnum):
    """How long a budget lasts before it is full again. Minutes, hours, days and months are UTC's."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    MONTH = "month"
    EVER = "ever"
    """It is never full again by itself."""

    def label(self, now: float) -> str:
        """Name the period that `now` (Unix seconds) lies in: `2026-11-29T14`, `2026-11-29`, `2026-11`, `ever`."""
        return datetime.fromtimestamp(now, UTC).strftime(_LABELS[self])

    def ends(self, now: float) -> float | None:
        """Unix seconds at which the period of `now` ends; None: never."""
        if self is Period.MINUTE:
            return (now // 60 + 1) * 60
        at = datetime.fromtimestamp(now, UTC).replace(minute=0, second=0, microsecond=0)
        if self is Period.HOUR:
            return at.timestamp() + 3600
        if self is Period.DAY:
            return at.replace(hour=0).timestamp() + 86_400
        if self is Period.MONTH:
            first = at.replace(hour=0, day=1)
            year, month = (first.year + 1, 1) if first.month == 12 else (first.year, first.month + 1)
            return first.replace(year=year, month=month).timestamp()
        return None


_LABELS = {
    Period.MINUTE: "%Y-%m-%dT%H:%M",
    Period.HOUR: "%Y-%m-%dT%H",
    Period.DAY: "%Y-%m-%d",
    Period.MONTH: "%Y-%m",
    Period.EVER: "ever",
}


@dataclass(frozen=True, slots=True)
class Budget:
    """So many USD in each period."""

    nano_usd: int
    """Billionths of a USD."""
    period: Period

    @staticmethod
    def parse(text: str) -> Budget:
        """Read a budget as operators write it.

        Args:
            text: `50/day`, `0.5/hour`, `1000/month`, or `20` for a budget that is never full again.

        Returns:
            The budget, exactly.

        Raises:
            ValueError: It is no budget; the text says what to write.
        """
        amount, slash, period = text.strip().partition("/")
        periods = ", ".join(f"/{one.value}" for one in Period if one is not Period.EVER)
        wrong = f"must be an amount in USD and a period, such as 50/day; periods: {periods}, or none"
        if not re.fullmatch(r"[0-9]{1,10}(\.[0-9]{1,9})?", amount):
            raise ValueError(wrong)
        try:
            nano = int(Decimal(amount) * NANO)
            length = Period(period) if slash else Period.EVER
        except (InvalidOperation, ValueError):
            raise ValueError(wrong) from None
        if not 0 < nano <= MOST_USD * NANO:
            raise ValueError("must be more than 0, and at most a billion USD")
        return Budget(nano, length)

    def __str__(self) -> str:
        usd = usd_text(self.nano_usd)
        return usd if self.period is Period.EVER else f"{usd}/{self.period.value}"


def usd_text(nano_usd: int) -> str:
    """USD without trailing zeros, exactly: `0.25`."""
    return f"{(Decimal(nano_usd) / NANO).normalize():f}"


class Priority(StrEnum):
    """Whose requests are sent first where not all can be sent at once."""

    INTERACTIVE = "interactive"
    BATCH = "batch"


@dataclass(frozen=True, slots=True)
class CallerKey:
    """A caller's key as requests see it: never the key itself. What is None is not limited."""

    id: str
    """What logs and operators call the key."""
    name: str = ""
    """What the operator calls it: a person, a team, a service."""
    models: tuple[str, ...] = ()
    """Names of the mapping that it may ask, also as patterns (`openai-*`); empty: all."""
    max_usd: Budget | None = None
    rpm: int | None = None
    """Requests a minute."""
    tpm_in: int | None = None
    """Prompt tokens a minute."""
    tpm_out: int | None = None
    """Completion tokens a minute."""
    concurrency: int | None = None
    """Requests under way at once."""
    priority: Priority = Priority.INTERACTIVE
    operator: bool = False
    """It may look at the console, which shows what all callers ask for and spend."""

    def may_ask(self, name: str) -> bool:
        """Tell whether the key may ask a model or strategy.

        Args:
            name: A name of the mapping.

        Returns:
            True where the key names it, or a pattern that it fits, or no models at all.
        """
        return not self.models or any(fnmatchcase(name, pattern) for pattern in self.models)


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """A key as its operator's list has it. Times are Unix seconds."""

    key: CallerKey
    key_hash: str
    """SHA-256 of the key, in hexadecimal digits."""
    created_at: int
    expires_at: int | None = None
    revoked_at: int | None = None

    def state(self, now: float) -> str:
        """`active`, `expired` or `revoked`."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "active"
