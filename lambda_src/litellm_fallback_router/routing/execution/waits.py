"""Waits before a retry that end early when the deployment is found to be down."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable


class Waits:
    """Holds one event for each waiting request and name; it is removed when the wait ends."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Event]] = {}

    async def wait(self, seconds: float, names: Iterable[str]) -> None:
        """Wait, at most until one of `names` (a deployment's id, a credential) is interrupted."""
        names, interrupted = tuple(names), asyncio.Event()
        for name in names:
            self._waiting.setdefault(name, set()).add(interrupted)
        try:
            async with asyncio.timeout(seconds):
                await interrupted.wait()
        except TimeoutError:
            return
        finally:
            for name in names:
                self._forget(name, interrupted)

    def interrupt(self, name: str) -> None:
        """End all waits for `name`, which was found to be down."""
        for interrupted in self._waiting.get(name, ()):
            interrupted.set()

    def _forget(self, name: str, interrupted: asyncio.Event) -> None:
        waiting = self._waiting[name]
        waiting.discard(interrupted)
        if not waiting:
            del self._waiting[name]
