"""The content blocks of a message that is being streamed: which are open, and what index the next one has."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..base import Json


@dataclass(slots=True)
class _Block:
    """One that is open."""

    index: int
    kind: str
    signature: str = ""
    """For a thought: what is given out where the model gives none; empty: it has one."""
    written: str = ""
    """For a call: its arguments so far."""

    def delta(self, said: Json) -> Json:
        return {"type": "content_block_delta", "index": self.index, "delta": said}

    @property
    def whole(self) -> bool:
        """For a call: nothing could follow."""
        try:
            return isinstance(json.loads(self.written), dict)
        except (ValueError, RecursionError):
            return False


class OpenBlocks:
    """Opens, fills and closes them. One is open at a time, but for calls whose arguments come side by side."""

    def __init__(self) -> None:
        self.called = False
        self._next = 0
        self._open: list[_Block] = []
        self._calls: dict[int, _Block] = {}
        """By the call's index in a chat."""

    def note(self, event: Mapping[str, Any], unsigned: str) -> None:
        """A block was opened, signed or closed natively. `unsigned`: the signature of a thought that breaks off."""
        index = int(event["index"])
        if event["type"] == "content_block_start":
            self._next = index + 1
            kind = str(event["content_block"].get("type"))
            self._open.append(_Block(index, kind, unsigned if kind == "thinking" else ""))
        elif event["type"] == "content_block_stop":
            self._open = [block for block in self._open if block.index != index]
        elif event["delta"].get("type") == "signature_delta":
            for block in self._open:
                block.signature = ""

    def text(self, text: str) -> Iterator[Json]:
        block = self._open[-1] if self._open else None
        if block is None or block.kind != "text":
            yield from self.close_all()
            block, start = self._opened({"type": "text", "text": ""})
            yield start
        yield block.delta({"type": "text_delta", "text": text})

    def thought(self, said: Mapping[str, Any], unsigned: str) -> Iterator[Json]:
        """A piece of a thought. `unsigned`: the signature of one that gets none."""
        if said.get("type") == "redacted_thinking":
            yield from self.close_all()
            yield self._opened({"type": "redacted_thinking", "data": said.get("data") or ""})[1]
            yield from self.close_all()
            return
        block = self._open[-1] if self._open else None
        if block is None or block.kind != "thinking":
            yield from self.close_all()
            block, start = self._opened({"type": "thinking", "thinking": "", "signature": ""})
            block.signature = unsigned
            yield start
        if words := said.get("thinking"):
            yield block.delta({"type": "thinking_delta", "thinking": words})
        if signature := said.get("signature"):
            block.signature = ""
            yield block.delta({"type": "signature_delta", "signature": signature})
            yield from self.close_all()

    def call(self, piece: Mapping[str, Any]) -> Iterator[Json]:
        """A piece of a call of a tool."""
        index, function = piece.get("index", 0), piece.get("function") or {}
        block = self._calls.get(index)
        if block is None:
            yield from self._close([block for block in self._open if block.kind != "tool_use" or block.whole])
            name = function.get("name") or ""
            opened: Json = {"type": "tool_use", "id": piece.get("id") or f"toolu_gw_{index}", "name": name, "input": {}}
            block, start = self._opened(opened)
            self._calls[index] = block
            self.called = True
            yield start
        if arguments := function.get("arguments"):
            block.written += arguments
            yield block.delta({"type": "input_json_delta", "partial_json": arguments})

    def close_all(self) -> Iterator[Json]:
        yield from self._close(list(self._open))

    def _close(self, blocks: list[_Block]) -> Iterator[Json]:
        for block in blocks:
            self._open.remove(block)
            if block.kind == "thinking" and block.signature:
                yield block.delta({"type": "signature_delta", "signature": block.signature})
            yield {"type": "content_block_stop", "index": block.index}

    def _opened(self, content: Json) -> tuple[_Block, Json]:
        block = _Block(self._next, content["type"])
        self._next += 1
        self._open.append(block)
        return block, {"type": "content_block_start", "index": block.index, "content_block": content}
