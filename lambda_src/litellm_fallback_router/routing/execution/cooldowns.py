"""What this process was told to leave alone: deployments that asked for time, credentials that were refused."""

from __future__ import annotations

import asyncio

LONGEST_COOLDOWN = 3600.0
"""Seconds; a provider that asks for more is asked again after this."""


class Cooldowns:
    """Bounded by the number of deployments and credentials in the mapping."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def cool(self, name: str, seconds: float) -> None:
        """Leave `name` (a deployment's id or a credential) alone for a while; a later end wins."""
        until = asyncio.get_running_loop().time() + min(seconds, LONGEST_COOLDOWN)
        self._until[name] = max(until, self._until.get(name, 0.0))

    def left(self, name: str) -> float:
        """Seconds until `name` may be asked again; 0 when it may be."""
        return max(0.0, self._until.get(name, 0.0) - asyncio.get_running_loop().time())
