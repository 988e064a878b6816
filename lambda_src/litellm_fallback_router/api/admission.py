"""How many requests are answered at once, and of how many bytes, in all and for one caller; beyond that a refusal,
instead of a wait: a process whose memory is full cannot answer at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..routing.errors import GatewayBusyError, RouterError, TooManyAtOnceError
from ..routing.mapping import RouterSettings
from .auth import ApiKeys
from .errors import refusal

RETRY_AFTER = 1.0
"""Seconds. Nobody knows when an answer ends that is under way; most do so in seconds."""
ALWAYS = frozenset({"/health"})
"""Answered however many requests there are: a health check must not fail because of load."""


class Admission:
    """ASGI middleware. A request counts from its head to the end of its answer, a stream's last event included, however
    that ends. Callers are told apart by key, and without one of `keys` by address."""

    def __init__(self, app: ASGIApp, keys: ApiKeys) -> None:
        self.app = app
        self._keys = keys
        self._under_way: Counter[str] = Counter()
        """By caller."""
        self._bytes = HeldBytes()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in ALWAYS:
            await self.app(scope, receive, send)
            return
        caller = self._caller(scope)
        settings: RouterSettings = scope["app"].state.router.config.settings
        if (error := self._against(caller, settings, gives_way=self._keys.gives_way(scope))) is not None:
            await refusal(error, scope)(scope, receive, send)
            return
        self._under_way[caller] += 1
        try:
            with self._bytes.counted(receive, caller, settings.max_bytes_held) as counting:
                await self.app(scope, counting, send)
        finally:
            self._under_way[caller] -= 1
            # Callers come and go, and each would be remembered for good.
            if not self._under_way[caller]:
                del self._under_way[caller]

    @property
    def under_way(self) -> int:
        return self._under_way.total()

    def _caller(self, scope: Scope) -> str:
        if (known := self._keys.caller(scope)) is not None:
            return f"key {known}"
        return f"address {(scope.get('client') or ('',))[0]}"

    def _against(self, caller: str, settings: RouterSettings, *, gives_way: bool) -> RouterError | None:
        """Why a request of `caller` is not taken now. `gives_way`: a share of all slots is kept for others."""
        if self._under_way[caller] >= settings.max_concurrent_per_key:
            most = settings.max_concurrent_per_key
            text = f"{most} of your requests are being answered; more at once are not taken (max_concurrent_per_key)."
            return TooManyAtOnceError(f"{text} Send the next when one has ended.", retry_after=RETRY_AFTER)
        if self.under_way >= settings.max_concurrent:
            text = (
                f"{settings.max_concurrent} requests are being answered; more at once are not taken (max_concurrent)."
            )
            return GatewayBusyError(f"{text} Try again in a moment.", retry_after=RETRY_AFTER)
        if gives_way and self.under_way >= settings.batch_share * settings.max_concurrent:
            text = (
                f"{self.under_way} requests are being answered, and a key with the priority batch gives way to others"
            )
            return GatewayBusyError(f"{text} (batch_share). Try again in a moment.", retry_after=RETRY_AFTER)
        return None


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
