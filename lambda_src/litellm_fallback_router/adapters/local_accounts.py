"""Accounts, and what callers have spent, in a SQLite file that the processes of one machine share; accounts also in
memory for one process."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ..routing.accounts import Balance, Granted, Short, Slot, SpendLine, StoreLostError

if TYPE_CHECKING:
    from sqlite3 import Connection

T = TypeVar("T")
BUSY_SECONDS = 1.0
"""Longest wait for another process that writes."""
_ACCOUNTS = """
create table if not exists slot (
    key text primary key, limit_ integer not null, left_ integer not null, spent integer not null, kept_until real
) without rowid;
create table if not exists lease (
    slot text not null, id text not null, amount integer not null, expires real not null, primary key (slot, id)
) without rowid;
create table if not exists detail (
    slot text not null, name text not null, spent integer not null, primary key (slot, name)
) without rowid;
"""
_SPEND = """
create table if not exists spend (
    day text not null, caller text not null, model text not null,
    nano_usd integer not null, wasted_nano_usd integer not null, requests integer not null,
    prompt_tokens integer not null, completion_tokens integer not null,
    primary key (day, caller, model)
) without rowid
"""
_ADD_SPEND = """
insert into spend values (?, ?, ?, ?, ?, ?, ?, ?) on conflict do update set
    nano_usd = nano_usd + excluded.nano_usd, wasted_nano_usd = wasted_nano_usd + excluded.wasted_nano_usd,
    requests = requests + excluded.requests, prompt_tokens = prompt_tokens + excluded.prompt_tokens,
    completion_tokens = completion_tokens + excluded.completion_tokens
