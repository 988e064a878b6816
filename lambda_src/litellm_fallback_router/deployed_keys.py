"""What an operator does to the callers' keys of a deployed gateway. Blocking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from .local_keys import KeysError, ListedKey
from .operations import DeployedGateway
from .routing.accounts import Account, SpendLine
from .routing.callers import CallerKey, KeyEntry
from .routing.key_fields import as_text

if TYPE_CHECKING:
    from .routing.accounts import Balance


class DeployedKeys:
    """A `KeyPlace`. Its methods raise OperationError too."""

    def __init__(self, gateway: DeployedGateway) -> None:
        self._gateway = gateway

    @property
    def name(self) -> str:
        return self._gateway.name

    def plans(self) -> Sequence[str]:
        return sorted(self._gateway.stack.usage_plans)

    def create(self, limits: CallerKey, plan: str | None, expires_at: int | None) -> tuple[str, ListedKey]:
        plans = self.plans()
        if plan is None and len(plans) != 1:
            raise KeysError(f"--plan: {self.name} has several usage plans; add one of: {', '.join(plans) or 'none'}")
        key, record = self._gateway.create_key(plan or plans[0], expires_at, as_text(limits))
        return key, ListedKey(record.entry, record.plan)

    def all(self) -> list[ListedKey]:
        records = self._gateway.keys()
        return [ListedKey(record.entry, record.plan) for record in records]

    def change(self, key: ListedKey, changed: KeyEntry) -> None:
        records = self._gateway.keys()
        (old,) = (record for record in records if record.key_hash == key.entry.key_hash)
        new = replace(old, limits=as_text(changed.key), expires_at=changed.expires_at)
        if old.entry != key.entry or not self._gateway.change_key(old, new):
            raise KeysError(f"key {key.entry.key.id} was changed meanwhile; look at it, and try again")

    def revoke(self, key: ListedKey) -> None:
        self._gateway.revoke_key(key.entry.key.id)

    def balance(self, account: Account) -> Balance:
        return self._gateway.balance(account)

    def add(self, account: Account, amount: int) -> None:
        self._gateway.add_to(account, amount)

    def spent(self, first: str, last: str) -> list[SpendLine]:
        return self._gateway.spent(first, last)
