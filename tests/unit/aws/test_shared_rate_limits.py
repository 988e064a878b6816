"""Requests a minute, counted over the fleet."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import boto3
import pytest

from litellm_fallback_router.adapters.dynamodb.items import window_key
from litellm_fallback_router.adapters.dynamodb.rate_limits import KEPT, SharedRateLimits
from litellm_fallback_router.adapters.dynamodb.table import Availability
from tests.support.fleet import Calls, Clock, StateNotes
from tests.support.scripted import deployment
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

TABLE = "gateway-state"
GPT = deployment("gpt", rpm=10)
NOON = 1_790_000_040.0
"""The start of a minute."""


@pytest.fixture
def clock() -> Clock:
    return Clock(NOON)


def limits(client: DynamoDBClient, clock: Clock, notes: StateNotes | None = None) -> SharedRateLimits:
    return SharedRateLimits(client, TABLE, Availability(notes or StateNotes(), clock), clock=clock)


async def left(limited: SharedRateLimits) -> int:
    return (await limited.left([GPT]))["gpt"]


def counted(client: DynamoDBClient, minute: int = int(NOON // 60)) -> int:
    """Requests in the table; none for an item that moto shows while its update is only half applied."""
    item = client.get_item(TableName=TABLE, Key={"pk": {"S": window_key("gpt", minute)}}).get("Item", {})
    return int(item["sent"]["N"]) if "sent" in item else 0


async def test_requests_of_two_environments_count_together(dynamodb: DynamoDBClient, clock: Clock) -> None:
    one, other = limits(dynamodb, clock), limits(dynamodb, clock)
    for _ in range(6):
        assert await one.take(GPT)
    await eventually(lambda: counted(dynamodb) == 6)
    assert await other.take(GPT)
    await eventually(lambda: counted(dynamodb) == 7)

    async def knows() -> bool:
        return await left(other) == 3

    await eventually(knows)


async def test_a_minute_that_others_have_used_up_costs_an_environment_one_request_too_many(
    dynamodb: DynamoDBClient, clock: Clock
) -> None:
    greedy, late = limits(dynamodb, clock), limits(dynamodb, clock)
    for _ in range(10):
        assert await greedy.take(GPT)
    assert not await greedy.take(GPT)
    await eventually(lambda: counted(dynamodb) == 10)
    assert await late.take(GPT)

    async def refused() -> bool:
        return await left(late) == 0

    await eventually(refused)
    assert not await late.take(GPT)
    assert counted(dynamodb) == 10


async def test_a_request_does_not_wait_to_be_counted(dynamodb: DynamoDBClient, clock: Clock) -> None:
    calls = Calls.of(dynamodb)
    limited = limits(dynamodb, clock)
    for _ in range(10):
        assert await limited.take(GPT)
    assert calls.made == []
    assert await left(limited) == 0
    await eventually(lambda: counted(dynamodb) == 10)
    assert calls.made.count("UpdateItem") < 10, "requests that come together are counted together"


async def test_a_new_minute_starts_afresh_and_the_old_one_expires(dynamodb: DynamoDBClient, clock: Clock) -> None:
    limited = limits(dynamodb, clock)
    clock.advance(20)
    for _ in range(10):
        await limited.take(GPT)
    assert limited.retry_after(GPT) == 40
    await eventually(lambda: counted(dynamodb) == 10)
    clock.advance(40)
    assert await left(limited) == 10
    assert limited.retry_after(GPT) == 0
    item = dynamodb.get_item(TableName=TABLE, Key={"pk": {"S": window_key("gpt", int(NOON // 60))}})["Item"]
    assert int(item["ttl"]["N"]) == NOON + 60 + KEPT


async def test_a_deployment_without_a_limit_is_not_counted(dynamodb: DynamoDBClient, clock: Clock) -> None:
    calls = Calls.of(dynamodb)
    limited = limits(dynamodb, clock)
    free = deployment("free")
    assert await limited.take(free)
    assert await limited.left([free]) == {}
    await asyncio.sleep(0.05)
    assert calls.made == []


async def test_without_the_table_each_environment_limits_itself(aws: None, clock: Clock) -> None:
    notes = StateNotes()
    limited = limits(boto3.client("dynamodb"), clock, notes)
    assert [await limited.take(GPT) for _ in range(11)] == [True] * 10 + [False]
    await eventually(lambda: bool(notes.troubles))
    assert notes.troubles == [("count requests", "ResourceNotFoundException")]
    assert await left(limited) == 0
