"""What comes from a provider, piece by piece, and what does not come any more once the finish reason has."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from typing import Any

from ...routing.finish_reasons import incomplete
from ..exchange import USAGE_SECONDS
from ..finishing import FinishReader
from .error_chain import failure_of
from .reading_along import reading

HELD_BACK_SECONDS = 0.05
"""Without another event after a finish reason, until it is passed on although LiteLLM still keeps it back."""


class Pieces:
    """`source`, until it ends or has been finished for long enough. What goes wrong on the way is the stream's failure;
    what goes wrong elsewhere is a bug."""

    def __init__(self, source: Any, reader: FinishReader, *, begun: Callable[[], bool]) -> None:
        self._source = aiter(source)
        self._reader = reader
        self._begun = begun
        self._until: float | None = None
        self._limit: asyncio.Timeout | None = None
        """Of the piece that is being waited for."""

    def finished(self) -> None:
        """Only usage may still come."""
        if self._until is None:
            self._until = asyncio.get_running_loop().time() + USAGE_SECONDS
            if self._limit is not None:
                self._limit.reschedule(self._until)

    def __aiter__(self) -> Pieces:
        return self

    async def __anext__(self) -> Any:
        try:
            async with asyncio.timeout_at(self._until) as self._limit:
                with reading(self._reader):
                    return await anext(self._source)
        except StopAsyncIteration:
            raise
        except Exception as error:
            if self._limit is not None and self._limit.expired():
                raise StopAsyncIteration from None
            if self._reader.broken is not None:
                # LiteLLM may stumble over what it has just read.
                raise incomplete(self._reader.broken, begun=self._begun()) from error
            raise failure_of(error, begun=self._begun()) from error
        finally:
            self._limit = None


async def watched(source: Any, reader: FinishReader, *, begun: Callable[[], bool]) -> AsyncGenerator[Any, None]:
    """The same for LiteLLM's streams, which keep a finish reason back until the provider hangs up. A None means that
    there is one, and no piece for now."""
    pieces = Pieces(source, reader, begun=begun)
    came: deque[Any] = deque()
    wake, taken = asyncio.Event(), asyncio.Event()
    reader.on_read = wake.set

    async def pump() -> None:
        try:
            async for piece in pieces:
                came.append(piece)
                wake.set()
                await taken.wait()
                taken.clear()
        finally:
            wake.set()

    task, told = asyncio.ensure_future(pump()), False
    try:
        while came or not task.done():
            if came:
                piece = came.popleft()
                taken.set()
                yield piece
            elif reader.last is None or told:
                await wake.wait()
            elif not await _within(wake, HELD_BACK_SECONDS) and not came:
                told = True
                yield None
            wake.clear()
            if reader.last is not None:
                pieces.finished()
        await task
    finally:
        task.cancel()
        await asyncio.wait({task})
        if not task.cancelled():
            task.exception()  # raised above, or of no use to a reader that has stopped


async def _within(event: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
