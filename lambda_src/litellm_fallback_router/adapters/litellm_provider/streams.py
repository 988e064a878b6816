"""A stream as chunks: from LiteLLM's wrapper, or straight from the provider's events where those are OpenAI's."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from typing import Any

import httpx

from ...routing.failures import FailureKind, ProviderFailure
from ...routing.ledger import Usage
from ...routing.types import Chunk
from .failures import failure_of
from .internals import Events
from .loading import litellm
from .wire import chunk_of, chunks_of, counted, is_token, usage_of

Price = Callable[[Any, str | None], float | None]
"""USD of LiteLLM's usage object in a service tier."""

SHORT = 2
"""Characters of a piece that may well come again and again, as spaces do."""


class Stream:
    """One stream, and how far it has come. `chunks()` ends normally only after a finish reason of the provider's."""

    def __init__(self, wrapper: Any, events: Events | None, *, choices: int, price: Price) -> None:
        self._wrapper = wrapper
        self._events = events
        self._unfinished = set(range(choices))
        self._price = price
        self.begun = False
        """A token has come."""

    def chunks(self) -> AsyncGenerator[Chunk, None]:
        return self._wrapped() if self._events is None else self._read(self._events)

    @property
    def usage_so_far(self) -> Usage | None:
        """What a stream says of its prompt when it begins, as Anthropic's `message_start` does; LiteLLM keeps it back
        until the end, which a stream that is cut does not have."""
        pieces = getattr(self._wrapper, "chunks", ())
        reported = next((usage for piece in pieces if (usage := getattr(piece, "usage", None))), None)
        return None if reported is None else replace(usage_of(reported), estimated=True)

    async def aclose(self) -> None:
        await self._wrapper.aclose()

    async def _wrapped(self) -> AsyncGenerator[Chunk, None]:
        called_tools, wrapper = False, self._wrapper
        if not hasattr(wrapper, "received_finish_reason"):
            # OpenAI's old completions: LiteLLM hides the finish reason, and whether there was one.
            raise ProviderFailure(FailureKind.REJECTED, "its streams cannot be read; it gives whole answers only")
        several = len(self._unfinished) > 1
        source = _every_choice(wrapper) if several else wrapper
        async for piece in _Pieces(source, self):
            chunk = self._chunk(piece)
            for choice in chunk.choices:
                called_tools = called_tools or "tool_calls" in choice["delta"]
                if choice["finish_reason"]:
                    made_up = wrapper.received_finish_reason is None and wrapper.intermittent_finish_reason is None
                    if source is wrapper and made_up:
                        raise self._broken()
                    if choice["finish_reason"] == "tool_calls" and not called_tools:
                        # LiteLLM has some Bedrock models write JSON by a tool it then hides.
                        choice["finish_reason"] = "stop"
            first = not self.begun
            yield self._noted(chunk)
            if first and self.begun and (usage := self.usage_so_far) is not None:
                yield Chunk([], usage)
        if several and self._unfinished:
            raise self._broken()

    def _chunk(self, piece: Any) -> Chunk:
        reported = getattr(piece, "usage", None)
        if reported is None:
            return chunk_of(piece, None, None)
        return chunk_of(piece, usage_of(reported), self._price(reported, None))

    async def _read(self, events: Events) -> AsyncGenerator[Chunk, None]:
        choice_type, echo = litellm().types.utils.StreamingChoices, Echo(litellm().REPEATED_STREAMING_CHUNK_LIMIT)
        usage = tier = None
        try:
            async for arrived in _Pieces(events.read(), self):
                for event in arrived:
                    usage, tier = counted(event.get("usage")) or usage, event.get("service_tier") or tier
                    for chunk in chunks_of(event, choice_type):
                        yield self._noted(chunk)
                        echo.check(chunk)
        except ProviderFailure as failure:
            # Cut off after the very last thing it had to say.
            if not isinstance(failure.__cause__, httpx.TransportError) or usage is None or self._unfinished:
                raise
        if self._unfinished:
            raise self._broken()
        if usage is not None and (reported := reported_usage(usage)) is not None:
            yield Chunk([], usage_of(reported), self._price(reported, tier if isinstance(tier, str) else None))

    def _noted(self, chunk: Chunk) -> Chunk:
        for choice in chunk.choices:
            if choice["finish_reason"]:
                self._unfinished.discard(choice["index"])
        self.begun = self.begun or is_token(chunk)
        return chunk

    def _broken(self) -> ProviderFailure:
        kind = FailureKind.STREAM_BROKEN if self.begun else FailureKind.INVALID_RESPONSE
        return ProviderFailure(kind, "the stream ended without a finish reason")


class _Pieces:
    """What comes from the provider. What goes wrong on the way is the stream's failure; elsewhere it is a bug."""

    def __init__(self, source: Any, stream: Stream) -> None:
        self._source = aiter(source)
        self._stream = stream

    def __aiter__(self) -> _Pieces:
        return self

    async def __anext__(self) -> Any:
        try:
            return await anext(self._source)
        except StopAsyncIteration:
            raise
        except Exception as error:
            raise failure_of(error, begun=self._stream.begun) from error


class Echo:
    """Ends a stream whose model has lost its way and says one thing again and again, as LiteLLM's wrapper does."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._last = ""
        self._times = 0

    def check(self, chunk: Chunk) -> None:
        said = chunk.choices[0]["delta"].get("content") or ""
        self._times = self._times + 1 if said == self._last and len(said) > SHORT else 1
        self._last = said
        if self._times > self._most:
            raise ProviderFailure(FailureKind.STREAM_BROKEN, "the model repeats itself without end")


def reported_usage(usage: dict[str, Any]) -> Any:
    """As LiteLLM's object; None, which is estimated, where the provider reports what cannot be."""
    try:
        return litellm().Usage(**usage)
    except (TypeError, ValueError):
        return None


def _every_choice(wrapper: Any) -> Any:
    """A stream of several choices, as OpenAI's client reads it: LiteLLM ends one with its first choice, and drops what
    the others say after that. Streams of other makes stay LiteLLM's."""
    from openai import AsyncStream  # noqa: PLC0415 - heavy, and loaded by LiteLLM at this point

    return wrapper.completion_stream if isinstance(wrapper.completion_stream, AsyncStream) else wrapper
