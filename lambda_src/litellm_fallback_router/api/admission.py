"""How many requests are answered at once, and of how many bytes, in all and for one caller; beyond that a refusal,
instead of a wait: a process whose memory is full cannot answer at all. Batch requests alone wait, before they are
read."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..routing.errors import GatewayBusyError, RouterError, TooManyAtOnceError
from ..routing.mapping import RouterSettings
from .auth import ApiKeys
from .caller import caller_timeout, while_connected
from .errors import refusal
from .waiting import MOST_WAITING, Place, Places, ReadAhead

RETRY_AFTER = 1.0
"""Seconds. Nobody knows when an answer ends that is under way; most do so in seconds."""
ALWAYS = frozenset({"/health"})
"""Answered however many requests there are: a health check must not fail because of load."""


class Admission:
    """ASGI middleware. A request counts from its head to the end of its answer, a stream's last event included, however
    that ends. Callers are told apart by key, and without one of `keys` by address.

    A share of all places is kept for others than batch requests, which wait for theirs."""

    def __init__(self, app: ASGIApp, keys: ApiKeys) -> None:
        self.app = app
        self._keys = keys
        self._places = Places()
        self._bytes = HeldBytes()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in ALWAYS:
            await self.app(scope, receive, send)
            return
        settings: RouterSettings = scope["app"].state.router.config.settings
        seconds = _longest_wait(scope, settings) if self._keys.gives_way(scope) else None
        place = self._place(self._caller(scope), settings, seconds)
        if isinstance(place, RouterError):
            await refusal(place, scope)(scope, receive, send)
            return

        async def sending(message: Message) -> None:
            # Before the caller has the last of its answer: its next request may come at once.
            if message["type"] == "http.response.body" and not message.get("more_body"):
                self._places.leave(place, batch=_batch_places(settings))
            await send(message)

        try:
            if not place.taken:
                receive = await _waited(place, seconds or 0.0, scope, receive)
            if place.taken:
                with self._bytes.counted(receive, place.caller, settings.max_bytes_held) as counting:
                    await self.app(scope, counting, sending)
            else:
                await refusal(self._gives_way(), scope)(scope, receive, send)
        finally:
            self._places.leave(place, batch=_batch_places(settings))

    @property
    def under_way(self) -> int:
        return self._places.answered

    def _caller(self, scope: Scope) -> str:
        if (known := self._keys.caller(scope)) is not None:
            return f"key {known}"
        return f"address {(scope.get('client') or ('',))[0]}"

    def _place(self, caller: str, settings: RouterSettings, seconds: float | None) -> Place | RouterError:
        """A place, or why a request of `caller` gets none. `seconds`: how long a batch request may wait; None: it is
        none, and takes any place that is free."""
        places = self._places
        if places.of(caller) >= settings.max_concurrent_per_key:
            most = settings.max_concurrent_per_key
            text = f"{most} of your requests are being answered; more at once are not taken (max_concurrent_per_key)."
            return TooManyAtOnceError(f"{text} Send the next when one has ended.", retry_after=RETRY_AFTER)
        if places.answered < (settings.max_concurrent if seconds is None else _batch_places(settings)):
            return places.enter(caller)
        if seconds is None:
            text = (
                f"{settings.max_concurrent} requests are being answered; more at once are not taken (max_concurrent)."
            )
            return GatewayBusyError(f"{text} Try again in a moment.", retry_after=RETRY_AFTER)
        if seconds > 0 and places.waiting < min(settings.queue_size, MOST_WAITING):
            return places.line_up(caller)
        return self._gives_way()

    def _gives_way(self) -> RouterError:
        text = f"{self.under_way} requests are being answered, and a key with the priority batch gives way to others"
        return GatewayBusyError(f"{text} (batch_share). Try again in a moment.", retry_after=RETRY_AFTER)


def _batch_places(settings: RouterSettings) -> float:
    """While fewer requests are answered, a batch request is taken."""
    return settings.batch_share * settings.max_concurrent


def _longest_wait(scope: Scope, settings: RouterSettings) -> float:
    """Seconds for which a request may wait: at most half of its time, so that there is some for the answer."""
    try:
        timeout = caller_timeout(Headers(scope=scope))
    except RouterError:  # said where its answer is
        timeout = None
    return min(settings.queue_seconds, settings.deadline / 2, *(() if timeout is None else (timeout / 2,)))


async def _waited(place: Place, seconds: float, scope: Scope, receive: Receive) -> Receive:
    """Wait until the place is taken, for so long; gives what to read the request by. Raises ClientDisconnect where its
    caller leaves."""
    clock = asyncio.get_running_loop().time
    ahead, began = ReadAhead(receive), clock()
    await while_connected(ahead.read, place.wait(seconds))
    scope["state"]["waited"] = clock() - began
    return ahead


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
