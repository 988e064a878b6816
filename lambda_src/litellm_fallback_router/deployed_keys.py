"""What an operator does to the callers' keys of a deployed gateway. Blocking.

The composition root of the commands for it, as `local_keys` is for the keys of a file.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, TypeVar

from .adapters.api_gateway import UsageKeys
from .adapters.dynamodb.accounts import TableAccounts
from .adapters.dynamodb.items import KeyRecord
from .adapters.dynamodb.key_records import KeyRecords
from .adapters.dynamodb.spend import TableSpend
from .adapters.dynamodb.table import Availability
from .local_keys import ID_LENGTH, KeysError, ListedKey, new_key
from .operation_errors import OperationError, explained
from .operations import DeployedGateway
from .routing.accounts import Account, Balance, SpendLine, StoreLostError
from .routing.callers import CallerKey, KeyEntry
from .routing.key_fields import as_text

T = TypeVar("T")
P = TypeVar("P")


class DeployedKeys:
    """A `KeyPlace`. Its methods raise OperationError too."""

    def __init__(self, gateway: DeployedGateway) -> None:
        self._gateway = gateway
        self._plans = gateway.stack.usage_plans
        self._known: dict[str, KeyRecord] = {}
        """By hash, as they were last read or written."""

    @property
    def name(self) -> str:
        return self._gateway.name

    def plans(self) -> Sequence[str]:
        return sorted(self._plans)

    def widest_plan(self) -> str:
        """Name of the usage plan that allows the most requests a second."""
        if not self._plans:
            raise OperationError(f"{self.name} has no usage plan: deploy it with one (-c plans=...)")
        with explained():
            return max(self.plans(), key=lambda name: self._usage_keys.rate_of(self._plans[name]))

    def create(self, limits: CallerKey, plan: str | None, expires_at: int | None) -> tuple[str, ListedKey]:
        plan = plan or self._only_plan()
        plan_id = self._plans.get(plan)
        if plan_id is None:
            known = ", ".join(self.plans()) or "none"
            raise OperationError(f"{self.name} has no usage plan '{plan}'; it has: {known}")
        key, key_hash = new_key()
        key_id, now = key_hash[:ID_LENGTH], int(time.time())
        name = f"{self.name}-{key_id}"
        with explained():
            usage_key_id, usage_key = self._usage_keys.create(name, plan_id)
        record = KeyRecord(key_hash, key_id, plan, usage_key, usage_key_id, now, expires_at, limits=as_text(limits))
        try:
            for other in self._elsewhere():
                other.copy_usage_key(name, plan, usage_key)
            with explained():
                self._records.add(record)
        except OperationError:
            self._delete_usage_keys(record)
            raise
        return key, self._listed(record)

    def copy_usage_key(self, name: str, plan: str, value: str) -> None:
        """The usage key of another Region's stack, here: the record that names its value is in both."""
        if plan not in self._plans:
            raise OperationError(
                f"{self.name} has no usage plan '{plan}' in every Region: deploy all of its stacks again"
            )
        with explained():
            self._usage_keys.create(name, self._plans[plan], value)

    def all(self) -> list[ListedKey]:
        with explained():
            records = self._records.all()
        return [self._listed(record) for record in records]

    def change(self, key: ListedKey, changed: KeyEntry) -> None:
        old = self._known[key.entry.key_hash]
        if key.trouble:
            raise KeysError(f"the limits of key {old.id} cannot be read ({key.trouble}); revoke it and make another")
        new = replace(old, limits=as_text(changed.key), expires_at=changed.expires_at)
        with explained():
            if not self._records.change(old, new):
                raise KeysError(f"key {old.id} was changed meanwhile; look at it, and try again")

    def revoke(self, key: ListedKey) -> None:
        record = self._known[key.entry.key_hash]
        with explained():
            if record.revoked_at is None:
                self._records.revoke(record, int(time.time()))
        try:
            self._delete_usage_keys(record)
        except OperationError as error:
            raise OperationError(
                f"it is refused from now on, but a usage key is left; run it again: {error}"
            ) from error

    def balance(self, account: Account) -> Balance:
        now = time.time()
        balance: Balance = self._counted(lambda table: table.balance(account.slot(now), now), TableAccounts)
        return balance

    def add(self, account: Account, amount: int) -> None:
        self._counted(lambda table: table.add(account.slot(time.time()), amount), TableAccounts)

    def spent(self, first: str, last: str) -> list[SpendLine]:
        return self._counted(lambda table: table.read(first, last), TableSpend)

    def _only_plan(self) -> str:
        if len(self._plans) != 1:
            plans = ", ".join(self.plans())
            few = f"has several usage plans; add one of: {plans}" if plans else "has no usage plan; deploy it with one"
            raise KeysError(f"--plan: {self.name} {few}")
        return next(iter(self._plans))

    def _listed(self, record: KeyRecord) -> ListedKey:
        self._known[record.key_hash] = record
        try:
            return ListedKey(record.entry, record.plan)
        except ValueError as error:  # written by a newer version, or by hand
            unlimited = replace(record, limits="").entry
            return ListedKey(unlimited, record.plan, trouble=str(error))

    def _elsewhere(self) -> list[DeployedKeys]:
        return [DeployedKeys(one) for one in self._gateway.elsewhere()]

    def _delete_usage_keys(self, record: KeyRecord) -> None:
        """In every Region, whichever of them the key was made in."""
        with explained():
            self._usage_keys.delete(record.usage_key_id)
        elsewhere = self._elsewhere()
        for one in [self, *elsewhere] if elsewhere else []:
            with explained():
                one._usage_keys.delete_named(f"{self.name}-{record.id}")

    def _counted(self, ask: Callable[[P], Coroutine[Any, Any, T]], kind: Callable[[Any, str, Availability], P]) -> T:
        """What `ask` gets of what the state table keeps as `kind`."""
        reason = _Reason()
        try:
            return asyncio.run(ask(kind(*self._table, Availability(reason))))
        except StoreLostError as error:
            raise OperationError(f"{error}: {reason.why}") from error

    @property
    def _table(self) -> tuple[Any, str]:
        return self._gateway.connect("dynamodb"), self._gateway.stack.state_table

    @cached_property
    def _records(self) -> KeyRecords:
        return KeyRecords(*self._table)

    @cached_property
    def _usage_keys(self) -> UsageKeys:
        return UsageKeys(self._gateway.connect("apigateway"))


class _Reason:
    """A `StateObserver` that keeps why the table could not be used."""

    why = "it gave no answer"

    def circuit_moved(self, deployment: str, state: str) -> None:
        """Nothing is asked that moves one."""

    def state_unavailable(self, what: str, why: str) -> None:
        self.why = why
