"""What callers have spent, in a SQLite file that the processes of one machine share."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from ..routing.accounts import SpendLine, StoreLostError

T = TypeVar("T")
BUSY_SECONDS = 1.0
"""Longest wait for another process that writes."""

_TABLE = """
create table if not exists spend (
    day text not null, caller text not null, model text not null,
    nano_usd integer not null, wasted_nano_usd integer not null, requests integer not null,
    prompt_tokens integer not null, completion_tokens integer not null,
    primary key (day, caller, model)
) without rowid
"""
_ADD = """
insert into spend values (?, ?, ?, ?, ?, ?, ?, ?) on conflict do update set
    nano_usd = nano_usd + excluded.nano_usd, wasted_nano_usd = wasted_nano_usd + excluded.wasted_nano_usd,
    requests = requests + excluded.requests, prompt_tokens = prompt_tokens + excluded.prompt_tokens,
    completion_tokens = completion_tokens + excluded.completion_tokens
"""


class LocalSpend:
    """Implements `SpendLog`. The file may be that of `LocalAccounts`."""

    def __init__(self, file: Path) -> None:
        """`file`: made where it is not there."""
        self._lock = threading.Lock()
        self._db = sqlite3.connect(file, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        self._db.execute("pragma journal_mode = wal")
        self._db.execute("pragma synchronous = normal")
        self._db.execute(_TABLE)

    async def add(self, batch: str, lines: Sequence[SpendLine]) -> None:
        # All of it or nothing: what failed was not added, so a batch needs no name here.
        await self._run(lambda: self._add(lines))

    async def read(self, first: str, last: str) -> list[SpendLine]:
        return await self._run(lambda: self._read(first, last))

    def shut(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.to_thread(work)
        except sqlite3.Error as error:
            raise StoreLostError(type(error).__name__) from error

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
        with self._lock:
            self._db.execute("begin immediate")
            try:
                self._db.executemany(_ADD, rows)
            except BaseException:
                self._db.execute("rollback")
                raise
            self._db.execute("commit")

    def _read(self, first: str, last: str) -> list[SpendLine]:
        with self._lock:
            rows = self._db.execute("select * from spend where day between ? and ? order by 1, 2, 3", (first, last))
            return [SpendLine(*row) for row in rows]
