"""How many requests are answered at once, and of how many bytes, in all and for one caller; beyond that a refusal,
instead of a wait."""

from __future__ import annotations

from collections import Counter

from starlette.types import ASGIApp, Receive, Scope, Send

from ..routing.errors import GatewayBusyError, RouterError, TooManyAtOnceError
from ..routing.mapping import RouterSettings
from .auth import ApiKeys
from .errors import refusal
from .formats import format_of
from .formats.base import key_in
from .held_bytes import HeldBytes

RETRY_AFTER = 1.0
"""Seconds. Nobody knows when an answer ends that is under way; most do so in seconds."""
ALWAYS = frozenset({"/health"})
"""Answered however many requests there are, so that whoever looks after the process is not told that it is dead."""


class Admission:
    """ASGI middleware. A request counts from its head to the end of its answer, a stream's last event included, however
    that ends. Callers are told apart by key; who has none of `keys` counts by address."""

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
        if (error := self._against(caller, settings)) is not None:
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
        if (known := self._keys.caller(key_in(scope, format_of(scope).keys))) is not None:
            return f"key {known}"
        return f"address {(scope.get('client') or ('',))[0]}"

    def _against(self, caller: str, settings: RouterSettings) -> RouterError | None:
        """Why a request of `caller` is not taken now."""
        if self._under_way[caller] >= settings.max_concurrent_per_key:
            most = settings.max_concurrent_per_key
            text = f"{most} of your requests are being answered; more at once are not taken (max_concurrent_per_key)."
            return TooManyAtOnceError(f"{text} Send the next when one has ended.", retry_after=RETRY_AFTER)
        if self.under_way >= settings.max_concurrent:
            text = (
                f"{settings.max_concurrent} requests are being answered; more at once are not taken (max_concurrent)."
            )
            return GatewayBusyError(f"{text} Try again in a moment.", retry_after=RETRY_AFTER)
        return None
