"""Accounts in the state table: the same as in SQLite, and what only a table can do."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from hypothesis import settings

from litellm_fallback_router.adapters.dynamodb.accounts import PAUSE_SECONDS, TableAccounts
from litellm_fallback_router.adapters.dynamodb.table import Availability
from litellm_fallback_router.routing.accounts import (
    Account,
    Accounts,
    Granted,
    Refusal,
    Reservation,
    Short,
    StoreLostError,
)
from litellm_fallback_router.routing.callers import Period
from litellm_fallback_router.routing.errors import UnavailableError
from tests.support.account_machine import AccountMachine
from tests.support.fleet import Calls, Clock, StateNotes
from tests.support.stacks import make_state_table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

T = TypeVar("T")
TABLE = "gateway-state"
NOON = 1_790_000_040.0
DAY = Account("usd#key#1", 1000, Period.DAY).slot(NOON)
UNDER_WAY = Account("concurrent#key#1", 2, Period.EVER, lapses=True).slot(NOON)
LATER = NOON + 960


class Inline(Availability):
    """Calls the table on the loop: a loop whose clock jumps cannot wait for threads."""

    async def call(self, what: str, work: Callable[[], T]) -> T | None:
        return work()


_numbers = itertools.count()


def in_a_new_table(clock: Callable[[], float]) -> TableAccounts:
    client, table = boto3.client("dynamodb"), f"state-{next(_numbers)}"
    make_state_table(client, table)
    return TableAccounts(client, table, Inline(StateNotes()), clock=clock)


class TableMachine(AccountMachine):
    store_made = staticmethod(in_a_new_table)


TableMachine.TestCase.settings = settings(max_examples=12, stateful_step_count=40)


@pytest.mark.usefixtures("aws")
class TestTableMachine(TableMachine.TestCase):  # type: ignore[misc, valid-type]
    """Three processes against a model."""


@pytest.fixture
def clock() -> Clock:
    return Clock(NOON)


@pytest.fixture
def store(dynamodb: DynamoDBClient, clock: Clock) -> TableAccounts:
    return TableAccounts(dynamodb, TABLE, Availability(StateNotes(), clock), clock=clock)


def item(client: DynamoDBClient, key: str = DAY.key) -> dict[str, Any]:
    return client.get_item(TableName=TABLE, Key={"pk": {"S": f"account#{key}"}})["Item"]


async def test_a_lease_is_one_write_to_open_and_one_to_close(dynamodb: DynamoDBClient, store: TableAccounts) -> None:
    calls = Calls.of(dynamodb)
    assert await store.open(DAY, "a", 600, LATER) == Granted(400)
    await store.close(DAY, "a", 600, {"gpt-4o": 200, "nova": 50})
    assert calls.made == ["UpdateItem", "UpdateItem"]
    found = await store.balance(DAY, NOON)
    assert (found.limit, found.spent, found.held, found.left) == (1000, 250, 0, 750)
    assert found.by_detail == {"gpt-4o": 200, "nova": 50}


async def test_both_may_be_repeated(store: TableAccounts) -> None:
    for _ in range(2):
        assert await store.open(DAY, "a", 600, LATER) == Granted(400)
    assert await store.open(DAY, "b", 500, LATER) == Short(400, held=600)
    for _ in range(2):
        await store.close(DAY, "a", 600, {"": 100})
    assert (await store.balance(DAY, NOON)).left == 900


async def test_items_of_ended_periods_are_deleted_by_dynamodb_and_those_without_end_are_not(
    dynamodb: DynamoDBClient, store: TableAccounts
) -> None:
    await store.open(DAY, "a", 1, LATER)
    await store.open(UNDER_WAY, "a", 1, LATER)
    assert float(item(dynamodb)["ttl"]["N"]) == DAY.kept_until
    assert "ttl" not in item(dynamodb, UNDER_WAY.key)


async def test_slots_of_crashed_processes_are_given_back_once_they_are_missing(
    store: TableAccounts, clock: Clock
) -> None:
    for name in ("a", "b"):
        assert isinstance(await store.open(UNDER_WAY, name, 1, LATER), Granted)
    assert await store.open(UNDER_WAY, "c", 1, LATER) == Short(0, held=2)
    clock.advance(961)
    assert await store.open(UNDER_WAY, "c", 1, LATER + 2000) == Granted(1)


async def test_leases_that_crashed_processes_left_do_not_fill_an_account(
    store: TableAccounts, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("litellm_fallback_router.adapters.dynamodb.accounts.MOST_LEASES", 3)
    for name in ("a", "b", "c"):
        assert isinstance(await store.open(DAY, name, 10, LATER), Granted)
    with pytest.raises(StoreLostError):
        await store.open(DAY, "d", 10, LATER)
    clock.advance(961 + PAUSE_SECONDS)
    assert await store.open(DAY, "d", 10, LATER + 2000) == Granted(960)
    found = await store.balance(DAY, clock())
    assert (found.assumed, found.held, found.left) == (30, 10, 960)
    await store.close(DAY, "a", 10, {"": 1})
    assert (await store.balance(DAY, clock())).left == 960


async def test_a_table_that_is_gone_is_not_asked_for_a_moment(dynamodb: DynamoDBClient, clock: Clock) -> None:
    notes = StateNotes()
    store = TableAccounts(dynamodb, "no-such-table", Availability(notes, clock, pause=PAUSE_SECONDS), clock=clock)
    with pytest.raises(StoreLostError) as lost:
        await store.open(DAY, "a", 1, LATER)
    assert lost.value.sent
    calls = Calls.of(dynamodb)
    with pytest.raises(StoreLostError) as paused:
        await store.open(DAY, "a", 1, LATER)
    assert not paused.value.sent
    assert notes.troubles == [("reserve from an account", "ResourceNotFoundException")]
    assert not calls.made


class Trouble:
    """Makes the next updates of a client fail."""

    def __init__(self, client: DynamoDBClient, times: int, failure: str) -> None:
        self.left, self.failure = times, failure
        client.meta.events.register("before-call.dynamodb.UpdateItem", self)

    def __call__(self, **_: Any) -> None:
        if self.left == 0:
            return
        self.left -= 1
        if self.failure == "slow":
            raise ReadTimeoutError(endpoint_url="https://dynamodb.example")
        raise ClientError({"Error": {"Code": self.failure, "Message": "too fast"}}, "UpdateItem")


FAILURES = ["ProvisionedThroughputExceededException", "ThrottlingException", "slow"]


@pytest.mark.parametrize("failure", FAILURES)
async def test_a_moment_of_trouble_is_passed_over(dynamodb: DynamoDBClient, store: TableAccounts, failure: str) -> None:
    Trouble(dynamodb, 1, failure)
    assert await store.open(DAY, "a", 600, LATER) == Granted(400, doubtful=failure == "slow")


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("fail_closed", [True, False], ids=["closed", "open"])
async def test_a_table_that_is_throttled_or_slow_is_left_alone_and_what_was_used_meanwhile_is_settled_later(
    dynamodb: DynamoDBClient, clock: Clock, failure: str, fail_closed: bool
) -> None:
    store = TableAccounts(dynamodb, TABLE, Availability(StateNotes(), clock, pause=PAUSE_SECONDS), clock=clock)
    accounts = Accounts(store, ahead=False, fail_closed=fail_closed, local_share=0.1, clock=clock)
    day = Account("usd#key#1", 1000, Period.DAY)
    Trouble(dynamodb, 2, failure)
    if fail_closed:
        with pytest.raises(UnavailableError):
            await accounts.reserve(day, 60)
    else:
        held = await accounts.reserve(day, 60)
        assert isinstance(held, Reservation)
        assert isinstance(await accounts.reserve(day, 60), Refusal)
        held.settle(50)
    clock.advance(PAUSE_SECONDS + 0.1)
    while accounts.unwritten:
        await accounts.flush()
    found = await store.balance(DAY, clock())
    assert (found.spent, found.held) == (0 if fail_closed else 50, 0)
