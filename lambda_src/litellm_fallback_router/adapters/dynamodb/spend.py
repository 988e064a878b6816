"""What callers have spent, in the state table: one item per day, caller and model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from ...routing.accounts import SpendLine
from .items import PARTITION_KEY, SPEND, TTL
from .table import Availability

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

KEPT_SECONDS = 400 * 86_400
"""After its day: a year can be compared with the one before."""
NAMES = ("day", "caller", "model")
COUNTS = ("nano_usd", "wasted_nano_usd", "requests", "prompt_tokens", "completion_tokens")


class TableSpend:
    """Implements `SpendLog`."""

    def __init__(self, client: DynamoDBClient, table: str, availability: Availability) -> None:
        self._client, self._table = client, table
        self._availability = availability

    async def add(self, batch: str, lines: Sequence[SpendLine]) -> None:
        await self._availability.need("count what was spent", partial(self._add_all, batch, lines))

    async def read(self, first: str, last: str) -> list[SpendLine]:
        return await self._availability.need("read what was spent", partial(self._read, first, last))

    def _add_all(self, batch: str, lines: Sequence[SpendLine]) -> None:
        for line in lines:
            self._add(batch, line)

    def _add(self, batch: str, line: SpendLine) -> None:
        """An item knows the last batch that was added to it: repeated at once, as it is after a lost answer, a batch
        changes nothing."""
        names = {f"#{name}": name for name in (*NAMES, *COUNTS, TTL, "batch")}
        values: dict[str, Any] = {f":{name}": {"S": getattr(line, name)} for name in NAMES}
        values |= {f":{name}": {"N": str(getattr(line, name))} for name in COUNTS}
        ends = datetime.fromisoformat(line.day).replace(tzinfo=UTC).timestamp() + KEPT_SECONDS
        values |= {":batch": {"S": batch}, f":{TTL}": {"N": str(int(ends))}}
        kept = ", ".join(f"#{name} = :{name}" for name in (*NAMES, TTL, "batch"))
        added = ", ".join(f"#{name} :{name}" for name in COUNTS)
        try:
            self._client.update_item(
                TableName=self._table,
                Key={PARTITION_KEY: {"S": f"{SPEND}{'#'.join(line.key)}"}},
                UpdateExpression=f"SET {kept} ADD {added}",
                ConditionExpression="attribute_not_exists(#batch) OR #batch <> :batch",
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=values,
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return

    def _read(self, first: str, last: str) -> list[SpendLine]:
        """Reads the whole table."""
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._table,
            FilterExpression="begins_with(#pk, :spend) AND #day BETWEEN :first AND :last",
            ExpressionAttributeNames={"#pk": PARTITION_KEY, "#day": "day"},
            ExpressionAttributeValues={":spend": {"S": SPEND}, ":first": {"S": first}, ":last": {"S": last}},
            ConsistentRead=True,
        )
        return sorted((_line(item) for page in pages for item in page["Items"]), key=lambda line: line.key)


def _line(item: Mapping[str, Any]) -> SpendLine:
    fields: dict[str, Any] = {name: item[name]["S"] for name in NAMES}
    return SpendLine(**fields | {name: int(item[name]["N"]) for name in COUNTS})
