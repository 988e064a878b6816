"""Reasoning items: what a model thought before it answered.

A model's thought goes back only to the deployment that had it: signatures and encrypted content are of no use to
others, which refuse them. What is handed out says therefore whose it is, inside `encrypted_content`, which clients
return as they got it; an item's `id` many of them leave out.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..notes import Notes

MARK = "lfr1."
"""Before what this gateway packed itself."""


@dataclass(frozen=True, slots=True)
class Thoughts:
    """Of one reasoning item."""

    blocks: list[dict[str, Any]]
    """As chat messages have them in `thinking_blocks`."""

    @classmethod
    def of(cls, item: Mapping[str, Any], path: str, notes: Notes) -> Thoughts | None:
        """None: nothing of it has a place in a chat."""
        for name in ("summary", "content"):
            if item.get(name):
                notes.drop(f"{path}.{name}")
        packed = item.get("encrypted_content")
        if packed is None:
            return None
        blocks = unpacked(packed)
        if blocks is None:
            notes.pin(f"{path}.encrypted_content", "reasoning that OpenAI encrypted")
            return None
        return cls(blocks)


def packed(blocks: Sequence[Mapping[str, Any]]) -> str:
    """`encrypted_content` for thinking blocks."""
    return MARK + base64.urlsafe_b64encode(json.dumps(list(blocks)).encode()).decode()


def unpacked(content: Any) -> list[dict[str, Any]] | None:
    """The thinking blocks in it; None where it is not of this gateway's making."""
    if not isinstance(content, str) or not content.startswith(MARK):
        return None
    try:
        blocks = json.loads(base64.urlsafe_b64decode(content.removeprefix(MARK)))
    except (binascii.Error, ValueError):
        return None
    return blocks if isinstance(blocks, list) and all(isinstance(one, dict) for one in blocks) else None
