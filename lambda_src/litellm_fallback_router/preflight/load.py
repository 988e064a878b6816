"""How many requests are expected, and how long each takes."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Load:
    rate: float
    """Requests a second."""
    seconds: float
    """That one request takes."""

    @property
    def at_once(self) -> int:
        """Requests under way at the same time, on average: rate times duration (Little's law). A Lambda environment
        works on one."""
        return max(1, math.ceil(self.rate * self.seconds))
