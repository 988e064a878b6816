"""Requests a minute per deployment, counted over the whole fleet."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from ...routing.types import Deployment
from .items import PARTITION_KEY, TTL, window_key
from .table import Availability

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

MINUTE = 60
KEPT = 300
"""Seconds after its minute that a window's item may be deleted."""
AT_ONCE = 4
"""Writes under way at a time, over all deployments; a deployment has one at most."""


@dataclass(slots=True)
class _Window:
    """One deployment's minute."""

    minute: int
    """Unix time / 60."""
    counted: int = 0
    """Requests of the fleet, as the table last said."""
    uncounted: int = 0
    """Requests of this process that the table has not counted yet."""

    @property
    def sent(self) -> int:
        return self.counted + self.uncounted


class SharedRateLimits:
    """The `RateLimits` port on the state table, for one event loop.

    No request waits for the table: what this process knows decides, the request is counted while it is on its way,
    and the fleet's count that comes back corrects what is known. So each process may send one request too many in a
    minute that others have used up, and without the table each limits itself alone.
    """

    def __init__(
        self, client: DynamoDBClient, table: str, availability: Availability, *, clock: Callable[[], float] = time.time
    ) -> None:
        """`clock` gives Unix seconds."""
        self._client = client
        self._table = table
        self._availability = availability
        self._clock = clock
        self._windows: dict[str, _Window] = {}
        self._counting: dict[str, asyncio.Task[None]] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def left(self, deployments: Iterable[Deployment]) -> Mapping[str, int]:
        return {d.id: max(0, d.rpm - self._window(d).sent) for d in deployments if d.rpm is not None}

    async def take(self, deployment: Deployment, *, keep: int = 0) -> bool:
        if deployment.rpm is None:
            return True
        window = self._window(deployment)
        if window.sent >= deployment.rpm - keep:
            return False
        window.uncounted += 1
        if deployment.id not in self._counting:
            self._counting[deployment.id] = asyncio.create_task(self._count(deployment, deployment.rpm))
        return True

    def retry_after(self, deployment: Deployment, *, keep: int = 0) -> float:
        if deployment.rpm is None or self._window(deployment).sent < deployment.rpm - keep:
            return 0.0
        return MINUTE - self._clock() % MINUTE

    def _window(self, deployment: Deployment) -> _Window:
        minute = int(self._clock() // MINUTE)
        window = self._windows.get(deployment.id)
        if window is None or window.minute != minute:
            window = self._windows[deployment.id] = _Window(minute)
        return window

    async def _count(self, deployment: Deployment, rpm: int) -> None:
        """Add the requests sent since the last write to the table's count, until none are left."""
        try:
            while (window := self._window(deployment)).uncounted:
                news = window.uncounted
                async with self._slots:
                    add = partial(self._add, window_key(deployment.id, window.minute), window.minute, news, rpm)
                    total = await self._availability.call("count requests", add)
                window.uncounted -= news
                window.counted = max(window.counted + news, total or 0)
        finally:
            del self._counting[deployment.id]

    def _add(self, key: str, minute: int, news: int, rpm: int) -> int:
        """The fleet's count with ours in it; `rpm` where the minute is used up. Blocking."""
        change: dict[str, Any] = {
            "UpdateExpression": "ADD sent :news SET #ttl = :ttl",
            "ConditionExpression": "attribute_not_exists(sent) OR sent < :rpm",
            "ExpressionAttributeNames": {"#ttl": TTL},
            "ExpressionAttributeValues": {
                ":news": {"N": str(news)},
                ":rpm": {"N": str(rpm)},
                ":ttl": {"N": str((minute + 1) * MINUTE + KEPT)},
            },
        }
        try:
            response = self._client.update_item(
                TableName=self._table, Key={PARTITION_KEY: {"S": key}}, ReturnValues="UPDATED_NEW", **change
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return rpm
        return int(response["Attributes"]["sent"]["N"])
