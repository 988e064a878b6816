"""Conversations of responses in a table of their own, encrypted at rest and gone after a while. Source: Amazon DynamoDB
API reference, "BatchGetItem" (100 keys) and "BatchWriteItem" (25 items, 400 KB each)."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from ...routing.errors import UnavailableError
from .items import PARTITION_KEY, TTL
from .table import TABLE_ERRORS, TableBusyError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

logger = logging.getLogger("litellm_fallback_router")

DATA = "data"
READ, WRITTEN = 100, 25
"""Most keys of one call."""
UNREAD = "the stored responses cannot be read now; ask again, or send the whole conversation with `store: false`"


def patient_client() -> DynamoDBClient:
    """A conversation is worth two seconds and a second try; without it the request cannot be answered."""
    config = Config(connect_timeout=2, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2})
    return boto3.client("dynamodb", config=config)


class TableResponses:
    """Implements `ResponseStore`."""

    def __init__(
        self, client: DynamoDBClient, table: str, seconds: float, clock: Callable[[], float] = time.time
    ) -> None:
        """`seconds`: how long a record is kept. `clock` gives Unix seconds."""
        self._client = client
        self._table = table
        self._seconds = seconds
        self._clock = clock

    async def get(self, names: Sequence[str]) -> Mapping[str, bytes]:
        try:
            return await asyncio.to_thread(self._read, names)
        except TABLE_ERRORS as error:
            raise UnavailableError(UNREAD, retry_after=1.0) from error

    async def put(self, records: Mapping[str, bytes]) -> bool:
        try:
            await asyncio.to_thread(self._write, records)
        except TABLE_ERRORS as error:
            logger.warning("a response could not be stored: %s", type(error).__name__)
            return False
        return True

    def _read(self, names: Sequence[str]) -> dict[str, bytes]:
        now, found = self._clock(), {}
        for batch in _batches(list(dict.fromkeys(names)), READ):
            keys: Any = {
                self._table: {"Keys": [{PARTITION_KEY: {"S": name}} for name in batch], "ConsistentRead": True}
            }
            response = self._client.batch_get_item(RequestItems=keys)
            if response["UnprocessedKeys"]:
                raise TableBusyError
            for item in response["Responses"].get(self._table, []):
                # DynamoDB itself takes up to days to delete what has ended.
                if int(item[TTL]["N"]) > now:
                    found[item[PARTITION_KEY]["S"]] = bytes(item[DATA]["B"])
        return found

    def _write(self, records: Mapping[str, bytes]) -> None:
        ends = str(int(self._clock() + self._seconds))
        for batch in _batches(list(records), WRITTEN):
            puts: Any = [
                {
                    "PutRequest": {
                        "Item": {PARTITION_KEY: {"S": name}, TTL: {"N": ends}, DATA: {"B": records[name]}},
                    }
                }
                for name in batch
            ]
            if self._client.batch_write_item(RequestItems={self._table: puts})["UnprocessedItems"]:
                raise TableBusyError


def _batches(names: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(names), size):
        yield names[start : start + size]
