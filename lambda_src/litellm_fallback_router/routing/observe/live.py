"""What happens now, for those who look at this process: the last requests, and new ones as they end."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ..errors import CallerLeftError, RouterError
from ..ledger import AttemptRecord, Ledger, rounded_usd
from ..ports import Observer
from ..types import ChatRequest, ChatResult

KEPT = 200
"""Requests that a new viewer is shown."""
WAITING = 500
"""Events that wait for one viewer; one that is slower loses the oldest."""
MOST_VIEWERS = 8
MOST_CALLERS = 1_000
"""Callers whose spending is added up by itself; that of further ones is in the total alone."""

Event = dict[str, Any]


class TooManyViewersError(Exception):
    """`MOST_VIEWERS` look already."""


class LiveObserver:
    """Implements the `Observer` port: passes everything on, and shows it. It holds what the ledger holds: no prompt, no
    answer, no key. For one event loop."""

    def __init__(self, passed_on: Observer, *, clock: Callable[[], float] = time.time) -> None:
        """`clock` gives Unix seconds."""
        self._passed_on = passed_on
        self._clock = clock
        self._recent: deque[tuple[Event, Ledger]] = deque(maxlen=KEPT)
        self._viewers: set[asyncio.Queue[Event | None]] = set()
        self._closed = False
        self._requests = self._failed = self._fallbacks = 0
        self._usd = self._wasted = 0.0
        self._by_caller: dict[str, float] = {}
        self._last_failure: dict[str, Event] = {}
        """By deployment."""

    def attempted(self, request: ChatRequest, attempt: AttemptRecord) -> None:
        self._passed_on.attempted(request, attempt)
        if attempt.failure is not None:
            self._last_failure[attempt.deployment] = {
                "kind": attempt.failure.value,
                "reason": attempt.reason[:200],
                "at": self._clock(),
            }
        if self._viewers:
            self._show({"event": "attempt", "request_id": request.request_id, **attempt.to_json()})

    def finished(self, request: ChatRequest, outcome: ChatResult | RouterError) -> None:
        self._passed_on.finished(request, outcome)
        usd = outcome.ledger.cost_usd or 0.0
        self._requests += 1
        self._usd += usd
        self._wasted += outcome.ledger.wasted_usd
        caller = request.caller
        if caller is not None and (caller in self._by_caller or len(self._by_caller) < MOST_CALLERS):
            self._by_caller[caller] = self._by_caller.get(caller, 0.0) + usd
        if isinstance(outcome, ChatResult):
            self._fallbacks += outcome.fallback
            ended: Event = {"status": 200, "provider": outcome.provider, "fallback": outcome.fallback}
        else:
            self._failed += not isinstance(outcome, CallerLeftError)
            ended = {"status": outcome.status, "code": outcome.code}
        facts = {"request_id": request.request_id, "at": self._clock(), "asked": request.model[:100], "caller": caller}
        # JSON is made of the ledger once somebody looks.
        self._recent.append((facts | ended, outcome.ledger))
        if self._viewers:
            self._show(_request_event(*self._recent[-1]))

    @property
    def totals(self) -> dict[str, Any]:
        """What this process has answered and spent since it started."""
        dearest = sorted(self._by_caller.items(), key=lambda spent: -spent[1])[:10]
        return {
            "requests": self._requests,
            "failed": self._failed,
            "fallbacks": self._fallbacks,
            "usd": rounded_usd(self._usd),
            "wasted_usd": rounded_usd(self._wasted),
            "by_caller": {name: rounded_usd(usd) for name, usd in dearest},
        }

    def last_failure(self, deployment: str) -> Event | None:
        """Kind, reason and time of the last failed attempt on it."""
        return self._last_failure.get(deployment)

    @contextmanager
    def viewer(self) -> Iterator[asyncio.Queue[Event | None]]:
        """A queue of the last requests and of all events from now on; None ends it. Raises TooManyViewersError."""
        if len(self._viewers) >= MOST_VIEWERS:
            raise TooManyViewersError
        queue: asyncio.Queue[Event | None] = asyncio.Queue(WAITING)
        for facts, ledger in self._recent:
            queue.put_nowait(_request_event(facts, ledger))
        if self._closed:
            queue.put_nowait(None)
        self._viewers.add(queue)
        try:
            yield queue
        finally:
            self._viewers.discard(queue)

    def close(self) -> None:
        """End what viewers are sent: the process ends."""
        self._closed = True
        for queue in self._viewers:
            _put(queue, None)

    def _show(self, event: Event) -> None:
        for queue in self._viewers:
            _put(queue, event)


def _request_event(facts: Event, ledger: Ledger) -> Event:
    return {"event": "request", **facts, "ledger": ledger.to_json()}


def _put(queue: asyncio.Queue[Event | None], event: Event | None) -> None:
    if queue.full():
        queue.get_nowait()
    queue.put_nowait(event)