"""


class LocalFile:
    """One connection to a SQLite file, which several stores may share."""

    def __init__(self, file: Path | None, tables: str) -> None:
        """`file`: made where it is not there; None: memory."""
        self._file = file
        self._tables = tables
        self._lock = threading.Lock()

    @cached_property
    def _db(self) -> Connection:
        """Opened by the first request that is limited: the library takes 10 ms to load."""
        import sqlite3  # noqa: PLC0415 - see above

        where = ":memory:" if self._file is None else self._file
        db = sqlite3.connect(where, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        if self._file is not None:
            # A killed process loses nothing that was written; a machine that stops may lose its last moments.
            db.execute("pragma journal_mode = wal")
            db.execute("pragma synchronous = normal")
        db.executescript(self._tables)
        return db

    def shut(self) -> None:
        """Close the file."""
        with self._lock:
            if "_db" in vars(self):
                self._db.close()

    async def _run(self, work: Callable[[], T]) -> T:
        import sqlite3  # noqa: PLC0415 - as above

        try:
            return work() if self._file is None else await asyncio.to_thread(work)
        except sqlite3.Error as error:
            raise StoreLostError(type(error).__name__) from error

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock:
            self._db.execute("begin immediate")
            try:
                yield
            except BaseException:
                self._db.execute("rollback")
                raise
            self._db.execute("commit")


class LocalAccounts(LocalFile):
    """Implements `AccountStore`."""

    def __init__(self, file: Path | None = None, *, clock: Callable[[], float] = time.time) -> None:
        """`file`: made where it is not there; None: memory. `clock` gives Unix seconds."""
        super().__init__(file, _ACCOUNTS)
        self._clock = clock

    async def open(
        self, slot: Slot, lease: str, amount: int, expires: float, *, whatever_is_left: bool = False
    ) -> Granted | Short:
        return await self._run(lambda: self._open(slot, lease, amount, expires, whatever_is_left=whatever_is_left))

    async def close(self, slot: Slot, lease: str, amount: int, spent: Mapping[str, int]) -> None:
        await self._run(lambda: self._close(slot, lease, amount, spent))

    async def add(self, slot: Slot, amount: int) -> None:
        await self._run(lambda: self._add(slot, amount))

    async def balance(self, slot: Slot, now: float) -> Balance:
        return await self._run(lambda: self._balance(slot, now))

    @contextmanager
    def _changed(self, slot: Slot) -> Iterator[None]:
        with self._transaction():
            self._prepare(slot)
            yield

    def _prepare(self, slot: Slot) -> None:
        """Make the slot, full, where it is not there, and give it the limit that holds now."""
        made = self._db.execute(
            "insert into slot values (?, ?, ?, 0, ?) on conflict do nothing",
            (slot.key, slot.limit, slot.limit, slot.kept_until),
        ).rowcount
        if made:
            self._forget_old()
        self._db.execute(
            "update slot set left_ = left_ + ? - limit_, limit_ = ? where key = ? and limit_ <> ?",
            (slot.limit, slot.limit, slot.key, slot.limit),
        )

    def _forget_old(self) -> None:
        now = self._clock()
        self._db.execute("delete from lease where slot in (select key from slot where kept_until < ?)", (now,))
        self._db.execute("delete from detail where slot in (select key from slot where kept_until < ?)", (now,))
        self._db.execute("delete from slot where kept_until < ?", (now,))

    def _open(self, slot: Slot, lease: str, amount: int, expires: float, *, whatever_is_left: bool) -> Granted | Short:
        with self._changed(slot):
            if self._db.execute("select 1 from lease where slot = ? and id = ?", (slot.key, lease)).fetchone():
                return Granted(self._left(slot))
            if self._left(slot) < amount and slot.lapses:
                self._give_back_lapsed(slot)
            left = self._left(slot)
            if left < amount and not whatever_is_left:
                return Short(left, held=self._held(slot))
            self._db.execute("insert into lease values (?, ?, ?, ?)", (slot.key, lease, amount, expires))
            self._db.execute("update slot set left_ = left_ - ? where key = ?", (amount, slot.key))
            return Granted(left - amount)

    def _give_back_lapsed(self, slot: Slot) -> None:
        lapsed = (slot.key, self._clock())
        self._db.execute(
            "update slot set left_ = left_ +"
            " (select coalesce(sum(amount), 0) from lease where slot = ? and expires < ?) where key = ?",
            (*lapsed, slot.key),
        )
        self._db.execute("delete from lease where slot = ? and expires < ?", lapsed)

    def _close(self, slot: Slot, lease: str, amount: int, spent: Mapping[str, int]) -> None:
        with self._changed(slot):
            if not self._db.execute("delete from lease where slot = ? and id = ?", (slot.key, lease)).rowcount:
                return
            used = sum(spent.values())
            self._db.execute(
                "update slot set left_ = left_ + ?, spent = spent + ? where key = ?", (amount - used, used, slot.key)
            )
            for name, part in spent.items():
                self._db.execute(
                    "insert into detail values (?, ?, ?) on conflict do update set spent = spent + excluded.spent",
                    (slot.key, name, part),
                )

    def _held(self, slot: Slot) -> int:
        """What is in leases that have not lapsed."""
        found = self._db.execute(
            "select coalesce(sum(amount), 0) from lease where slot = ? and expires >= ?", (slot.key, self._clock())
        )
        return int(found.fetchone()[0])

    def _left(self, slot: Slot) -> int:
        return int(self._db.execute("select left_ from slot where key = ?", (slot.key,)).fetchone()[0])

    def _add(self, slot: Slot, amount: int) -> None:
        with self._changed(slot):
            self._db.execute("update slot set left_ = left_ + ? where key = ?", (amount, slot.key))

    def _balance(self, slot: Slot, now: float) -> Balance:
        with self._changed(slot):
            left, spent = self._db.execute("select left_, spent from slot where key = ?", (slot.key,)).fetchone()
            leases = self._db.execute("select amount, expires from lease where slot = ?", (slot.key,)).fetchall()
            details = self._db.execute("select name, spent from detail where slot = ?", (slot.key,)).fetchall()
            held = sum(amount for amount, expires in leases if expires >= now)
            assumed = sum(amount for amount, expires in leases if expires < now)
            return Balance(left + spent + held + assumed, spent, held, assumed, dict(details))


class LocalSpend(LocalFile):
    """Implements `SpendLog`. The file may be that of `LocalAccounts`."""

    def __init__(self, file: Path) -> None:
        """`file`: made where it is not there."""
        super().__init__(file, _SPEND)
        _ = self._db  # at once: a file that cannot be used is known at the start

    async def add(self, batch: str, lines: Sequence[SpendLine]) -> None:
        # All of it or nothing: what failed was not added, so a batch needs no name here.
        await self._run(lambda: self._add(lines))

    async def read(self, first: str, last: str) -> list[SpendLine]:
        return await self._run(lambda: self._read(first, last))

    def _add(self, lines: Sequence[SpendLine]) -> None:
        rows = [
            (
                *line.key,
                line.nano_usd,
                line.wasted_nano_usd,
                line.requests,
                line.prompt_tokens,
                line.completion_tokens,
            )
            for line in lines
        ]
        with self._transaction():
            self._db.executemany(_ADD_SPEND, rows)

    def _read(self, first: str, last: str) -> list[SpendLine]:
        with self._lock:
            rows = self._db.execute("select * from spend where day between ? and ? order by 1, 2, 3", (first, last))
            return [SpendLine(*row) for row in rows]
