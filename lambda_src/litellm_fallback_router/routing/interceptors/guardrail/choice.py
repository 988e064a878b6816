"""One choice of a stream under a guardrail: what is held back, and when it is released.

Text is released window by window, each field's in windows of its own. Tool calls are checked whole. What else a
provider sends (signed thinking, sound, citations, logprobs) spells the text out a second time: it comes at the end, if
nothing was masked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from ...continuation import is_structured
from ...request import texts_in
from ...types import Chunk
from ..protocol import Release
from .session import GuardrailSession
from .windows import Windows

TEXT = ("reasoning_content", "content", "refusal")


class CheckedChoice:
    """`take` each chunk's part of the choice, then `finish`."""

    def __init__(self, index: int, size: int | None, session: GuardrailSession) -> None:
        """`size`: characters of a window; None: all is held to the end."""
        self._index = index
        self._session = session
        self._time = session.execution.end
        self._windows = {name: Windows(size) for name in TEXT}
        """By field: its text stays one text, whatever comes of another field in between."""
        if is_structured(session.execution.request):
            # JSON is read whole: a part of it hides words behind escapes, and may be none once it was masked.
            self._windows["content"] = Windows(None)
        self._calls = _Calls()
        self._other: dict[str, list[Any]] = {}
        self._logprobs: list[Any] = []
        self._masked = False
        self._finish_reason: str | None = None

    async def take(self, choice: Mapping[str, Any], release: Release) -> None:
        """Add a chunk's part of the choice; release what was checked by then."""
        if choice.get("logprobs"):
            self._logprobs.append(choice["logprobs"])
        self._finish_reason = choice.get("finish_reason") or self._finish_reason
        delta: Mapping[str, Any] = choice["delta"]
        for name in TEXT:
            if text := delta.get(name):
                await self._text(name, text, release)
        for call in delta.get("tool_calls") or ():
            self._calls.add(call.get("index", 0), call)
        if call := delta.get("function_call"):
            self._calls.add(None, {"function": call})
        for name, value in delta.items():
            if name not in (*TEXT, "role", "tool_calls", "function_call") and value:
                self._other.setdefault(name, []).append(value)

    async def finish(self, release: Release) -> None:
        """Release the rest, with the finish reason at its end."""
        await self._held(release)
        await self._tool_calls(release)
        await self._other_fields(release)
        if self._finish_reason:
            release(self._chunk({}, self._finish_reason))

    async def _text(self, name: str, text: str, release: Release) -> None:
        windows = self._windows[name]
        windows.feed(text)
        while (window := windows.due) is not None:
            before = windows.pending
            released = await self._session.window(windows, window, self._time)
            if released:
                gone = before[: len(before) - len(windows.pending)]
                self._masked = self._masked or released != gone
                release(self._chunk({name: released}))

    async def _held(self, release: Release) -> None:
        """Release what is left of every field, once all of it was checked."""
        left = {name: windows.pending for name, windows in self._windows.items() if windows.pending}
        texts = await self._check(list(left.values()), json=is_structured(self._session.execution.request))
        for name, text in zip(left, texts, strict=True):
            release(self._chunk({name: text}))

    async def _tool_calls(self, release: Release) -> None:
        arguments = await self._check(self._calls.arguments, json=True)
        for delta in self._calls.deltas(arguments):
            release(self._chunk(delta))

    async def _other_fields(self, release: Release) -> None:
        if not self._other and not self._logprobs:
            return
        # A fragment says nothing, so each field is read as one text.
        await self._check(["".join(texts_in(pieces)) for pieces in self._other.values()])
        if self._masked:
            return
        for name, pieces in self._other.items():
            for piece in pieces:
                release(self._chunk({name: piece}))
        for logprobs in self._logprobs:
            release(Chunk([{"index": self._index, "delta": {}, "finish_reason": None, "logprobs": logprobs}]))

    async def _check(self, texts: list[str], *, json: bool = False) -> list[str]:
        """`json`: those that are JSON must stay it."""
        if not texts:
            return []
        ask = self._session.json if json else partial(self._session.texts, "output")
        checked = await ask(texts, self._time)
        self._masked = self._masked or checked != texts
        return checked

    def _chunk(self, delta: dict[str, Any], finish_reason: str | None = None) -> Chunk:
        return Chunk([{"index": self._index, "delta": delta, "finish_reason": finish_reason}])


class _Calls:
    """Tool calls, put together from their fragments."""

    def __init__(self) -> None:
        self._calls: dict[int | None, dict[str, Any]] = {}
        """By index; None is the one `function_call` of old."""

    def add(self, index: int | None, piece: Mapping[str, Any]) -> None:
        call = self._calls.setdefault(index, {})
        for name, value in piece.items():
            if name in ("function", "custom"):
                inner = call.setdefault(name, {})
                for field, text in value.items():
                    if text:
                        inner[field] = inner.get(field, "") + text
            elif value is not None:
                call[name] = value

    @property
    def arguments(self) -> list[str]:
        return [text for call in self._calls.values() for _, _, text in _spoken(call)]

    def deltas(self, arguments: Iterable[str]) -> list[dict[str, Any]]:
        """One for each call, with these arguments."""
        checked, deltas = iter(arguments), []
        for index, call in self._calls.items():
            for kind, field, _ in list(_spoken(call)):
                call[kind] = {**call[kind], field: next(checked)}
            deltas.append({"function_call": call["function"]} if index is None else {"tool_calls": [call]})
        return deltas


def _spoken(call: Mapping[str, Any]) -> Iterable[tuple[str, str, str]]:
    """What the model wrote into a call: where, and the text."""
    for kind in ("function", "custom"):
        for field, text in call.get(kind, {}).items():
            if field != "name" and isinstance(text, str):
                yield kind, field, text
