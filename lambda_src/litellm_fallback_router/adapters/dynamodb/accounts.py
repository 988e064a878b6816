"""Accounts in the state table: one item per account and period, one conditional write to open or close a lease.

A condition cannot add two attributes, so an item counts what is `taken`: spent, held in open leases, or assumed to be
spent, less what an operator has added. A limit is compared with it and stands in no item. Sources, all of the Amazon
DynamoDB Developer Guide: "Update expressions" (ADD takes top-level attributes only, so leases and details are such),
"Condition expressions", and "Quotas" (an item of 400 KB, an expression of 4 KB).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import ClientError

from ...routing.accounts import Balance, Granted, Short, Slot, StoreLostError
from .items import ACCOUNT, PARTITION_KEY, TTL
from .table import TABLE_ERRORS, Availability, TableBusyError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

T = TypeVar("T")
Item = Mapping[str, Any]

PAUSE_SECONDS = 2.0
"""For which the table is not asked after it failed: limits hold by guesses meanwhile, so it is short."""
LEASE, DETAIL = "l#", "s#"
MOST_LEASES = 3000
"""Open at once in one account: some 100 KB of its item, each KB of which is paid for with every write."""
FORGOTTEN_AT_ONCE = 40
"""Lapsed leases that one write takes out: its expressions stay below 4 KB."""
TRIES = 4
"""Of opening a lease, where others change the item in between."""


class TableAccounts:
    """Implements `AccountStore`."""

    def __init__(
        self, client: DynamoDBClient, table: str, availability: Availability, *, clock: Callable[[], float] = time.time
    ) -> None:
        """`clock` gives Unix seconds."""
        self._client, self._table = client, table
        self._availability = availability
        self._clock = clock

    async def open(
        self, slot: Slot, lease: str, amount: int, expires: float, *, whatever_is_left: bool = False
    ) -> Granted | Short:
        work = partial(self._open, slot, lease, amount, int(expires), whatever_is_left=whatever_is_left)
        return await self._call("reserve from an account", partial(_opened_twice, work))

    async def close(self, slot: Slot, lease: str, amount: int, spent: Mapping[str, int]) -> None:
        await self._call("settle an account", partial(_twice, partial(self._close, slot, lease, amount, spent)))

    async def add(self, slot: Slot, amount: int) -> None:
        values = {":more": amount, ":less": -amount}
        await self._call("add to an account", partial(self._update, slot, "ADD added :more, taken :less", values))

    async def balance(self, slot: Slot, now: float) -> Balance:
        item = await self._call("read an account", partial(_twice, partial(self._read, slot)))
        leases = _leases(item).values()
        return Balance(
            limit=slot.limit + _number(item, "added"),
            spent=_number(item, "spent"),
            held=sum(amount for amount, expires in leases if expires >= now),
            assumed=_number(item, "assumed") + sum(amount for amount, expires in leases if expires < now),
            by_detail={name.removeprefix(DETAIL): _number(item, name) for name in item if name.startswith(DETAIL)},
        )

    async def _call(self, what: str, work: Callable[[], T]) -> T:
        if self._availability.paused:
            raise StoreLostError("the table is not asked for a moment after it failed", sent=False)
        return await self._availability.need(what, work)

    def _open(self, slot: Slot, lease: str, amount: int, expires: int, *, whatever_is_left: bool) -> Granted | Short:
        for _ in range(TRIES):
            item = self._opened(slot, lease, amount, expires, whatever_is_left=whatever_is_left)
            left = slot.limit - _number(item, "taken")
            if LEASE + lease in item:
                return Granted(left)
            crowded = _number(item, "leases") >= MOST_LEASES
            if not crowded and not slot.lapses:
                return Short(left, held=self._held(item))
            if not self._forget_lapsed(slot, item):
                if crowded:
                    raise TableBusyError
                return Short(left, held=self._held(item))
        raise TableBusyError

    def _held(self, item: Item) -> int:
        """What is in leases that have not lapsed: the refusal brings the whole item, so this asks nothing more."""
        now = self._clock()
        return sum(amount for amount, expires in _leases(item).values() if expires >= now)

    def _opened(self, slot: Slot, lease: str, amount: int, expires: int, *, whatever_is_left: bool) -> Item:
        """The item with the lease in it; without where there is no room, or too little left."""
        conditions = ["attribute_not_exists(#lease)", "(attribute_not_exists(leases) OR leases < :most)"]
        values: dict[str, int | str] = {
            ":lease": f"{amount} {expires}",
            ":amount": amount,
            ":one": 1,
            ":most": MOST_LEASES,
        }
        room = slot.limit - amount
        if not whatever_is_left:
            values[":room"] = room
            # What is not there is 0.
            conditions.append("taken <= :room" if room < 0 else "(attribute_not_exists(taken) OR taken <= :room)")
        return self._update(
            slot, "SET #lease = :lease ADD taken :amount, leases :one", values, {"#lease": LEASE + lease}, conditions
        )

    def _close(self, slot: Slot, lease: str, amount: int, spent: Mapping[str, int]) -> None:
        used = sum(spent.values())
        names = {"#lease": LEASE + lease}
        values: dict[str, int | str] = {":back": used - amount, ":used": used, ":one": -1}
        added = ["taken :back", "spent :used", "leases :one"]
        for number, (detail, part) in enumerate(spent.items()):
            names[f"#d{number}"], values[f":d{number}"] = DETAIL + detail, part
            added.append(f"#d{number} :d{number}")
        expression = f"REMOVE #lease ADD {', '.join(added)}"
        self._update(slot, expression, values, names, ["attribute_exists(#lease)"])

    def _forget_lapsed(self, slot: Slot, item: Item) -> bool:
        """Take lapsed leases out of the item: given back where the account's do lapse, else assumed to be spent. False:
        there are none. Where another process was faster, nothing is done, and asking again shows it."""
        now = self._clock()
        lapsed = [(name, amount) for name, (amount, expires) in _leases(item).items() if expires < now]
        if not (lapsed := lapsed[:FORGOTTEN_AT_ONCE]):
            return False
        names = {f"#l{number}": LEASE + name for number, (name, _) in enumerate(lapsed)}
        total = sum(amount for _, amount in lapsed)
        change = "taken :total" if slot.lapses else "assumed :total"
        values: dict[str, int | str] = {":total": -total if slot.lapses else total, ":gone": -len(lapsed)}
        expression = f"REMOVE {', '.join(names)} ADD {change}, leases :gone"
        self._update(slot, expression, values, names, [f"attribute_exists({name})" for name in names])
        return True

    def _update(
        self,
        slot: Slot,
        expression: str,
        values: Mapping[str, int | str],
        names: Mapping[str, str] | None = None,
        conditions: list[str] | None = None,
    ) -> Item:
        """The item's changed attributes; all as they were where a condition does not hold."""
        typed: dict[str, Any] = {
            name: {"S": value} if isinstance(value, str) else {"N": str(value)} for name, value in values.items()
        }
        change: dict[str, Any] = {"ExpressionAttributeNames": dict(names or {})}
        if slot.kept_until is not None:
            expression = _with_ttl(expression)
            change["ExpressionAttributeNames"]["#ttl"] = TTL
            typed[":ttl"] = {"N": str(int(slot.kept_until))}
        if conditions:
            change["ConditionExpression"] = " AND ".join(conditions)
            change["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        if not change["ExpressionAttributeNames"]:
            del change["ExpressionAttributeNames"]
        try:
            response = self._client.update_item(
                TableName=self._table,
                Key=_key(slot),
                UpdateExpression=expression,
                ExpressionAttributeValues=typed,
                ReturnValues="UPDATED_NEW",
                **change,
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            item: Item = error.response.get("Item", {})  # type: ignore[assignment]
            return item
        return response.get("Attributes", {})

    def _read(self, slot: Slot) -> Item:
        return self._client.get_item(TableName=self._table, Key=_key(slot), ConsistentRead=True).get("Item", {})


def _twice(work: Callable[[], T]) -> T:
    """A connection that went stale, or a moment of throttling, is worth one more try: what is asked may be repeated."""
    try:
        return work()
    except TABLE_ERRORS:
        return work()


def _opened_twice(work: Callable[[], Granted | Short]) -> Granted | Short:
    """The same, where the first try may be done after the second."""
    try:
        return work()
    except TABLE_ERRORS as error:
        refused = isinstance(error, ClientError | TableBusyError)
        return replace(work(), doubtful=not refused)


def _with_ttl(expression: str) -> str:
    if expression.startswith("SET "):
        return expression.replace("SET ", "SET #ttl = :ttl, ", 1)
    return f"SET #ttl = :ttl {expression}"


def _key(slot: Slot) -> Any:
    return {PARTITION_KEY: {"S": ACCOUNT + slot.key}}


def _number(item: Item, name: str) -> int:
    return int(item[name]["N"]) if name in item else 0


def _leases(item: Item) -> dict[str, tuple[int, int]]:
    """Amount and end of each lease, by id."""
    found = {}
    for name in item:
        if name.startswith(LEASE):
            amount, expires = item[name]["S"].split()
            found[name.removeprefix(LEASE)] = int(amount), int(expires)
    return found
