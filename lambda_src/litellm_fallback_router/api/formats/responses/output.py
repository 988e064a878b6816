"""An answer's items, in order, and which of them a chat's deltas make grow.

A chat's choice is one message; here a model's thought, its text and each of its calls is an item of its own,
opened, filled and closed by events. A whole answer is one piece of a stream whose events are not sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ..base import Json
from .output_items import (
    COMPLETED,
    IN_PROGRESS,
    INCOMPLETE,
    Call,
    Event,
    Item,
    Message,
    Reasoning,
    TextPart,
    ThoughtPart,
    Told,
)
from .response_object import new_id


class Output:
    """All items of one response. `feed` takes the deltas of a chat's only choice, in order."""

    def __init__(self, named: Callable[[str], Mapping[str, str]], *, summary: bool, encrypted: bool) -> None:
        """`named` gives a called tool's name, and its namespace, of what the model called."""
        self._named = named
        self._summary, self._encrypted = summary, encrypted
        self._items: list[Item] = []
        self._status: list[str] = []
        self._speaking: Message | Reasoning | None = None
        """The item that text goes to; calls are apart, for several may be under way at once."""
        self._calls: dict[int, tuple[int, Call]] = {}

    def adopt(
        self, item: Json, *, done: bool, parts: Sequence[TextPart] = (), thoughts: Sequence[ThoughtPart] = ()
    ) -> None:
        """Take over an item that the caller has from elsewhere. `parts` are those of a message, and `thoughts` those of
        a reasoning item, that is not done."""
        index, item_id = len(self._items), str(item.get("id"))
        made: Message | Reasoning | None = None
        if not done and item.get("type") == "message":
            made = Message(index, item_id, parts)
        elif not done and item.get("type") == "reasoning":
            last = thoughts[-1] if thoughts and not thoughts[-1].closed else None
            before = [thought.text for thought in thoughts if thought is not last]
            summary = all(thought.summary for thought in thoughts)
            text = "" if last is None else last.text
            made = Reasoning(index, summary=summary, encrypted=False, item_id=item_id, text=text, before=before)
        self._items.append(made or Told(item))
        self._status.append(IN_PROGRESS if made else str(item.get("status") or COMPLETED) if done else INCOMPLETE)
        self._speaking = made

    def values(self) -> list[Json]:
        """The items as they are now; those under way are incomplete."""
        pairs = zip(self._items, self._status, strict=True)
        return [item.value(INCOMPLETE if status == IN_PROGRESS else status) for item, status in pairs]

    def feed(self, delta: Mapping[str, Any], logprobs: Any = None) -> Iterator[Event]:
        thought, blocks = delta.get("reasoning_content"), delta.get("thinking_blocks")
        if thought or blocks:
            yield from self._think(thought or "", blocks or [])
        if (text := delta.get("content")) or logprobs:
            yield from self._say(text or "", _tokens(logprobs, "content"))
        if refusal := delta.get("refusal"):
            yield from self._say(refusal, _tokens(logprobs, "refusal"), refusal=True)
        if annotations := delta.get("annotations"):
            yield from self._message_event(lambda message: message.annotate(annotations))
        for call in delta.get("tool_calls") or ():
            yield from self._call(call)

    def close(self, status: str = COMPLETED) -> Iterator[Event]:
        """Ends whatever is under way. `status`: that of the last item, which may have been cut off."""
        self._speaking = None
        self._calls.clear()
        for index, item in enumerate(self._items):
            if self._status[index] == IN_PROGRESS:
                yield from self._end(index, item, status if index == len(self._items) - 1 else COMPLETED)

    def _think(self, text: str, blocks: list[Json]) -> Iterator[Event]:
        item = self._speaking
        if not isinstance(item, Reasoning):
            yield from self._end_speech()
            item = Reasoning(len(self._items), summary=self._summary, encrypted=self._encrypted)
            self._speaking = item
            yield from self._open(item)
        item.keep(blocks)
        if text:
            yield from item.add(text)

    def _say(self, text: str, logprobs: list[Json], *, refusal: bool = False) -> Iterator[Event]:
        yield from self._message_event(lambda message: message.add(text, logprobs, refusal=refusal))

    def _message_event(self, act: Callable[[Message], Iterator[Event]]) -> Iterator[Event]:
        item = self._speaking
        if not isinstance(item, Message):
            yield from self._end_speech()
            item = Message(len(self._items))
            self._speaking = item
            yield from self._open(item)
        yield from act(item)

    def _call(self, call: Mapping[str, Any]) -> Iterator[Event]:
        index = call.get("index", len(self._calls))
        custom = call.get("type") == "custom" or call.get("custom") is not None
        body = call.get("custom" if custom else "function") or {}
        if index not in self._calls:
            yield from self._end_speech()
            named = self._named(body.get("name") or "")
            made = Call(len(self._items), call_id=call.get("id") or new_id("call"), named=named, custom=custom)
            self._calls[index] = len(self._items), made
            yield from self._open(made)
        yield from self._calls[index][1].add(body.get("input" if custom else "arguments") or "")

    def _open(self, item: Item) -> Iterator[Event]:
        place = len(self._items)
        self._items.append(item)
        self._status.append(IN_PROGRESS)
        yield "response.output_item.added", {"output_index": place, "item": item.value(IN_PROGRESS)}

    def _end_speech(self) -> Iterator[Event]:
        if self._speaking is not None:
            index = self._items.index(self._speaking)
            self._speaking = None
            yield from self._end(index, self._items[index], COMPLETED)

    def _end(self, index: int, item: Item, status: str) -> Iterator[Event]:
        yield from item.closed()
        self._status[index] = status
        yield "response.output_item.done", {"output_index": index, "item": item.value(status)}


def _tokens(logprobs: Any, kind: str) -> list[Json]:
    """A chat's logprobs, with what an item's must have. Entries of other shapes, as some servers send, are left out."""
    given = logprobs.get(kind) if isinstance(logprobs, Mapping) else None
    return [
        {**_token(one), "top_logprobs": [_token(top) for top in _objects(one.get("top_logprobs"))]}
        for one in _objects(given)
    ]


def _token(token: Mapping[str, Any]) -> Json:
    return {**token, "bytes": token.get("bytes") or []}


def _objects(given: Any) -> list[Mapping[str, Any]]:
    return [one for one in given if isinstance(one, Mapping)] if isinstance(given, list) else []
