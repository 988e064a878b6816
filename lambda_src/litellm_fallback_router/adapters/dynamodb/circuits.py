"""Circuits that the whole fleet shares."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from ...routing.ports import CircuitState
from .circuit_table import CLOSED, CircuitTable, StoredCircuit
from .table import Availability, StateObserver

FRESH = 5.0
"""Seconds that a reading is used as it is."""
USABLE = 30.0
"""Seconds that it is used while a newer one is on its way; after that a request waits for the newer one."""
READ_WAIT = 0.05
"""Seconds that a request waits for a reading at most."""
PROBE_WAIT = 0.02
"""Seconds that it waits to hear whether the probe is its own; the connection is warm by then."""
LAG = 1.0
"""Seconds after a write in which an eventually consistent read may not show it."""


@dataclass(slots=True)
class _Circuit:
    """One circuit as this process knows it. Times are Unix seconds."""

    stored: StoredCircuit = CLOSED
    failures: int = 0
    """Consecutive ones that this process saw. They are not shared: a healthy deployment costs no write."""
    failing: float = 0.0
    """Time of the first of them."""
    probing_until: float = 0.0
    """End of the lease of this process's own probe; 0: it has none."""
    writes: int = 0
    """Writes under way. Until they are done the table knows less than this process."""
    written: float = 0.0


