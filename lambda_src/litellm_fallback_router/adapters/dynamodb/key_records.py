"""The callers' keys in the state table, for the operator. `authorizer.py` reads the same items. Blocking."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .items import KEY, PARTITION_KEY, KeyRecord

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient


class KeyRecords:
    """Raises botocore's errors."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def add(self, record: KeyRecord) -> None:
        self._client.put_item(
            TableName=self._table, Item=record.to_item(), ConditionExpression=f"attribute_not_exists({PARTITION_KEY})"
        )

    def all(self) -> list[KeyRecord]:
        """The oldest first. Reads the whole table: an operator's work, never a request's."""
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._table,
            FilterExpression=f"begins_with({PARTITION_KEY}, :key)",
            ExpressionAttributeValues={":key": {"S": KEY}},
            ConsistentRead=True,
        )
        records = [KeyRecord.from_item(item) for page in pages for item in page["Items"]]
        return sorted(records, key=lambda record: record.created_at)

    def change(self, old: KeyRecord, new: KeyRecord) -> bool:
        """Put `new` in the place of `old`. False: somebody has changed the key since `old` was read."""
        before = old.to_item()
        same = [f"{PARTITION_KEY} = :{PARTITION_KEY}"]
        values = {f":{PARTITION_KEY}": before[PARTITION_KEY]}
        for name in ("limits", "expires_at", "revoked_at"):
            same.append(f"{name} = :{name}" if name in before else f"attribute_not_exists({name})")
            values |= {f":{name}": before[name]} if name in before else {}
        try:
            self._client.put_item(
                TableName=self._table,
                Item=new.to_item(),
                ConditionExpression=" AND ".join(same),
                ExpressionAttributeValues=values,
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def revoke(self, record: KeyRecord, at: int) -> None:
        """From now on the authorizer refuses it. `at`: Unix seconds."""
        self._client.update_item(
            TableName=self._table,
            Key={PARTITION_KEY: {"S": f"{KEY}{record.key_hash}"}},
            UpdateExpression="SET revoked_at = :at",
            ConditionExpression=f"attribute_exists({PARTITION_KEY})",
            ExpressionAttributeValues={":at": {"N": str(at)}},
        )
