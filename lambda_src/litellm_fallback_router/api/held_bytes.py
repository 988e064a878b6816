"""How much the bodies of all requests under way may be together: a process whose memory is full answers nobody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.types import Message, Receive

from ..routing.errors import GatewayBusyError, TooManyAtOnceError

RETRY_AFTER = 1.0
"""Seconds."""


class HeldBytes:
    """Counts bodies as they are read. They count until their requests end, since until then they are held."""

    def __init__(self) -> None:
        self._by_caller: Counter[str] = Counter()

    @property
    def total(self) -> int:
        return self._by_caller.total()

    @contextmanager
    def counted(self, receive: Receive, caller: str, most: int) -> Iterator[Receive]:
        """`receive`, counting. It raises a RouterError where there would be more than `most` bytes, or of one caller's
        more than half of that; never for the only request there is, which is bounded by itself."""
        own = 0

        async def counting() -> Message:
            nonlocal own
            message = await receive()
            size = len(message.get("body", b""))
            if size:
                self._check(caller, own, size, most)
                own += size
                self._by_caller[caller] += size
            return message

        try:
            yield counting
        finally:
            self._by_caller[caller] -= own
            if not self._by_caller[caller]:
                del self._by_caller[caller]

    def _check(self, caller: str, own: int, size: int, most: int) -> None:
        held = self._by_caller[caller]
        if held > own and held + size > most // 2:
            text = f"Your requests under way hold {held} bytes; more than {most // 2} at once are not taken"
            raise TooManyAtOnceError(f"{text} (half of max_bytes_held). {_LATER}", retry_after=RETRY_AFTER)
        if self.total > own and self.total + size > most:
            text = f"The requests under way hold {self.total} bytes; more than {most} at once are not taken"
            raise GatewayBusyError(f"{text} (max_bytes_held). {_LATER}", retry_after=RETRY_AFTER)


_LATER = "Send it again when another has ended."
