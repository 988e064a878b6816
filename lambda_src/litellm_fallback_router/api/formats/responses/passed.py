"""Events that a provider of this API sent, passed on as they came, and what is remembered of them: a stream that breaks
goes on in its own ids and numbers, whoever continues it.

What must be changed is the mark on encrypted reasoning (`thoughts`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ....routing.types import Deployment, NativeEvent
from ...wire import encode
from ..base import Json
from .frame import Frame
from .output import Output
from .output_items import TextPart
from .thoughts import with_origins

ENDS = frozenset({"response.completed", "response.incomplete"})
ENCRYPTED = b'"encrypted_content"'


class PassedEvents:
    """One stream's, as far as the caller has them."""

    def __init__(self, maker: Deployment) -> None:
        self._maker = maker
        self.next_number = 0
        self.end: Json | None = None
        """Its last event, which waits until it is known how the answer came about."""
        self._response: Mapping[str, Any] = {}
        self._items: dict[int, Json] = {}
        self._done: set[int] = set()
        self._parts: dict[int, list[TextPart]] = {}
        """Of messages that are not done."""

    def passed(self, event: NativeEvent) -> bytes:
        """The event for the caller; nothing where it is the last."""
        said: Mapping[str, Any] = event.said
        data = event.data
        if ENCRYPTED in data:
            said = with_origins(dict(said), self._maker)
            data = encode(said)
        self._remember(said)
        if said.get("type") in ENDS:
            self.end = dict(said)
            return b""
        return as_event(str(said.get("type")), data)

    def taken_over(self, output: Output) -> Frame:
        """The response so far, into `output`, and the frame around it."""
        for index in sorted(self._items):
            done = index in self._done
            output.adopt(self._items[index], done=done, parts=self._parts.get(index, ()))
        return Frame.of(self._response)

    def _remember(self, said: Mapping[str, Any]) -> None:
        number, kind, index = said.get("sequence_number"), said.get("type"), said.get("output_index")
        self.next_number = (number if isinstance(number, int) else self.next_number) + 1
        if isinstance(response := said.get("response"), dict):
            self._response = response
        if not isinstance(index, int):
            return
        item, part = said.get("item"), said.get("part")
        if kind in ("response.output_item.added", "response.output_item.done") and isinstance(item, dict):
            self._items[index] = item
            if kind.endswith("done"):
                self._done.add(index)
                self._parts.pop(index, None)
        elif kind == "response.content_part.added" and isinstance(part, dict):
            self._parts.setdefault(index, []).append(TextPart(part.get("type") == "refusal"))
        elif kind in ("response.output_text.delta", "response.refusal.delta") and self._parts.get(index):
            self._parts[index][-1].text += str(said.get("delta"))


def as_event(name: str, data: bytes) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + data + b"\n\n"
