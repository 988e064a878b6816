"""Several function environments that share one state table."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from litellm_fallback_router.adapters.dynamodb.circuit_table import CircuitTable
from litellm_fallback_router.adapters.dynamodb.circuits import SharedCircuits
from litellm_fallback_router.adapters.dynamodb.table import Availability
from litellm_fallback_router.routing.ports import CircuitState

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

OPEN_SECONDS = 5.0


@dataclass
class Clock:
    """Unix seconds; moves only when told to."""

    now: float = field(default_factory=time.time)

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class StateNotes:
    """A StateObserver that remembers."""

    moves: list[tuple[str, str]] = field(default_factory=list)
    troubles: list[tuple[str, str]] = field(default_factory=list)

    def circuit_moved(self, deployment: str, state: str) -> None:
        self.moves.append((deployment, state))

    def state_unavailable(self, what: str, why: str) -> None:
        self.troubles.append((what, why))


class Environment:
    """One process's circuits."""

    def __init__(self, table: CircuitTable, clock: Callable[[], float], probe_seconds: float = 60.0) -> None:
        self.notes = StateNotes()
        self.availability = Availability(self.notes, clock)
        self.circuits = SharedCircuits(
            table,
            self.availability,
            self.notes,
            failures=3,
            open_seconds=OPEN_SECONDS,
            probe_seconds=probe_seconds,
            clock=clock,
        )

    async def state(self, deployment: str = "gpt") -> CircuitState:
        return (await self.circuits.states([deployment]))[deployment]

    async def is_open(self) -> bool:
        return (await self.state()).open

    async def probe_due(self) -> bool:
        return (await self.state()).probe_due

    async def fail(self, times: int = 3, deployment: str = "gpt") -> None:
        for _ in range(times):
            await self.circuits.failed(deployment)


@dataclass
class Calls:
    """The names of the operations a client was asked for."""

    made: list[str] = field(default_factory=list)

    @staticmethod
    def of(client: DynamoDBClient) -> Calls:
        calls = Calls()

        def note(model: Any, **_: Any) -> None:
            calls.made.append(model.name)

        client.meta.events.register("before-call.dynamodb", note)
        return calls

    def take(self) -> list[str]:
        made, self.made = self.made, []
        return made
