"""A stream put together to the whole answer that it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ...types import Chunk
from ..protocol import Choices

TEXTS = ("content", "reasoning_content", "refusal")
"""Fields of a message that come in pieces of text."""


class StreamAccumulator:
    """One stream, as far as its hooks have seen it; nothing any more once it is larger than it may be."""

    def __init__(self, most: int, *, native: bool) -> None:
        """`most`: bytes. `native`: the provider's own events are kept as they come."""
        self._left = most
        self._native = native
        self._choices: dict[int, dict[str, Any]] = {}
        self._pieces: list[Chunk] = []
        self._whole = True
        """False once it has held what cannot be put together."""

    @property
    def too_large(self) -> bool:
        return self._left < 0

    @property
    def pieces(self) -> list[Chunk] | None:
        """All of it, where it holds events of the provider's own; None: the choices say all."""
        return self._pieces if any(piece.native for piece in self._pieces) else None

    @property
    def complete(self) -> bool:
        """True where nothing of it is missing from `choices`, or it is kept piece by piece."""
        return self._whole or self.pieces is not None

    @property
    def choices(self) -> Choices:
        return [self._choices[index] for index in sorted(self._choices)]

    def add(self, chunk: Chunk) -> None:
        self._left -= sum(len(event.data) for event in chunk.native)
        for choice in chunk.choices:
            self._add(choice)
        if self.too_large:
            self._choices, self._pieces = {}, []
        elif self._native:
            self._pieces.append(chunk)

    def _add(self, choice: Mapping[str, Any]) -> None:
        index = choice.get("index", 0)
        if (whole := self._choices.get(index)) is None:
            message = {"role": "assistant", "content": "", "refusal": None}
            whole = {"index": index, "message": message, "finish_reason": None, "logprobs": None}
            self._choices[index] = whole
        whole["finish_reason"] = choice.get("finish_reason") or whole["finish_reason"]
        for name, value in choice["delta"].items():
            if not value or name == "role":
                continue
            if name in TEXTS and isinstance(value, str):
                self._left -= len(value)
                whole["message"][name] = (whole["message"].get(name) or "") + value
            else:
                self._left -= len(json.dumps(value))
                whole["message"][name] = value
                self._whole = False
        for name, values in (choice.get("logprobs") or {}).items():
            self._left -= len(json.dumps(values))
            whole["logprobs"] = whole["logprobs"] or {}
            whole["logprobs"][name] = [*(whole["logprobs"].get(name) or ()), *(values or ())]
