"""The finish reason as the provider sent it. LiteLLM makes a `stop` of every reason it does not know, of some that it
does (`error`), and of none at all; so whoever asks through it reads along.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from ...routing.finish_reasons import OPENAIS, FinishReasons
from .wire import UnreadableError


class FinishReader:
    """Reads one answer's finish reasons."""

    def __init__(self, reasons: FinishReasons, *, streamed: bool = False) -> None:
        self._reasons = reasons
        self.streamed = streamed
        """In a stream most chunks have none."""
        self.broken: str | None = None
        """The first reason that means that the answer is not complete."""
        self.last: str | None = None
        """The last reason, in OpenAI's word; None: there has been none."""
        self.on_read: Callable[[], None] | None = None
        """Called at each."""
        self.unsaid = False
        """A choice of a whole answer in OpenAI's format came without a reason, of which LiteLLM makes a `stop`."""

    def read_body(self, body: bytes) -> None:
        """Look through a whole answer as the provider sent it. One that is not in OpenAI's format says nothing here."""
        try:
            choices = json.loads(body)["choices"]
            self.unsaid = any(not (one.get("finish_reason") or one.get("finish_details")) for one in choices)
        except (ValueError, LookupError, TypeError, AttributeError):
            return

    def read(self, reason: str) -> str:
        """OpenAI's word for it. It may be one already, since LiteLLM reads some reasons twice."""
        said = self._reasons.as_openai(reason) or (reason if reason in OPENAIS else None)
        if said is None:
            self.broken = self.broken or reason
            said = "stop"
        self.last = said
        if self.on_read is not None:
            self.on_read()
        return said


_READER: ContextVar[FinishReader | None] = ContextVar("finish_reader", default=None)


def current_reader() -> FinishReader | None:
    """The reader of the call that this task makes; None: it is nobody's of ours."""
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
    """LiteLLM's table of finish reasons: its own for calls of somebody else's, the deployment's for ours."""

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
    whatever Gemini says: a stream would be complete with its first chunk, and a call that is cut off a whole one.
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
