"""Conversations of responses in this process's memory: for one gateway on one machine."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence

MOST_BYTES = 64 * 1024 * 1024
"""Of all records together; then the oldest go."""


class MemoryResponses:
    """Implements `ResponseStore`."""

    def __init__(self, seconds: float, *, most: int = MOST_BYTES, clock: Callable[[], float] = time.monotonic) -> None:
        """`seconds`: how long a record is kept; `most`: bytes of all of them."""
        self._seconds = seconds
        self._most = most
        self._clock = clock
        self._records: OrderedDict[str, tuple[float, bytes]] = OrderedDict()
        """When each ends, and what it holds, the oldest first."""
        self._size = 0

    async def get(self, names: Sequence[str]) -> Mapping[str, bytes]:
        now = self._clock()
        found = {name: self._records[name] for name in names if name in self._records}
        return {name: data for name, (ends, data) in found.items() if ends > now}

    async def put(self, records: Mapping[str, bytes]) -> bool:
        now = self._clock()
        for name, data in records.items():
            self._drop(name)
            self._records[name] = now + self._seconds, data
            self._size += len(name) + len(data)
        while self._records and (self._size > self._most or next(iter(self._records.values()))[0] <= now):
            self._drop(next(iter(self._records)))
        return all(name in self._records for name in records)

    def _drop(self, name: str) -> None:
        if (old := self._records.pop(name, None)) is not None:
            self._size -= len(name) + len(old[1])
