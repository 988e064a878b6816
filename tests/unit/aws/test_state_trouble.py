"""A state table that is missing or silent: no request fails, and none waits for long."""

from __future__ import annotations

import asyncio

import boto3
import pytest

from litellm_fallback_router.adapters.dynamodb.circuit_table import CircuitTable
from tests.support.fleet import OPEN_SECONDS, Clock, Environment
from tests.support.waiting import eventually

from .conftest import TABLE, silent_client


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def missing_table(aws: None) -> CircuitTable:
    return CircuitTable(boto3.client("dynamodb"), "no-such-table", probe_seconds=60)


async def test_a_missing_table_fails_no_request_and_is_left_alone_for_a_while(
    missing_table: CircuitTable, clock: Clock
) -> None:
    environment = Environment(missing_table, clock)
    assert not (await environment.state()).open
    await eventually(lambda: bool(environment.notes.troubles))
    for _ in range(5):
        await environment.state()
        clock.advance(5)
    assert environment.notes.troubles == [("read circuits", "ResourceNotFoundException")]
    clock.advance(10)
    await environment.state()
    await eventually(lambda: len(environment.notes.troubles) == 2)


async def test_without_the_table_an_environment_opens_probes_and_closes_for_itself(
    missing_table: CircuitTable, clock: Clock
) -> None:
    environment = Environment(missing_table, clock)
    await environment.state()
    await environment.fail()
    assert (await environment.state()).open
    clock.advance(OPEN_SECONDS + 1)
    assert (await environment.state()).probe_due
    assert await environment.circuits.acquire_probe("gpt")
    assert not await environment.circuits.acquire_probe("gpt")
    await environment.circuits.succeeded("gpt", seconds=0.0)
    assert not (await environment.state()).open


async def test_a_table_that_never_answers_does_not_hold_up_a_request(clock: Clock) -> None:
    async with silent_client("dynamodb") as client:
        environment = Environment(CircuitTable(client, TABLE, 60), clock)
        async with asyncio.timeout(1.5):
            assert not (await environment.state()).open
            await environment.fail()
            clock.advance(OPEN_SECONDS + 1)
            assert (await environment.state()).open
            assert await environment.circuits.acquire_probe("gpt")
        await eventually(lambda: bool(environment.notes.troubles))
    assert environment.notes.troubles[0][1] in {"slow", "ReadTimeoutError"}
