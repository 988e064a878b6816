"""A stream as chunks, from LiteLLM's wrapper."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from ...routing.failures import FailureKind, ProviderFailure
from ...routing.finish_reasons import incomplete
from ...routing.ledger import Usage
from ...routing.types import Chunk
from ..failures import unfinished
from ..finishing import FinishReader
from ..wire import chunk_of, is_token, usage_of
from .pieces import watched

Price = Callable[[Any, str | None], float | None]
"""USD of LiteLLM's usage object in a service tier."""


class Stream:
    """One stream, and how far it has come. `chunks()` ends normally only after a finish reason of the provider's that
    means that the answer is complete."""

    def __init__(self, wrapper: Any, *, choices: int, price: Price, reader: FinishReader) -> None:
        self._wrapper = wrapper
        self._unfinished = set(range(choices))
        self._price = price
        self._reader = reader
        self._called_tools = False
        self.begun = False
        """A token has come."""

    @property
    def usage_so_far(self) -> Usage | None:
        """The usage of the prompt as reported at a stream's beginning, such as in Anthropic's `message_start`; LiteLLM
        keeps it back until the end, which a stream that is cut does not have."""
        pieces = getattr(self._wrapper, "chunks", ())
        reported = next((usage for piece in pieces if (usage := getattr(piece, "usage", None))), None)
        return None if reported is None else replace(usage_of(reported), estimated=True)

    async def aclose(self) -> None:
        await self._wrapper.aclose()

    async def chunks(self) -> AsyncGenerator[Chunk, None]:
        wrapper = self._wrapper
        if not hasattr(wrapper, "received_finish_reason"):
            # OpenAI's old completions: LiteLLM hides the finish reason, and whether there was one.
            raise ProviderFailure(FailureKind.REJECTED, "its streams cannot be read; it gives whole answers only")
        source = _every_choice(wrapper) if len(self._unfinished) > 1 else wrapper
        async with aclosing(watched(source, self._reader, begun=lambda: self.begun)) as pieces:
            async for piece in pieces:
                first = not self.begun
                chunk = self._held_back() if piece is None else self._chunk(piece)
                if source is wrapper and self._finish_is_made_up(chunk):
                    raise self._broken()
                yield self._noted(chunk)
                if first and self.begun and (usage := self.usage_so_far) is not None:
                    yield Chunk([], usage)
        self._check_complete()

    def _chunk(self, piece: Any) -> Chunk:
        reported = getattr(piece, "usage", None)
        usage = None if reported is None else usage_of(reported)
        chunk = chunk_of(piece, usage, None if reported is None else self._price(reported, None))
        for choice in chunk.choices:
            self._called_tools = self._called_tools or "tool_calls" in choice["delta"]
            if choice["finish_reason"]:
                choice["finish_reason"] = self._finish(self._reader.read(choice["finish_reason"]))
        return chunk

    def _held_back(self) -> Chunk:
        """The end, which LiteLLM keeps to itself until the provider hangs up."""
        reason = self._finish(self._reader.last or "stop")
        if self._called_tools and reason == "stop":
            # Gemini's only word for both.
            reason = "tool_calls"
        return Chunk([{"index": index, "delta": {}, "finish_reason": reason} for index in sorted(self._unfinished)])

    def _finish(self, reason: str) -> str:
        # LiteLLM has some Bedrock models write JSON by a tool it then hides.
        return "stop" if reason == "tool_calls" and not self._called_tools else reason

    def _finish_is_made_up(self, chunk: Chunk) -> bool:
        wrapper = self._wrapper
        unsaid = wrapper.received_finish_reason is None and wrapper.intermittent_finish_reason is None
        return unsaid and any(choice["finish_reason"] for choice in chunk.choices)

    def _noted(self, chunk: Chunk) -> Chunk:
        """The chunk with one finish reason for each choice, and none where it means that the answer is not complete."""
        for choice in chunk.choices:
            if choice["finish_reason"]:
                if choice["index"] not in self._unfinished or self._reader.broken is not None:
                    choice["finish_reason"] = None
                self._unfinished.discard(choice["index"])
        self.begun = self.begun or is_token(chunk)
        return chunk

    def _check_complete(self) -> None:
        if self._unfinished or self._reader.broken is not None:
            raise self._broken()

    def _broken(self) -> ProviderFailure:
        if (said := self._reader.broken) is not None:
            return incomplete(said, begun=self.begun)
        return unfinished(begun=self.begun)


def _every_choice(wrapper: Any) -> Any:
    """A stream of several choices, as OpenAI's client reads it: LiteLLM ends one with its first choice, and drops what
    comes of the others after that. Streams of other makes stay LiteLLM's."""
    from openai import AsyncStream  # noqa: PLC0415 - heavy, and loaded by LiteLLM at this point

    return wrapper.completion_stream if isinstance(wrapper.completion_stream, AsyncStream) else wrapper
