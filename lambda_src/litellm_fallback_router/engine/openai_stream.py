"""A stream in OpenAI's format. Source: OpenAI, "Streaming API responses"."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..routing.finish_reasons import incomplete
from ..routing.ledger import Usage
from ..routing.types import Chunk
from .failures import error_in_band, no_format, unfinished
from .finishing import FinishReader
from .loading import litellm
from .plain import object_of
from .prices import Prices
from .repetition import RepetitionDetector
from .sse import EventDecoder, EventReader
from .wire import UnreadableError, chunk_of, chunks_of, counted, is_token, usage_of


class OpenAIDecoder(EventDecoder):
    """A stream of chat completion chunks."""

    usage_so_far: Usage | None = None
    """OpenAI reports usage at the end only."""

    def __init__(self, choices: int, prices: Prices, reader: FinishReader, parser: Any = None) -> None:
        """`parser` is LiteLLM's for events that are not quite OpenAI's."""
        self.begun = self.ended = False
        self._reader = reader
        self._unfinished = set(range(choices))
        self._prices = prices
        self._events = EventReader()
        self._usage: dict[str, Any] | None = None
        self._tier: str | None = None
        self._parser = parser
        self._reported: Any = None
        """LiteLLM's usage object, where its parser reads the events."""
        self._echo = RepetitionDetector(litellm().REPEATED_STREAMING_CHUNK_LIMIT)
        self._choice_type = litellm().types.utils.StreamingChoices

    @property
    def finished(self) -> bool:
        return not self._unfinished

    @property
    def complete(self) -> bool:
        return (self._usage is not None or self._reported is not None) and self.finished

    def _read(self, event: bytes) -> Iterator[Chunk]:
        said = object_of(event, begun=self.begun)
        if said.get("error"):
            raise error_in_band(said["error"], begun=self.begun)
        if (usage := said.get("usage")) and self._parser is None:
            self._usage = counted(usage) or self._usage
        self._tier = tier_of(said) or self._tier
        if (text := _plain_text(said.get("choices"))) and (self._parser is None or not usage):
            self.begun = True
            chunk = Chunk([{"index": 0, "delta": {"content": text}, "finish_reason": None}])
            yield chunk
            self._echo.check(chunk)
            return
        try:
            chunks = (
                [*chunks_of(said, self._choice_type, self._reader.read)] if self._parser is None else self._parsed(said)
            )
        except UnreadableError as error:
            raise no_format(error, begun=self.begun) from error
        for chunk in chunks:
            for choice in chunk.choices:
                if choice["finish_reason"]:
                    # One for each choice, and none where it means that the answer is not complete.
                    if choice["index"] not in self._unfinished or self._reader.broken is not None:
                        choice["finish_reason"] = None
                    self._unfinished.discard(choice["index"])
            self.begun = self.begun or is_token(chunk)
            yield chunk
            self._echo.check(chunk)

    def _parsed(self, said: dict[str, Any]) -> list[Chunk]:
        """What LiteLLM's parser makes of an event, with the finish reasons that the provider gave."""
        choices = said.get("choices")
        if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
            raise UnreadableError("choices that are none")
        reasons = {choice.get("index") or 0: choice.get("finish_reason") for choice in choices}
        try:
            piece = self._parser.chunk_parser(said)
        except Exception as error:
            raise no_format(error, begun=self.begun) from error
        self._reported = getattr(piece, "usage", None) or self._reported
        chunk = chunk_of(piece, None, None)
        for choice in chunk.choices:
            reason = reasons.get(choice["index"])
            if not isinstance(reason, str | None):
                raise UnreadableError("a finish reason that is none")
            choice["finish_reason"] = self._reader.read(reason) if reason else None
        told = [choice for choice in chunk.choices if choice["delta"] or choice["finish_reason"]]
        return [Chunk(told)] if told else []

    def end(self) -> Iterator[Chunk]:
        if self._unfinished:
            if not self.begun and (error := _error_alone(self._events.rest)) is not None:
                raise error_in_band(error)
            raise unfinished(begun=self.begun)
        usage, cost = self._prices.of_openai(self._usage, self._tier)
        if self._reported is not None:
            usage, cost = usage_of(self._reported), self._prices.usd(self._reported, self._tier)
        if not usage.estimated:
            yield Chunk([], usage, cost)
        if self._reader.broken is not None:
            raise incomplete(self._reader.broken, begun=self.begun)


def _error_alone(body: bytes) -> Any:
    """The error that came in the place of a stream, as a whole answer's would; None: there is none."""
    if not body.lstrip().startswith(b"{"):
        return None
    return object_of(body).get("error")


def _plain_text(choices: Any) -> str | None:
    """The text of an event that holds nothing else, as almost every one; None where there is more to it."""
    choice = choices[0] if type(choices) is list and len(choices) == 1 else None
    if type(choice) is not dict or choice.get("index") or choice.get("finish_reason") or choice.get("logprobs"):
        return None
    delta = choice.get("delta")
    if type(delta) is not dict or type(text := delta.get("content")) is not str:
        return None
    more = len(delta) > 1 and any(value for name, value in delta.items() if name not in ("role", "content"))
    return None if more else text


def tier_of(said: dict[str, Any]) -> str | None:
    """The service tier that answered."""
    tier = said.get("service_tier")
    return tier if isinstance(tier, str) else None
