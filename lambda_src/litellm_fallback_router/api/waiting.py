"""The places of requests: those that are answered, and those of batch requests that wait until one is free, first come
first served. An interactive request never waits here: it is taken at once, or refused."""

from __future__ import annotations

import asyncio
from collections import Counter, deque

from starlette.types import Message, Receive

MOST_WAITING = 64
"""Requests that wait, whatever `queue_size` says: with those that are answered they are fewer than the connections that
the server holds, so that others can still connect."""
READ_AHEAD = 65_536
"""Bytes that are read of a waiting request's body. Of one with more it is noticed only later that its caller has left:
its wait is bounded all the same."""


class Place:
    """One request's."""

    __slots__ = ("caller", "left", "taken", "turn")

    def __init__(self, caller: str, turn: asyncio.Future[None] | None = None) -> None:
        self.caller = caller
        self.taken = turn is None
        """True: the request is answered; False: it waits."""
        self.turn = turn
        """What it waits for."""
        self.left = False

    async def wait(self, seconds: float) -> None:
        """Wait until it is taken, or for so long."""
        if self.turn is not None:
            await asyncio.wait((self.turn,), timeout=seconds)


class Places:
    """The places of all requests, by caller."""

    def __init__(self) -> None:
        self.answered = 0
        """Requests that are answered now."""
        self._by_caller: Counter[str] = Counter()
        self._waiting: deque[Place] = deque()

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def of(self, caller: str) -> int:
        """A caller's requests, with those that wait."""
        return self._by_caller[caller]

    def enter(self, caller: str) -> Place:
        """Take a place."""
        self.answered += 1
        self._by_caller[caller] += 1
        return Place(caller)

    def line_up(self, caller: str) -> Place:
        """Wait behind all others for a place."""
        place = Place(caller, asyncio.get_running_loop().create_future())
        self._by_caller[caller] += 1
        self._waiting.append(place)
        return place

    def leave(self, place: Place, *, batch: float) -> None:
        """Give a place back, or no longer wait for one; does nothing where that was done. While fewer than `batch`
        requests are answered, those that wait are taken."""
        if place.left:
            return
        place.left = True
        if place.taken:
            self.answered -= 1
        else:
            self._waiting.remove(place)
        self._by_caller[place.caller] -= 1
        # Callers come and go, and each would be remembered for good.
        if not self._by_caller[place.caller]:
            del self._by_caller[place.caller]
        while self._waiting and self.answered < batch:
            place = self._waiting.popleft()
            self.answered += 1
            place.taken = True
            if place.turn is not None:
                place.turn.set_result(None)


class ReadAhead:
    """What a caller sends while its request waits, kept for whoever reads it then."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._kept: deque[Message] = deque()
        self._bytes = 0

    async def __call__(self) -> Message:
        """The next message, as `receive` gives it."""
        return self._kept.popleft() if self._kept else await self._receive()

    async def read(self) -> Message:
        """The next message, which is kept; never ends once READ_AHEAD bytes are."""
        if self._bytes >= READ_AHEAD:
            await asyncio.get_running_loop().create_future()
        message = await self._receive()
        self._kept.append(message)
        self._bytes += len(message.get("body", b""))
        return message
