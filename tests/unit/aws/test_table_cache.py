"""Answers in their table: for a while; and without the table, or where it is slow, each request is a miss."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import pytest

from litellm_fallback_router.adapters import dynamodb as tables
from litellm_fallback_router.adapters.dynamodb.cache import TableCache
from litellm_fallback_router.adapters.dynamodb.table import Availability
from litellm_fallback_router.routing.mapping.cache import LARGEST_ANSWER
from tests.support.fleet import Clock, StateNotes

from .conftest import TABLE, silent_client

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient


def cache_on(
    client: DynamoDBClient, table: str = TABLE, *, clock: Clock, notes: StateNotes | None = None
) -> TableCache:
    return TableCache(client, table, 60, Availability(notes or StateNotes(), clock), clock)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for as long as the DynamoDB in memory takes on a busy machine."""
    monkeypatch.setattr(sys.modules[TableCache.__module__], "WAIT", 60.0)


@pytest.mark.usefixtures("patient")
async def test_an_answer_is_given_until_its_time_is_over_though_the_table_still_has_it(
    dynamodb: DynamoDBClient,
) -> None:
    clock = Clock(1_000.0)
    cache = cache_on(dynamodb, clock=clock)
    began = clock()
    assert await cache.put("k", b"answer")
    (item,) = dynamodb.scan(TableName=TABLE)["Items"]
    assert item["ttl"] == {"N": str(int(began) + 60)}
    clock.advance(59)
    kept = await cache.get("k")
    assert kept is not None
    assert (kept.entry, round(kept.age)) == (b"answer", 59)
    assert await cache.get("other") is None
    clock.advance(1)
    assert await cache.get("k") is None


@pytest.mark.usefixtures("patient")
async def test_an_item_that_it_did_not_write_is_a_miss(dynamodb: DynamoDBClient) -> None:
    clock = Clock(1_000.0)
    cache = cache_on(dynamodb, clock=clock)
    for item in ({"entry": {"S": "answer"}, "at": {"N": "1000"}}, {"entry": {"B": b"answer"}}, {"at": {"S": "now"}}):
        dynamodb.put_item(TableName=TABLE, Item={"pk": {"S": "k"}, **item})
        assert await cache.get("k") is None
    assert await cache.put("k", b"answer")
    assert await cache.get("k") is not None


@pytest.mark.usefixtures("patient")
async def test_a_shorter_time_in_the_mapping_holds_for_what_is_kept_already(dynamodb: DynamoDBClient) -> None:
    clock = Clock(1_000.0)
    assert await cache_on(dynamodb, clock=clock).put("k", b"answer")
    clock.advance(30)
    shorter = TableCache(dynamodb, TABLE, 20, Availability(StateNotes(), clock), clock)
    assert await shorter.get("k") is None


@pytest.mark.usefixtures("patient")
async def test_the_largest_answer_fits_into_an_item(dynamodb: DynamoDBClient) -> None:
    cache = tables.cache(TABLE, 60, StateNotes())
    assert await cache.put("f" * 64, bytes(LARGEST_ANSWER))
    kept = await cache.get("f" * 64)
    assert kept is not None
    assert len(kept.entry) == LARGEST_ANSWER


@pytest.mark.usefixtures("patient")
async def test_without_the_table_every_request_is_a_miss_and_the_table_is_left_alone_for_a_while(
    dynamodb: DynamoDBClient,
) -> None:
    clock, notes = Clock(1_000.0), StateNotes()
    cache = cache_on(dynamodb, "no-such-table", clock=clock, notes=notes)
    for _ in range(3):
        assert await cache.get("k") is None
        assert not await cache.put("k", b"answer")
    assert notes.troubles == [("read a kept answer", "ResourceNotFoundException")]
    clock.advance(31)
    assert not await cache.put("k", b"answer")
    assert notes.troubles[1:] == [("keep an answer", "ResourceNotFoundException")]


async def test_a_table_that_never_answers_does_not_hold_up_a_request() -> None:
    async with silent_client("dynamodb") as client, asyncio.timeout(2.5):
        cache = cache_on(client, clock=Clock())
        assert await cache.get("k") is None
        assert not await cache.put("k", b"answer")
