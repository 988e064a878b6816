"""Deployments and credentials that this process skips for a while: after a Retry-After, or a refused key."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from ..types import Deployment

LONGEST_COOLDOWN = 3600.0
"""Seconds; a longer Retry-After is cut to this."""


class Cooldowns:
    """Bounded by the number of deployments and credentials in the mapping."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def cool(self, name: str, seconds: float) -> None:
        """Skip `name` (a deployment's id or a credential) for `seconds`; a later end wins."""
        until = asyncio.get_running_loop().time() + min(seconds, LONGEST_COOLDOWN)
        self._until[name] = max(until, self._until.get(name, 0.0))

    def carried(self, names: Collection[str]) -> Cooldowns:
        """Make those of another mapping, with what is known of `names`."""
        other = Cooldowns()
        other._until = {name: until for name, until in self._until.items() if name in names}
        return other

    def of(self, deployments: Collection[Deployment]) -> dict[str, float]:
        """Seconds left for each of the deployments and their credentials that is skipped now."""
        if not self._until:
            return {}
        names = {name for one in deployments for name in (one.id, one.credential)}
        return {name: left for name in names if (left := self.left(name))}

    def left(self, name: str) -> float:
        """Seconds until `name` is no longer skipped; 0: it is not."""
        return max(0.0, self._until.get(name, 0.0) - asyncio.get_running_loop().time())
