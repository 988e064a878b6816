"""State in this process's memory, for one gateway on one machine: circuits, rates, conversations, answers."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..routing.ports import CircuitState, KeptAnswer
from ..routing.types import Deployment

MINUTE = 60.0
"""Seconds."""
MOST_BYTES = 64 * 1024 * 1024
"""Of all records together; then the oldest go."""


@dataclass(slots=True)
class _Circuit:
    failures: int = 0
    """Consecutive."""
    failing: float = 0.0
    """Clock time of the first of them."""
    opened: float | None = None
    """Clock time; None while closed."""
    probing_until: float = 0.0
    """Clock time at which the lease of the running probe ends."""


class MemoryCircuits:
    """Consecutive failures open a circuit; after a while one request at a time may probe it.

    Bounded by the mapping.
    """

    def __init__(
        self,
        *,
        failures: int,
        open_seconds: float,
        probe_seconds: float,
        clock: Callable[[], float] = time.monotonic,
        moved: Callable[[str, str], None] = lambda deployment, state: None,
    ) -> None:
        """`probe_seconds`: a probe that has not ended by then is forgotten, and another may start. `moved`: called with
        a deployment and the new state of its circuit: `open`, `half_open` or `closed`."""
        self._failures = failures
        self._open_seconds = open_seconds
        self._probe_seconds = probe_seconds
        self._clock = clock
        self._moved = moved
        self._circuits: dict[str, _Circuit] = {}

    def carried(
        self, same: Iterable[str], *, failures: int, open_seconds: float, probe_seconds: float
    ) -> MemoryCircuits:
        """The circuits of another mapping. Those of `same` (ids) are one with these, whoever's requests use them."""
        other = MemoryCircuits(
            failures=failures,
            open_seconds=open_seconds,
            probe_seconds=probe_seconds,
            clock=self._clock,
            moved=self._moved,
        )
        other._circuits = {name: self._circuits.setdefault(name, _Circuit()) for name in same}
        return other

    async def states(self, deployments: Iterable[str]) -> Mapping[str, CircuitState]:
        return {name: self._state(self._circuits[name]) for name in deployments if name in self._circuits}

    async def acquire_probe(self, deployment: str) -> bool:
        circuit = self._circuits.get(deployment)
        if circuit is None or circuit.opened is None:
            return True
        if not self._state(circuit).probe_due:
            return False
        circuit.probing_until = self._clock() + self._probe_seconds
        self._moved(deployment, "half_open")
        return True

    async def succeeded(self, deployment: str, *, seconds: float) -> None:
        if (circuit := self._circuits.get(deployment)) is not None:
            was_open = circuit.opened is not None
            since = circuit.failing if circuit.opened is None else circuit.opened
            if circuit.failures and self._clock() - seconds < since:
                return
            # Not taken out: another mapping's circuits may hold it too.
            circuit.failures, circuit.opened, circuit.probing_until = 0, None, 0.0
            if was_open:
                self._moved(deployment, "closed")

    async def failed(self, deployment: str, *, probe: bool = False) -> bool:
        circuit = self._circuits.setdefault(deployment, _Circuit())
        was_open = circuit.opened is not None
        if was_open and not probe:
            return False
        if not circuit.failures:
            circuit.failing = self._clock()
        circuit.failures += 1
        if not was_open and circuit.failures < self._failures:
            return False
        circuit.opened, circuit.probing_until = self._clock(), 0.0
        self._moved(deployment, "open")
        return not was_open

    async def released(self, deployment: str) -> None:
        if (circuit := self._circuits.get(deployment)) is not None:
            circuit.probing_until = 0.0

    def _state(self, circuit: _Circuit) -> CircuitState:
        if circuit.opened is None:
            return CircuitState()
        now = self._clock()
        wait = max(circuit.opened + self._open_seconds, circuit.probing_until) - now
        return CircuitState(open=True, probe_due=wait <= 0, retry_after=max(0.0, wait))


