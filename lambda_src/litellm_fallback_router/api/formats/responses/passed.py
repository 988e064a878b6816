"""Events that a provider of this API sent, passed on as they came, and what is remembered of them: a stream that breaks
goes on in its own ids and numbers, whichever deployment continues it.

What must be changed is the mark on encrypted reasoning (`thoughts`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ....routing.types import Deployment, NativeEvent
from ...wire import encode
from ..base import Json
from .output import Output
from .output_items import TextPart, ThoughtPart
from .response_object import ResponseObject
from .thoughts import with_origins

ENDS = frozenset({"response.completed", "response.incomplete"})
TEXTS = frozenset(
    {
        *("response.output_text.delta", "response.refusal.delta"),
        *("response.reasoning_summary_text.delta", "response.reasoning_text.delta"),
    }
)
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
        self._thoughts: dict[int, list[ThoughtPart]] = {}
        """Of reasoning items that are not done."""

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

    def taken_over(self, output: Output) -> ResponseObject:
        """The response so far, into `output`, and the response object around it."""
        for index in sorted(self._items):
            done = index in self._done
            parts, thoughts = self._parts.get(index, ()), self._thoughts.get(index, ())
            output.adopt(self._items[index], done=done, parts=parts, thoughts=thoughts)
        return ResponseObject.of(self._response)

    def _remember(self, said: Mapping[str, Any]) -> None:
        number, kind, index = said.get("sequence_number"), said.get("type"), said.get("output_index")
        self.next_number = (number if isinstance(number, int) else self.next_number) + 1
        if isinstance(response := said.get("response"), dict):
            self._response = response
        if not isinstance(index, int):
            return
        item = said.get("item")
        if kind in ("response.output_item.added", "response.output_item.done") and isinstance(item, dict):
            self._items[index] = item
            if kind.endswith("done"):
                self._done.add(index)
        else:
            self._remember_part(str(kind), said, index)

    def _remember_part(self, kind: str, said: Mapping[str, Any], index: int) -> None:
        part, thinks = said.get("part"), self._items.get(index, {}).get("type") == "reasoning"
        if kind in ("response.content_part.added", "response.reasoning_summary_part.added") and isinstance(part, dict):
            if thinks:
                self._thoughts.setdefault(index, []).append(ThoughtPart(part.get("type") == "summary_text"))
            else:
                self._parts.setdefault(index, []).append(TextPart(part.get("type") == "refusal"))
        elif kind in ("response.content_part.done", "response.reasoning_summary_part.done") and thinks:
            for thought in self._thoughts.get(index, ()):
                thought.closed = True
        elif kind in TEXTS and (parts := self._thoughts.get(index) if thinks else self._parts.get(index)):
            parts[-1].text += str(said.get("delta"))


def as_event(name: str, data: bytes) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + data + b"\n\n"
