"""What callers have spent, in the state table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from litellm_fallback_router.adapters.dynamodb.spend import TableSpend
from litellm_fallback_router.adapters.dynamodb.table import Availability
from litellm_fallback_router.routing.accounts import SpendLine, StoreLostError
from tests.support.fleet import StateNotes

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

TABLE = "gateway-state"
LINE = SpendLine("2026-11-29", "k#1", "gpt-4o", 5, 1, 1, 10, 20)


@pytest.fixture
def log(dynamodb: DynamoDBClient) -> TableSpend:
    return TableSpend(dynamodb, TABLE, Availability(StateNotes()))


async def test_batches_add_up_and_one_that_is_repeated_counts_once(log: TableSpend) -> None:
    before = SpendLine("2026-11-28", "k#1", "gpt-4o", 7)
    await log.add("first", [LINE, before])
    for _ in range(3):
        await log.add("second", [LINE])
    assert await log.read("2026-11-29", "2026-12-31") == [SpendLine("2026-11-29", "k#1", "gpt-4o", 10, 2, 2, 20, 40)]
    assert [line.day for line in await log.read("2026-11-01", "2026-11-30")] == ["2026-11-28", "2026-11-29"]


async def test_other_items_are_no_spending_and_a_year_is_kept(log: TableSpend, dynamodb: DynamoDBClient) -> None:
    dynamodb.put_item(TableName=TABLE, Item={"pk": {"S": "account#usd#stage@2026-11-29"}, "taken": {"N": "3"}})
    await log.add("first", [LINE])
    assert await log.read("2026-11-29", "2026-11-29") == [LINE]
    item = dynamodb.get_item(TableName=TABLE, Key={"pk": {"S": "spend#2026-11-29#k#1#gpt-4o"}})["Item"]
    assert int(item["ttl"]["N"]) == 1_795_910_400 + 400 * 86_400


async def test_a_table_that_is_gone_is_lost(dynamodb: DynamoDBClient) -> None:
    log = TableSpend(dynamodb, "no-such-table", Availability(StateNotes()))
    with pytest.raises(StoreLostError):
        await log.add("first", [LINE])