class SharedCircuits:
    """The `Circuits` port on the state table, for one event loop.

    Reads all circuits at once and writes only when one changes. It fails open: without the table each process
    goes by what it last knew and what it sees itself.
    """

    def __init__(
        self,
        table: CircuitTable,
        availability: Availability,
        observer: StateObserver,
        *,
        failures: int,
        open_seconds: float,
        probe_seconds: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`failures` in a row open a circuit. `clock` gives Unix seconds."""
        self._table = table
        self._availability = availability
        self._observer = observer
        self._failures = failures
        self._open_seconds = open_seconds
        self._probe_seconds = probe_seconds
        self._clock = clock
        self._circuits: dict[str, _Circuit] = {}
        self._drained: frozenset[str] = frozenset()
        self._read_at = 0.0
        self._reading: asyncio.Task[None] | None = None
        self._writing = asyncio.Lock()
        self._tasks: set[asyncio.Task[Any]] = set()

    def reconfigure(self, *, failures: int, open_seconds: float, probe_seconds: float) -> None:
        """Go by another mapping from now on; the arguments are those of the constructor."""
        self._failures, self._open_seconds, self._probe_seconds = failures, open_seconds, probe_seconds

    async def states(self, deployments: Iterable[str]) -> Mapping[str, CircuitState]:
        names = list(deployments)
        await self._catch_up(names)
        return {name: self._state(name) for name in names}

    async def acquire_probe(self, deployment: str) -> bool:
        state = self._state(deployment)
        if not state.open or not state.probe_due:
            return not state.open
        circuit = self._circuits[deployment]
        # At once, before anything is awaited: no other request of this process may probe as well.
        circuit.probing_until = self._clock() + self._probe_seconds
        election = self._spawn(self._elect(deployment, circuit.stored.opened_at))
        try:
            if not await self._availability.wait("acquire a probe", election, PROBE_WAIT):
                return True
        except asyncio.CancelledError:
            self._spawn(self._give_back(deployment, election))
            raise
        if election.result():
            self._observer.circuit_moved(deployment, "half_open")
            return True
        circuit.probing_until = 0.0
        circuit.stored = StoredCircuit("HALF_OPEN", circuit.stored.opened_at, int(self._clock() + FRESH))
        self._read_at = min(self._read_at, self._clock() - FRESH)
        return False

    async def succeeded(self, deployment: str, *, seconds: float) -> None:
        circuit = self._circuits.get(deployment)
        if circuit is None:
            return
        opened = circuit.stored.state != "CLOSED"
        since = circuit.stored.opened_at if opened else circuit.failing
        if (opened or circuit.failures) and self._clock() - seconds < since:
            return
        circuit.failures = 0
        if opened:
            self._move(deployment, CLOSED, partial(self._table.close, deployment))

    async def failed(self, deployment: str, *, probe: bool = False) -> bool:
        circuit = self._circuits.setdefault(deployment, _Circuit())
        now = int(self._clock())
        if not circuit.failures:
            circuit.failing = self._clock()
        circuit.failures += 1
        if probe and circuit.stored.state != "CLOSED":
            self._move(deployment, StoredCircuit("OPEN", now), partial(self._table.reopen, deployment, now))
        elif circuit.stored.state == "CLOSED" and circuit.failures >= self._failures:
            write = partial(self._table.open, deployment, circuit.failures, now)
            self._move(deployment, StoredCircuit("OPEN", now), write)
            return True
        return False

    async def released(self, deployment: str) -> None:
        circuit = self._circuits.get(deployment)
        if circuit is not None and circuit.probing_until:
            opened_at = circuit.stored.opened_at
            self._move(deployment, StoredCircuit("OPEN", opened_at), partial(self._table.reopen, deployment, opened_at))

    def _state(self, deployment: str) -> CircuitState:
        if deployment in self._drained:
            return CircuitState(open=True, drained=True)
        circuit = self._circuits.get(deployment)
        if circuit is None or circuit.stored.state == "CLOSED":
            return CircuitState()
        stored, now = circuit.stored, self._clock()
        due = stored.opened_at + self._open_seconds if stored.state == "OPEN" else stored.probe_until
        wait = max(due, circuit.probing_until) - now
        # A lease is long, a probe is short: a caller is not told to wait for the end of the lease.
        return CircuitState(open=True, probe_due=wait <= 0, retry_after=min(max(0.0, wait), self._open_seconds))

    async def _catch_up(self, names: list[str]) -> None:
        """Read the table if the last reading is old; wait for it, briefly, if that reading is too old to use."""
        age = self._clock() - self._read_at
        if age < FRESH or self._availability.paused:
            return
        if self._reading is None or self._reading.done():
            self._reading = self._spawn(self._read(names))
        if age >= USABLE:
            await self._availability.wait("read circuits", self._reading, READ_WAIT)

    async def _read(self, names: list[str]) -> None:
        started = self._clock()
        reading = await self._availability.call("read circuits", partial(self._table.read, names))
        if reading is None:
            return
        self._read_at = started
        self._drained = reading.drained
        for name in {*self._circuits, *reading.circuits}:
            circuit = self._circuits.setdefault(name, _Circuit())
            if circuit.writes or started < circuit.written + LAG:
                continue
            stored = reading.circuits.get(name, CLOSED)
            if stored.state == "CLOSED" != circuit.stored.state:
                # The fleet has found it well: an old streak must not open it again, nor a probe of then put one off.
                circuit.failures, circuit.probing_until = 0, 0.0
            circuit.stored = stored

    async def _elect(self, deployment: str, opened_at: int) -> bool:
        """Acquire the fleet's one probe; True: it is ours. Without the table each process probes for itself."""
        owner = uuid.uuid4().hex  # made anew each time: a snapshot of this process would share a constant
        acquire = partial(self._table.acquire_probe, deployment, owner, opened_at)
        won = await self._availability.call("acquire a probe", acquire)
        return won is not False

    async def _give_back(self, deployment: str, election: asyncio.Task[bool]) -> None:
        if await election:
            await self.released(deployment)
        else:
            self._circuits[deployment].probing_until = 0.0

    def _move(self, deployment: str, stored: StoredCircuit, write: Callable[[], None]) -> None:
        """Change a circuit: here at once, in the table as soon as may be."""
        circuit = self._circuits[deployment]
        if stored.state != circuit.stored.state or circuit.probing_until:
            self._observer.circuit_moved(deployment, stored.state.lower())
        circuit.stored = stored
        circuit.failures = 0
        circuit.probing_until = 0.0
        circuit.writes += 1
        self._spawn(self._write(circuit, write))

    async def _write(self, circuit: _Circuit, write: Callable[[], None]) -> None:
        async with self._writing:  # one after the other, in the order they were decided
            await self._availability.call("write a circuit", write)
        circuit.writes -= 1
        circuit.written = self._clock()

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.create_task(work)
        self._tasks.add(task)  # asyncio itself keeps only a weak reference
        task.add_done_callback(self._tasks.discard)
        return task
