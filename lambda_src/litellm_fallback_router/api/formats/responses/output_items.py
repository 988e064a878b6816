"""The items of a response: a model's text, thought and calls, each with the events by which it grows.

Source: OpenAI, "Streaming events", and the SDK's types `ResponseStreamEvent`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..base import Json
from .response_object import new_id
from .thoughts import packed

Event = tuple[str, Json]
"""Its type, and its fields but for type and sequence number."""
IN_PROGRESS, COMPLETED, INCOMPLETE = "in_progress", "completed", "incomplete"


class Item(Protocol):
    def value(self, status: str) -> Json:
        """The item as it is now."""
        ...

    def closed(self) -> Iterator[Event]:
        """The events that end its parts."""
        ...


@dataclass(slots=True)
class ThoughtPart:
    """A part of a reasoning item whose events a provider has sent."""

    summary: bool
    text: str = ""
    closed: bool = False


@dataclass(slots=True)
class TextPart:
    """Text or a refusal in a message."""

    refusal: bool
    text: str = ""
    logprobs: list[Json] = field(default_factory=list)
    annotations: list[Json] = field(default_factory=list)

    def value(self) -> Json:
        if self.refusal:
            return {"type": "refusal", "refusal": self.text}
        return {
            "type": "output_text",
            "text": self.text,
            "annotations": self.annotations,
            "logprobs": self.logprobs,
        }


class Message:
    """The model's text."""

    def __init__(self, index: int, item_id: str | None = None, parts: Sequence[TextPart] = ()) -> None:
        self._id = item_id or new_id("msg")
        self._index = index
        self._parts = list(parts)

    def value(self, status: str) -> Json:
        content = [part.value() for part in self._parts]
        return {"id": self._id, "type": "message", "role": "assistant", "status": status, "content": content}

    def add(self, text: str, logprobs: list[Json], *, refusal: bool = False) -> Iterator[Event]:
        if not self._parts or self._parts[-1].refusal is not refusal:
            yield from self._close_part()
            self._parts.append(TextPart(refusal))
            yield "response.content_part.added", {**self._place(), "part": self._parts[-1].value()}
        part = self._parts[-1]
        part.text += text
        part.logprobs += logprobs
        if refusal:
            yield "response.refusal.delta", {**self._place(), "delta": text}
        else:
            brief = [_brief(one) for one in logprobs]
            yield "response.output_text.delta", {**self._place(), "delta": text, "logprobs": brief}

    def annotate(self, annotations: list[Any]) -> Iterator[Event]:
        if not self._parts:
            yield from self.add("", [])
        part = self._parts[-1]
        for given in annotations:
            annotation = _annotation(given)
            place = {**self._place(), "annotation_index": len(part.annotations)}
            part.annotations.append(annotation)
            yield "response.output_text.annotation.added", {**place, "annotation": annotation}

    def closed(self) -> Iterator[Event]:
        yield from self._close_part()

    def _close_part(self) -> Iterator[Event]:
        if not self._parts:
            return
        part = self._parts[-1]
        if part.refusal:
            yield "response.refusal.done", {**self._place(), "refusal": part.text}
        else:
            brief = [_brief(one) for one in part.logprobs]
            yield "response.output_text.done", {**self._place(), "text": part.text, "logprobs": brief}
        yield "response.content_part.done", {**self._place(), "part": part.value()}

    def _place(self) -> Json:
        return {"item_id": self._id, "output_index": self._index, "content_index": len(self._parts) - 1}


