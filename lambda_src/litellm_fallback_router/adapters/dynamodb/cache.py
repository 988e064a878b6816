"""Answers to equal requests, in a table of their own: encrypted at rest, and gone after a while."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from ...routing.ports import KeptAnswer
from .items import PARTITION_KEY, TTL
from .table import Availability

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

T = TypeVar("T")
ENTRY, AT = "entry", "at"
"""Attributes: the answer, and when it was put there (Unix seconds)."""
WAIT = 0.25
"""Seconds for which a request waits for the table, before it is sent and once it is answered."""


class TableCache:
    """Implements `ResponseCache`. Without the table, or where it is slow, each request is a miss, and none an error."""

    def __init__(
        self,
        client: DynamoDBClient,
        table: str,
        seconds: int,
        availability: Availability,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`seconds`: how long an answer is given again. `clock` gives Unix seconds."""
        self._client, self._table, self._seconds = client, table, seconds
        self._availability = availability
        self._clock = clock

    async def get(self, key: str) -> KeptAnswer | None:
        item = await self._within("read a kept answer", lambda: self._read(key))
        if not item:
            return None
        try:
            age, entry = self._clock() - float(item[AT]["N"]), bytes(item[ENTRY]["B"])
        except (LookupError, TypeError, ValueError):
            return None  # no item of this class's
        # DynamoDB itself takes up to days to delete what has ended.
        return KeptAnswer(entry, max(0.0, age)) if age < self._seconds else None

    async def put(self, key: str, entry: bytes) -> bool:
        return await self._within("keep an answer", lambda: self._write(key, entry)) or False

    async def _within(self, what: str, work: Callable[[], T]) -> T | None:
        """What `work` gives, in time; it is not stopped where it takes longer."""
        if self._availability.paused:
            return None
        calling = asyncio.ensure_future(self._availability.call(what, work))
        return calling.result() if await self._availability.wait(what, calling, WAIT) else None

    def _read(self, key: str) -> dict[str, Any]:
        """Blocking."""
        response = self._client.get_item(TableName=self._table, Key={PARTITION_KEY: {"S": key}})
        return dict(response.get("Item", {}))

    def _write(self, key: str, entry: bytes) -> bool:
        """Blocking."""
        now = self._clock()
        item: Any = {
            PARTITION_KEY: {"S": key},
            ENTRY: {"B": entry},
            AT: {"N": f"{now:.3f}"},
            TTL: {"N": str(int(now) + self._seconds)},
        }
        self._client.put_item(TableName=self._table, Item=item)
        return True