class MemoryRateLimits:
    """A sliding minute per deployment; holds at most `rpm` timestamps each."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sent: dict[str, deque[float]] = {}

    def carried(self, same: Iterable[str]) -> MemoryRateLimits:
        """The limits of another mapping: what is sent under either counts for both, where a deployment is in `same`."""
        other = MemoryRateLimits(clock=self._clock)
        other._sent = {name: self._sent.setdefault(name, deque()) for name in same}
        return other

    async def left(self, deployments: Iterable[Deployment]) -> Mapping[str, int]:
        return {d.id: d.rpm - len(self._recent(d)) for d in deployments if d.rpm is not None}

    async def take(self, deployment: Deployment, *, keep: int = 0) -> bool:
        if deployment.rpm is None:
            return True
        sent = self._recent(deployment)
        if len(sent) >= deployment.rpm - keep:
            return False
        sent.append(self._clock())
        return True

    def retry_after(self, deployment: Deployment, *, keep: int = 0) -> float:
        sent = self._recent(deployment)
        if deployment.rpm is None or (surplus := len(sent) - (deployment.rpm - keep)) < 0:
            return 0.0
        return max(0.0, sent[surplus] + MINUTE - self._clock())

    def _recent(self, deployment: Deployment) -> deque[float]:
        sent = self._sent.setdefault(deployment.id, deque())
        start = self._clock() - MINUTE
        while sent and sent[0] <= start:
            sent.popleft()
        return sent


class MemoryResponses:
    """Implements `ResponseStore`: conversations of responses."""

    def __init__(self, seconds: float, *, most: int = MOST_BYTES, clock: Callable[[], float] = time.monotonic) -> None:
        """`seconds`: how long a record is kept; `most`: bytes of all of them."""
        self._seconds = seconds
        self._most = most
        self._clock = clock
        self._records: OrderedDict[str, tuple[float, bytes]] = OrderedDict()
        """When each ends, and what it holds, the oldest first."""
        self._size = 0

    def keep_for(self, seconds: float) -> None:
        """From now on records are kept so long."""
        self._seconds = seconds

    async def get(self, names: Sequence[str]) -> Mapping[str, bytes]:
        now = self._clock()
        found = {name: self._records[name] for name in names if name in self._records}
        return {name: data for name, (ends, data) in found.items() if ends > now}

    async def put(self, records: Mapping[str, bytes]) -> bool:
        now = self._clock()
        for name, data in records.items():
            self._drop(name)
            self._records[name] = now + self._seconds, data
            self._size += len(name) + len(data)
        while self._records and (self._size > self._most or next(iter(self._records.values()))[0] <= now):
            self._drop(next(iter(self._records)))
        return all(name in self._records for name in records)

    def _drop(self, name: str) -> None:
        if (old := self._records.pop(name, None)) is not None:
            self._size -= len(name) + len(old[1])


class MemoryCache:
    """Implements `ResponseCache`. Where there is no room left, what was unused for longest goes."""

    def __init__(
        self,
        seconds: float,
        *,
        entries: int,
        size: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`seconds`: how long an answer is given again; `entries` and `size`: most answers, and bytes of all."""
        self._seconds, self._most, self._most_bytes = seconds, entries, size
        self._clock = clock
        self._answers: OrderedDict[str, tuple[float, bytes]] = OrderedDict()
        """When each was put there, and what it is; what was used last comes last."""
        self._size = 0

    async def get(self, key: str) -> KeptAnswer | None:
        if key not in self._answers:
            return None
        began, entry = self._answers[key]
        if (age := self._clock() - began) >= self._seconds:
            self._drop(key)
            return None
        self._answers.move_to_end(key)
        return KeptAnswer(entry, age)

    async def put(self, key: str, entry: bytes) -> bool:
        self._drop(key)
        self._answers[key] = self._clock(), entry
        self._size += len(key) + len(entry)
        while len(self._answers) > self._most or self._size > self._most_bytes:
            self._drop(next(iter(self._answers)))
        return key in self._answers

    def _drop(self, key: str) -> None:
        if (old := self._answers.pop(key, None)) is not None:
            self._size -= len(key) + len(old[1])
