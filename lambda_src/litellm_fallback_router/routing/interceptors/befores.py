"""The calls of `before`: each interceptor's in order, and again where the request that it saw was replaced."""

from __future__ import annotations

from collections.abc import Sequence

from .protocol import Exchange, InPlace, Interceptor


class Befores:
    """Those of one request."""

    def __init__(self, interceptors: Sequence[Interceptor]) -> None:
        self._interceptors = interceptors
        self._called: set[int] = set()
        """Indices of the interceptors whose `before` was called for the request as it is now."""
        self.position = -1
        """Index of the interceptor whose decision before the answer counts, which those behind it see."""

    async def call(self, exchange: Exchange) -> None:
        """Call every `before` that was not called yet. Raises InPlace, of the interceptor at `position`."""
        for position in range(len(self._interceptors)):
            if position not in self._called:
                await self._call(position, exchange)

    async def call_behind(self, exchange: Exchange) -> None:
        """Call those behind `position` again: its late decision has replaced the request that they saw."""
        self._called = {position for position in self._called if position <= self.position}
        await self.call(exchange)

    async def _call(self, position: int, exchange: Exchange) -> None:
        self._called.add(position)
        interceptor, late = self._interceptors[position], exchange.late
        try:
            await interceptor.before(exchange)
        except InPlace:
            asked = exchange.request
            for behind in range(position + 1, len(self._interceptors)):
                if self._interceptors[behind].checks and behind not in self._called:
                    await self._call(behind, exchange)
            if exchange.late is not None and (replaced := await exchange.late) is not None:
                await exchange.replace(replaced)
            self.position = position
            if exchange.request is asked:
                raise
            # What it answered is not what is asked.
            exchange.late = None
            await interceptor.before(exchange)
        else:
            if exchange.late is not late:
                self.position = position