class Reasoning:
    """The model's thought: as a summary where one is requested, else as it is."""

    def __init__(
        self,
        index: int,
        *,
        summary: bool,
        encrypted: bool,
        item_id: str | None = None,
        text: str = "",
        before: Sequence[str] = (),
    ) -> None:
        """`before`: texts of its parts that are closed already."""
        self._id = item_id or new_id("rs")
        self._index = index
        self._summary = summary
        self._encrypted = encrypted
        self._text = text
        self._before = list(before)
        self._blocks: list[Json] = []

    def value(self, status: str) -> Json:
        said = [self._part(text) for text in (*self._before, *([self._text] if self._text else ()))]
        item: Json = {"id": self._id, "type": "reasoning", "summary": said if self._summary else [], "status": status}
        if not self._summary and said:
            item["content"] = said
        if self._encrypted and status != IN_PROGRESS:
            item["encrypted_content"] = packed(self._blocks) if self._blocks else None
        return item

    def add(self, text: str) -> Iterator[Event]:
        if not self._text:
            kind = "response.reasoning_summary_part.added" if self._summary else "response.content_part.added"
            yield kind, {**self._place(), "part": self._part("")}
        self._text += text
        kind = "response.reasoning_summary_text.delta" if self._summary else "response.reasoning_text.delta"
        yield kind, {**self._place(), "delta": text}

    def keep(self, blocks: list[Json]) -> None:
        """Signed thoughts come in pieces: words first, then the signature that ends a block."""
        for block in blocks:
            last = self._blocks[-1] if self._blocks else None
            grows = last is not None and last["type"] == block.get("type") == "thinking" and not last.get("signature")
            if last is None or not grows:
                self._blocks.append(dict(block))
                continue
            last["thinking"] = (last.get("thinking") or "") + (block.get("thinking") or "")
            if block.get("signature"):
                last["signature"] = block["signature"]

    def closed(self) -> Iterator[Event]:
        if not self._text:
            return
        text, part = {**self._place(), "text": self._text}, {**self._place(), "part": self._part(self._text)}
        if self._summary:
            yield "response.reasoning_summary_text.done", text
            yield "response.reasoning_summary_part.done", part
        else:
            yield "response.reasoning_text.done", text
            yield "response.content_part.done", part

    def _part(self, text: str) -> Json:
        return {"type": "summary_text" if self._summary else "reasoning_text", "text": text}

    def _place(self) -> Json:
        within = "summary_index" if self._summary else "content_index"
        return {"item_id": self._id, "output_index": self._index, within: len(self._before)}


class Call:
    """A call of a tool: of a function, or of one that takes free text."""

    def __init__(self, index: int, *, call_id: str, named: Mapping[str, str], custom: bool) -> None:
        self._id = new_id("ctc" if custom else "fc")
        self._index = index
        self._call_id = call_id
        self._named = named
        self._custom = custom
        self._written = ""

    def value(self, status: str) -> Json:
        kind, written = ("custom_tool_call", "input") if self._custom else ("function_call", "arguments")
        return {
            "id": self._id,
            "type": kind,
            "status": status,
            "call_id": self._call_id,
            **self._named,
            written: self._written,
        }

    def add(self, text: str) -> Iterator[Event]:
        if text:
            self._written += text
            yield f"{self._events}.delta", {**self._place(), "delta": text}

    def closed(self) -> Iterator[Event]:
        if self._custom:
            yield f"{self._events}.done", {**self._place(), "input": self._written}
        else:
            named = {"name": self._named["name"], "arguments": self._written}
            yield f"{self._events}.done", {**self._place(), **named}

    @property
    def _events(self) -> str:
        return "response.custom_tool_call_input" if self._custom else "response.function_call_arguments"

    def _place(self) -> Json:
        return {"item_id": self._id, "output_index": self._index}


class Told:
    """An item whose events a provider has sent."""

    def __init__(self, item: Json) -> None:
        self._item = item

    def value(self, status: str) -> Json:
        return {**self._item, "status": status} if "status" in self._item else self._item

    def closed(self) -> Iterator[Event]:
        yield from ()


def _brief(token: Json) -> Json:
    """As deltas have it: without bytes."""
    tops = [{"token": one.get("token"), "logprob": one.get("logprob")} for one in token["top_logprobs"]]
    return {"token": token.get("token"), "logprob": token.get("logprob"), "top_logprobs": tops}


def _annotation(given: Any) -> Json:
    """Chat completions have a citation's fields one level down, under its type."""
    kind = given.get("type") if isinstance(given, Mapping) else None
    inner = given.get(kind) if kind else None
    return {"type": kind, **inner} if isinstance(inner, Mapping) else dict(given)
