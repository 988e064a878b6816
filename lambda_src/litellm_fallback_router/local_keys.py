"""What an operator does to the callers' keys of a file on this machine. Blocking.

The composition root of the commands for it, as `operations` is for a deployed gateway, whose keys are used in the same
way: both are a `KeyPlace`.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from .adapters.keys_file import only_writer, read_keys, write_keys
from .adapters.local_accounts import LocalAccounts, LocalSpend
from .dependencies import spend_file
from .routing.accounts import Account, SpendLine, StoreLostError
from .routing.callers import CallerKey, KeyEntry

if TYPE_CHECKING:
    from .routing.accounts import Balance

KEY_PREFIX = "sk-router-"
"""As keys usually begin, so that tools that look for leaked ones find these too."""
ID_LENGTH = 12
"""Hexadecimal digits of the key's hash that name it in logs and commands."""


class KeysError(Exception):
    """It could not be done. The text says what to do next, and never holds a key."""


@dataclass(frozen=True, slots=True)
class ListedKey:
    """A key as commands show it."""

    entry: KeyEntry
    plan: str | None = None
    """Its usage plan of API Gateway; None: it has none."""
    trouble: str = ""
    """Why its limits cannot be read, without which it is refused; it can be revoked, and not changed."""


class KeyPlace(Protocol):
    """Where keys are. Every method raises KeysError, or the errors of its place."""

    @property
    def name(self) -> str:
        """What it is called in what commands print."""
        ...

    def plans(self) -> Sequence[str] | None:
        """Names of the usage plans, of which a new key needs one; None: there are none here."""
        ...

    def create(self, limits: CallerKey, plan: str | None, expires_at: int | None) -> tuple[str, ListedKey]:
        """A new key, which is stored nowhere, with these limits. `expires_at`: Unix seconds."""
        ...

    def all(self) -> list[ListedKey]:
        """Every key, the oldest first."""
        ...

    def change(self, key: ListedKey, changed: KeyEntry) -> None:
        """Give a key other limits or another end."""
        ...

    def revoke(self, key: ListedKey) -> None:
        """The key is refused from now on. Harmless where it was revoked before."""
        ...

    def balance(self, account: Account) -> Balance:
        """What is spent and left in this period."""
        ...

    def add(self, account: Account, amount: int) -> None:
        """Raise what is left in this period alone."""
        ...

    def spent(self, first: str, last: str) -> list[SpendLine]:
        """What was spent from one day to another, both included: UTC's, as `2026-11-29`."""
        ...


def new_key() -> tuple[str, str]:
    """A key of 256 random bits, and its SHA-256 in hexadecimal digits: no salt or slow hash would make it safer."""
    key = KEY_PREFIX + secrets.token_urlsafe(32)
    return key, hashlib.sha256(key.encode()).hexdigest()


def found(place: KeyPlace, wanted: str) -> ListedKey:
    """The key with that id, or else the only one with that name; revoked ones stand back. Raises KeysError."""
    keys = place.all()
    for key in keys:
        if key.entry.key.id == wanted:
            return key
    every = [key for key in keys if key.entry.key.name == wanted]
    named = [key for key in every if key.entry.revoked_at is None] or every
    if len(named) > 1:
        ids = ", ".join(key.entry.key.id for key in named)
        raise KeysError(f"several keys of {place.name} are named '{wanted}': {ids}; give one of these ids")
    if not named:
        raise KeysError(f"{place.name} has no key '{wanted}'; `fallback-router keys list` shows them")
    return named[0]


class FileKeys:
    """The keys of one file, with what they have spent in the file beside it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def name(self) -> str:
        return str(self._path)

    def plans(self) -> None:
        return None

    def create(self, limits: CallerKey, plan: str | None, expires_at: int | None) -> tuple[str, ListedKey]:
        if plan is not None:
            raise KeysError(
                "a keys file has no usage plans; leave out --plan, and limit the key with --rpm and the like"
            )
        key, key_hash = new_key()
        entry = KeyEntry(replace(limits, id=key_hash[:ID_LENGTH]), key_hash, int(time.time()), expires_at)
        with self._changing(missing=[]) as entries:
            entries.append(entry)
        return key, ListedKey(entry)

    def all(self) -> list[ListedKey]:
        return [ListedKey(entry) for entry in read_keys(self._path)]

    def change(self, key: ListedKey, changed: KeyEntry) -> None:
        self._update(key, lambda entry: replace(entry, key=changed.key, expires_at=changed.expires_at))

    def revoke(self, key: ListedKey) -> None:
        now = int(time.time())
        self._update(key, lambda entry: entry if entry.revoked_at is not None else replace(entry, revoked_at=now))

    def balance(self, account: Account) -> Balance:
        with self._accounts() as accounts:
            now = time.time()
            return asyncio.run(accounts.balance(account.slot(now), now))

    def add(self, account: Account, amount: int) -> None:
        with self._accounts() as accounts:
            asyncio.run(accounts.add(account.slot(time.time()), amount))

    def spent(self, first: str, last: str) -> list[SpendLine]:
        path = spend_file(self._path)
        if not path.exists():
            return []
        log = LocalSpend(path)
        try:
            return asyncio.run(log.read(first, last))
        except StoreLostError as error:
            raise KeysError(f"{path} cannot be read: {error}") from error
        finally:
            log.shut()

    def _update(self, key: ListedKey, edit: Callable[[KeyEntry], KeyEntry]) -> None:
        with self._changing() as entries:
            for index, entry in enumerate(entries):
                if entry.key_hash == key.entry.key_hash:
                    entries[index] = edit(entry)

    @contextmanager
    def _changing(self, missing: list[KeyEntry] | None = None) -> Iterator[list[KeyEntry]]:
        """The keys, which are written as they are left. `missing`: those of a file that is not there yet."""
        try:
            with only_writer(self._path):
                there = self._path.exists() or missing is None
                entries = read_keys(self._path) if there else list(missing or [])
                yield entries
                write_keys(self._path, entries)
        except OSError as error:
            raise KeysError(f"{self._path} cannot be written: {error.strerror or error}") from error

    @contextmanager
    def _accounts(self) -> Iterator[LocalAccounts]:
        accounts = LocalAccounts(spend_file(self._path))
        try:
            yield accounts
        except StoreLostError as error:
            raise KeysError(f"{spend_file(self._path)} cannot be used: {error}") from error
        finally:
            accounts.shut()
