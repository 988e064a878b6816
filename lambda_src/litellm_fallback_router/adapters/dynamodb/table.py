"""The state table: its client, what can go wrong with it, and whether it is worth asking now. A gateway must not suffer
from what protects it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from ...routing.accounts import StoreLostError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

T = TypeVar("T")

PAUSE = 30.0
"""Seconds for which the table is not called after it failed or was slow, where memory does as well."""
FROZEN = 5.0
"""Seconds; no call takes this long by itself (`impatient_client`): the environment was frozen in its midst."""


class StateObserver(Protocol):
    """Told what happens to the shared state. Must not raise and must not block."""

    def circuit_moved(self, deployment: str, state: str) -> None:
        """`state`: `open`, `half_open` or `closed`."""
        ...

    def state_unavailable(self, what: str, why: str) -> None:
        """The table could not `what`, and memory took its place; `why` is an error's name or `slow`."""
        ...


class Availability:
    """Runs the table's blocking calls off the event loop, and none of them just after one failed or was slow."""

    def __init__(
        self, observer: StateObserver, clock: Callable[[], float] = time.time, *, pause: float = PAUSE
    ) -> None:
        """`clock` gives Unix seconds: monotonic clocks stand still while a Lambda is frozen. `pause`: seconds for which
        the table is not called after it failed or was slow."""
        self._observer = observer
        self._clock = clock
        self._pause_seconds = pause
        self._connected = False
        self._paused_until = 0.0

    @property
    def paused(self) -> bool:
        """True: the table is not called; use what memory has."""
        return self._clock() < self._paused_until

    async def call(self, what: str, work: Callable[[], T]) -> T | None:
        """The result of `work`, run in a thread; None where the table could not do it, or is paused."""
        if self.paused:
            return None
        started = self._clock()
        try:
            result = await asyncio.to_thread(work)
        except TABLE_ERRORS as error:
            if self._clock() - started < FROZEN:
                self._pause(what, _why(error))
            return None
        self._connected = True
        self._paused_until = 0.0
        return result

    async def need(self, what: str, work: Callable[[], T]) -> T:
        """The same; raises StoreLostError where there is none."""
        result = await self.call(what, lambda: [work()])
        if result is None:
            raise StoreLostError(f"the table could not {what}")
        return result[0]

    async def wait(self, what: str, answer: asyncio.Task[Any], seconds: float) -> bool:
        """True once `answer` is there; False where it takes longer. It is not cancelled: it may serve the next."""
        done, _ = await asyncio.wait({answer}, timeout=seconds)
        if not done and self._connected:  # a first connection takes its time, which says nothing
            self._pause(what, "slow")
        return bool(done)

    def _pause(self, what: str, why: str) -> None:
        self._paused_until = self._clock() + self._pause_seconds
        self._observer.state_unavailable(what, why)


def _why(error: Exception) -> str:
    """Name an error for the log: the service's error code, else the exception's name. Never its text."""
    return str(error.response["Error"]["Code"]) if isinstance(error, ClientError) else type(error).__name__


class TableBusyError(Exception):
    """DynamoDB answered only a part of what was asked."""

    def __init__(self) -> None:
        super().__init__("DynamoDB throttles: it answered only a part of what was asked")


TABLE_ERRORS = (BotoCoreError, ClientError, TableBusyError)
"""Everything that makes the table unusable for a while; anything else is a bug."""


def impatient_client() -> DynamoDBClient:
    """For work beside a request: no retries, half a second to connect and as much to answer.

    A request itself waits less (`Availability.wait`), but a first connection that takes longer is used by the next.
    """
    config = Config(
        connect_timeout=0.5, read_timeout=0.5, retries={"mode": "standard", "total_max_attempts": 1}, tcp_keepalive=True
    )
    return boto3.client("dynamodb", config=config)
