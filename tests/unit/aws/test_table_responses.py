"""Responses in their table: for a while, many at once, and without the table a refusal that can be repeated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from litellm_fallback_router.adapters import dynamodb as tables
from litellm_fallback_router.adapters.dynamodb.responses import TableResponses
from litellm_fallback_router.routing.errors import UnavailableError

from .conftest import TABLE

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient


async def test_many_records_are_kept_and_read_at_once(dynamodb: DynamoDBClient) -> None:
    store = tables.responses(TABLE, 60)
    records = {f"response#me#{n}": bytes([n]) * 10 for n in range(130)}
    assert await store.put(records)
    assert await store.get([*records, *records, "response#me#none"]) == records


async def test_a_record_ends_though_the_table_still_has_it(dynamodb: DynamoDBClient) -> None:
    now = [1000.0]
    store = TableResponses(dynamodb, TABLE, 60, clock=lambda: now[0])
    assert await store.put({"a": b"1"})
    (item,) = dynamodb.scan(TableName=TABLE)["Items"]
    assert item["ttl"] == {"N": "1060"}
    assert await store.get(["a"]) == {"a": b"1"}
    now[0] = 1060
    assert await store.get(["a"]) == {}


async def test_without_the_table_nothing_is_kept_and_nobody_can_tell(
    dynamodb: DynamoDBClient, caplog: pytest.LogCaptureFixture
) -> None:
    store = TableResponses(dynamodb, "no-such-table", 60)
    assert not await store.put({"a": b"secret"})
    assert "secret" not in caplog.text
    with pytest.raises(UnavailableError, match="ask again") as caught:
        await store.get(["a"])
    assert caught.value.retry_after == 1.0
