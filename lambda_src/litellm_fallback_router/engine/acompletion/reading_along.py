"""Reads the provider's finish reasons during LiteLLM's public call, which replaces them by its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from ..finishing import FinishReader
from ..wire import UnreadableError

_READER: ContextVar[FinishReader | None] = ContextVar("finish_reader", default=None)


def current_reader() -> FinishReader | None:
    """The reader of the call that this task makes; None: the call is not the engine's."""
    return _READER.get()


@contextmanager
def reading(reader: FinishReader) -> Iterator[None]:
    """Whatever LiteLLM parses meanwhile in this task is read along by `reader`."""
    token = _READER.set(reader)
    try:
        yield
    finally:
        _READER.reset(token)


class _Read(dict[str, str]):
    """LiteLLM's table of finish reasons: its own for calls of other code, the deployment's for the engine's."""

    def get(self, reason: Any, default: Any = None) -> Any:
        reader = _READER.get()
        if reader is None or reason == "":
            return super().get(reason, default)
        if not isinstance(reason, str):
            raise UnreadableError("a finish reason that is no string")
        return reader.read(reason)


def read_along(library: Any) -> None:
    """LiteLLM gives an answer of Anthropic's without a stop reason a `stop`, too: it is no answer, as in a stream.

    Bedrock's without a stopReason is an error already.
    """
    core = library.litellm_core_utils.core_helpers
    core._FINISH_REASON_MAP = _Read(core._FINISH_REASON_MAP)
    anthropic = library.llms.anthropic.chat
    mapped = core.map_finish_reason

    def reason_of(said: str | None) -> Any:
        if said is None:
            raise UnreadableError("no stop_reason")
        return mapped(said)

    def reason_in_stream(finish_reason: str) -> Any:
        # Its word for none; Anthropic has no such reason.
        return "" if finish_reason == "stop" else mapped(finish_reason)

    anthropic.transformation.map_finish_reason = reason_of
    anthropic.handler.map_finish_reason = reason_in_stream
    _read_googles(library, mapped)
    _read_ends(library)


def _read_googles(library: Any, mapped: Callable[[str], Any]) -> None:
    """LiteLLM gives every chunk of Gemini's without a finishReason a `stop`, and one with a tool call `tool_calls`,
    whatever Gemini sends: a stream would be complete with its first chunk, and a call that is cut off a whole one.
    """
    gemini = library.VertexGeminiConfig
    own = gemini._check_finish_reason

    def reason_of(message: Any, said: Any) -> Any:
        if (reader := _READER.get()) is None:
            return own(message, said)
        if said in (None, ""):
            if reader.streamed:
                return None
            raise UnreadableError("no finishReason")
        reason = mapped(said)
        called = (kind for kind in ("function_call", "tool_calls") if message and message.get(kind))
        return next(called, reason) if reason == "stop" else reason

    gemini._check_finish_reason = staticmethod(reason_of)


def _read_ends(library: Any) -> None:
    """LiteLLM takes every event that has `[DONE]` anywhere in it for the end, what a model writes included, and makes
    a `stop` of it. Only alone it is one, and in OpenAI's format, whose events have `choices`, it is no finish reason.
    """
    events = library.llms.base_llm.base_model_iterator.BaseModelResponseIterator
    own = events._handle_string_chunk

    def read(self: Any, str_line: str) -> Any:
        if "[DONE]" not in str_line:
            self.has_choices = '"choices"' in str_line or getattr(self, "has_choices", False)
            return own(self, str_line)
        if (said := events._string_to_dict_parser(str_line)) is not None:
            return self.chunk_parser(chunk=said)
        reader = _READER.get()
        unsaid = reader is not None and reader.last is None and getattr(self, "has_choices", False)
        return own(self, "" if unsaid else str_line)

    events._handle_string_chunk = read
