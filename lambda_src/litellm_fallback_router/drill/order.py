"""What asks a deployed stage for a drill: an event of AWS Lambda, never a request of HTTP."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

EVENT = "fallback_router_drill"
"""The one name in the event. API Gateway's events have others beside it, whatever a caller sends."""


@dataclass(frozen=True, slots=True)
class Order:
    """Which drill is asked for."""

    chains: tuple[str, ...] = ()
    """Names of chains to look at; empty: all."""
    max_usd: float | None = None
    """US dollars, never more than the stage allows; None: what it allows."""

    def to_event(self) -> dict[str, Any]:
        """The event that asks for it."""
        said = {"chains": list(self.chains), "max_usd": self.max_usd}
        return {EVENT: {name: value for name, value in said.items() if value}}


def order_in(event: Any) -> Order | None:
    """Read the event that asks for a drill.

    Args:
        event: What Lambda was invoked with.

    Returns:
        The order; None: the event is anything else.

    Raises:
        ValueError: It asks for a drill, and what it says of it is not right.
    """
    if not isinstance(event, Mapping) or list(event) != [EVENT]:
        return None
    said = event[EVENT]
    if not isinstance(said, Mapping) or said.keys() - {"chains", "max_usd"}:
        raise ValueError(f"{EVENT}: an object with chains, max_usd or nothing is wanted")
    chains, max_usd = said.get("chains", []), said.get("max_usd")
    if not isinstance(chains, list) or not all(isinstance(name, str) for name in chains):
        raise ValueError("chains: a list of names is wanted")
    if max_usd is not None and not (_is_number(max_usd) and 0 < max_usd < math.inf):
        raise ValueError("max_usd: a number above 0 is wanted")
    return Order(tuple(chains), max_usd)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
