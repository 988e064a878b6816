"""A stream as Anthropic's events: as Claude sent them where it did, else made of a chat's chunks.

Source: Anthropic, "Streaming messages".
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping
from typing import Any

from ....routing.router import ChatStream
from ....routing.types import Chunk, Deployment, NativeEvent
from ...wire import encode, is_reported, routing_report
from ..base import Json
from .answer import ended, envelope, foreign_signature, usage_of
from .open_blocks import OpenBlocks

BLOCKS = frozenset({"content_block_start", "content_block_delta", "content_block_stop"})
STOPPED = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
PING = b'event: ping\ndata: {"type":"ping"}\n\n'


class EventWriter:
    """The events of one stream. Where a part of it does not come natively, the indices of its blocks go on."""

    def __init__(self) -> None:
        self._begun = False
        self._blocks = OpenBlocks()
        self._reason: str | None = None
        self._refusal = ""
        self._unsigned = False
        """Thoughts come as words alone. Under a guardrail their blocks come after the text, where no signature can
        follow any more."""
        self._end: NativeEvent | None = None
        """Claude's own, held back until it is known that the stream is whole."""

    async def events(self, stream: ChatStream, first: Deployment) -> AsyncGenerator[bytes, None]:
        async for chunk in stream:
            for written in self._native(chunk, first.model) if chunk.native else self._translated(chunk, first.model):
                yield written
        for event in self._blocks.close_all():
            yield _written(event)
        result = stream.result
        if not self._begun:
            yield self._start(first.model)
        report: Json = {}
        if is_reported(result, explain=stream.request.constraints.explain):
            report = {"router": routing_report(result)}
        if self._end is not None and not report:
            yield _sent(self._end)
        elif self._end is not None:
            yield _written({**self._end.said, **report})
        else:
            end = ended(self._reason, called=self._blocks.called, refusal=self._refusal)
            yield _written({"type": "message_delta", "delta": end, "usage": usage_of(result.usage), **report})
        yield STOPPED

    def _native(self, chunk: Chunk, model: str) -> Iterator[bytes]:
        for event in chunk.native:
            kind = event.said.get("type")
            if kind == "message_delta":
                self._end = event
                continue
            if kind == "message_start":
                self._begun = True
            elif kind in BLOCKS:
                self._blocks.note(event.said, foreign_signature(model))
            yield _sent(event)

    def _translated(self, chunk: Chunk, model: str) -> Iterator[bytes]:
        self._end = None
        if not self._begun:
            yield self._start(model)
        for choice in chunk.choices:
            for event in self._said(choice["delta"], model):
                yield _written(event)
            self._reason = choice.get("finish_reason") or self._reason

    def _start(self, model: str) -> bytes:
        self._begun = True
        return _written({"type": "message_start", "message": envelope(model)})

    def _said(self, delta: Mapping[str, Any], model: str) -> Iterator[Json]:
        blocks, thought = delta.get("thinking_blocks"), delta.get("reasoning_content")
        if blocks and not self._unsigned:
            for block in blocks:
                yield from self._blocks.thought(block, foreign_signature(model))
        elif thought:
            self._unsigned = True
            yield from self._blocks.thought({"thinking": thought}, foreign_signature(model))
        if text := delta.get("content"):
            yield from self._blocks.text(text)
        if refusal := delta.get("refusal"):
            self._refusal += refusal
            yield from self._blocks.text(refusal)
        for call in delta.get("tool_calls") or ():
            yield from self._blocks.call(call)


def _sent(event: NativeEvent) -> bytes:
    """As it came."""
    return b"event: " + str(event.said["type"]).encode() + b"\ndata: " + event.data + b"\n\n"


def _written(event: Mapping[str, Any]) -> bytes:
    return b"event: " + str(event["type"]).encode() + b"\ndata: " + encode(event) + b"\n\n"
