"""The log of requests to the providers."""

import time
from collections import deque
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

_KEY_HEADERS = frozenset({"authorization", "x-api-key", "api-key", "x-amz-security-token", "cookie"})
_KEPT = 20_000


class RequestRecord(BaseModel):
    """One request to a provider. Filled in while it is served."""

    sequence: int
    """1 for the first request since the last reset."""
    provider: str
    path: str
    arrived: float
    """Seconds on the simulator's monotonic clock when the request had been read."""
    arrived_at: float
    """The same moment in seconds since the epoch."""
    finished: float | None = None
    """Monotonic seconds when the last byte was sent or the connection ended; None while it is served."""
    model: str | None = None
    """As the client sent it; None until the request is understood."""
    region: str | None = None
    stream: bool = False
    fault: str | None = None
    """Kind of the fault that acted on it."""
    rule: int | None = None
    """Id of the rule the fault came from."""
    status: int | None = None
    """Status that was sent; None when the connection ended before one."""
    chunks: int = 0
    """Content chunks sent (streams)."""
    headers: dict[str, str] = {}
    """With the values of keys hidden."""
    body: Any = None
    """Parsed JSON; None when it was none."""
    disconnected: bool = False
    """The client went before the end."""


class RequestLog:
    """The newest requests, oldest first."""

    def __init__(self) -> None:
        self._records: deque[RequestRecord] = deque(maxlen=_KEPT)
        self._count = 0

    def open(self, *, provider: str, path: str, headers: Mapping[str, str]) -> RequestRecord:
        self._count += 1
        shown = {name: "(hidden)" if name in _KEY_HEADERS else value for name, value in headers.items()}
        record = RequestRecord(
            sequence=self._count,
            provider=provider,
            path=path,
            arrived=time.monotonic(),
            arrived_at=time.time(),
            headers=shown,
        )
        self._records.append(record)
        return record

    def clear(self) -> None:
        self._records.clear()
        self._count = 0

    def records(self) -> list[RequestRecord]:
        return list(self._records)
