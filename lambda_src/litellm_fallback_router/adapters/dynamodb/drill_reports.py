"""The reports of a stage's drills in its state table: a row of items for each Region, gone after a while. Blocking."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from ...drill import Report, SealError
from .items import PARTITION_KEY, TTL, report_key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

KEPT_DAYS = 90
"""After which DynamoDB deletes a report, so that their number is bounded by how often a stage drills."""
REPORT, NUMBER = "report", "number"
"""Attributes."""
NEW = f"attribute_not_exists({PARTITION_KEY})"


class TableReports:
    """Implements `ReportStore`. Raises `TABLE_ERRORS`, and SealError where an item is no report."""

    def __init__(self, client: DynamoDBClient, table: str, region: str, clock: Callable[[], float] = time.time) -> None:
        """`region`: whose drills; of a stage in two Regions each has a row of its own. `clock` gives Unix seconds."""
        self._client = client
        self._table = table
        self._region = region
        self._clock = clock

    def last(self) -> Report | None:
        return self._newest()[1]

    def all(self) -> list[Report]:
        """All reports that are kept, the oldest first."""
        number, newest = self._newest()
        return [] if newest is None else [*reversed(list(self._before(number))), newest]

    def add(self, report: Report) -> bool:
        number, newest = self._newest()
        if report.previous != ("" if newest is None else newest.digest):
            return False
        ends = {"N": str(int(self._clock()) + KEPT_DAYS * 86_400)}
        data = gzip.compress(json.dumps(report.to_json(), separators=(",", ":")).encode(), mtime=0)
        try:
            # What decides between two drills at once; the item behind it only says where to look.
            self._put(number + 1, {REPORT: {"B": data}, TTL: ends}, ConditionExpression=NEW)
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        self._put(None, {NUMBER: {"N": str(number + 1)}, TTL: ends})
        return True

    def _newest(self) -> tuple[int, Report | None]:
        """Its number (0: there was none yet), and the report; None: there is none any more."""
        pointer = self._item(None)
        number = int(pointer[NUMBER]["N"]) if pointer else 0
        found = self._report(number) if number else None
        while (later := self._report(number + 1)) is not None:
            number, found = number + 1, later
        return number, found

    def _before(self, number: int) -> Iterator[Report]:
        """The reports before that one, the newest first, as far as they go back."""
        while (number := number - 1) and (report := self._report(number)) is not None:
            yield report

    def _report(self, number: int) -> Report | None:
        item = self._item(number)
        if item is None:
            return None
        try:
            return Report.from_json(json.loads(gzip.decompress(item[REPORT]["B"])))
        except (SealError, ValueError, TypeError, KeyError, OSError, EOFError) as error:
            raise SealError(f"item {report_key(self._region, number)} of {self._table}: {error}") from error

    def _item(self, number: int | None) -> dict[str, Any] | None:
        key = {PARTITION_KEY: {"S": report_key(self._region, number)}}
        return self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item")

    def _put(self, number: int | None, attributes: dict[str, Any], **condition: Any) -> None:
        item = {PARTITION_KEY: {"S": report_key(self._region, number)}, **attributes}
        self._client.put_item(TableName=self._table, Item=item, **condition)
