"""What callers have spent, by day and model, for reports. Nothing is decided by it."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from ..callers import NANO
from ..ledger import Ledger
from ..ports import SpendLog
from ..types import ChatRequest
from .account import StoreLostError

WRITE_SECONDS = 1.0
"""What is spent in this time is written together."""
MOST_LINES = 10_000
"""Lines that wait to be written; beyond, what other callers spend is counted as that of `OTHERS`."""
OTHERS = "others"
FLUSH_SECONDS = 1.0
"""Longest wait of `flush`."""


@dataclass(frozen=True, slots=True)
class SpendLine:
    """What one caller has spent on one model in one day."""

    day: str
    """UTC's, as `2026-11-29`."""
    caller: str
    """The id of a key; empty: callers without one."""
    model: str
    """The name that callers ask for."""
    nano_usd: int = 0
    """Billionths of a USD, of all attempts."""
    wasted_nano_usd: int = 0
    """Part of `nano_usd`: attempts that gave the caller nothing."""
    requests: int = 0
    """That ended there: a request counts once, on the model that was asked last."""
    prompt_tokens: int = 0
    completion_tokens: int = 0

    @property
    def key(self) -> tuple[str, str, str]:
        return self.day, self.caller, self.model

    def __add__(self, other: SpendLine) -> SpendLine:
        """Both, under the names of the first."""
        return SpendLine(
            *self.key,
            self.nano_usd + other.nano_usd,
            self.wasted_nano_usd + other.wasted_nano_usd,
            self.requests + other.requests,
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
        )


class Spending:
    """Collects what requests spend, and writes it to a log once a second, for one event loop."""

    def __init__(self, log: SpendLog, models: Mapping[str, str], clock: Callable[[], float] = time.time) -> None:
        """`models`: the name that callers ask for, by deployment. `clock` gives Unix seconds."""
        self._log, self._models, self._clock = log, models, clock
        self._lines: dict[tuple[str, str, str], SpendLine] = {}
        self._batch: tuple[str, list[SpendLine]] | None = None
        """Being written, or to be written again: under the same name, so that it is counted once."""
        self._writing: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def reconfigure(self, models: Mapping[str, str]) -> None:
        """Go by another mapping from now on; the argument is that of the constructor."""
        self._models = models

    def record(self, request: ChatRequest, ledger: Ledger) -> None:
        """Count a request that has ended. Writes nothing yet."""
        day = datetime.fromtimestamp(self._clock(), UTC).date().isoformat()
        caller = request.caller or "" if request.key is None else request.key.id
        last = ledger.attempts[-1] if ledger.attempts else None
        for attempt in ledger.attempts:
            nano = round((attempt.cost_usd or 0.0) * NANO)
            usage = attempt.usage
            self._count(
                SpendLine(
                    day,
                    caller,
                    self._models.get(attempt.deployment, attempt.deployment),
                    nano_usd=nano,
                    wasted_nano_usd=nano if attempt.wasted else 0,
                    requests=int(attempt is last),
                    prompt_tokens=0 if usage is None else usage.prompt_tokens,
                    completion_tokens=0 if usage is None else usage.completion_tokens,
                )
            )
        if self._lines and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(WRITE_SECONDS, self._write)

    async def flush(self) -> None:
        """Wait until all is written or the log turns out to be lost, but no longer than a second."""
        self._write()
        if self._writing is not None:
            await asyncio.wait({self._writing}, timeout=FLUSH_SECONDS)

    def _count(self, line: SpendLine) -> None:
        if line.key not in self._lines and len(self._lines) >= MOST_LINES:
            line = SpendLine(line.day, OTHERS, "") + line
        former = self._lines.get(line.key)
        self._lines[line.key] = line if former is None else former + line

    def _write(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._writing is None and (self._lines or self._batch is not None):
            self._writing = asyncio.get_running_loop().create_task(self._write_all())

    async def _write_all(self) -> None:
        try:
            while self._lines or self._batch is not None:
                if self._batch is None:
                    self._batch = secrets.token_urlsafe(8), list(self._lines.values())
                    self._lines = {}
                await self._log.add(*self._batch)
                self._batch = None
        except StoreLostError:
            if self._timer is None:
                self._timer = asyncio.get_running_loop().call_later(WRITE_SECONDS, self._write)
        finally:
            self._writing = None
