"""Reasoning items: what a model thought before it answered.

Claude signs its thoughts, and takes them back, at whichever provider. They travel in an item's
`encrypted_content`, as OpenAI's own do: clients return that as they got it.

Source: Anthropic, "Extended thinking", on signatures across platforms.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from typing import Any

from ....routing.adaptation import marked, origin_of, unmarked
from ....routing.types import Deployment
from ..notes import Notes

CLAUDE = "claude"
"""As a maker of thoughts."""


def blocks_of(item: Mapping[str, Any], path: str, notes: Notes) -> list[dict[str, Any]]:
    """The thinking blocks that a chat has for it; none where nothing of it has a place there."""
    for name in ("summary", "content"):
        if item.get(name):
            notes.drop(f"{path}.{name}")
    content = item.get("encrypted_content")
    if content is None:
        return []
    if (found := unmarked(content)) is None:
        notes.pin(f"{path}.encrypted_content", "reasoning that OpenAI encrypted")
        return []
    maker, written = found
    blocks = _unpacked(written) if maker == CLAUDE else []
    if not blocks:
        notes.drop(f"{path}.encrypted_content")
    return blocks


def packed(blocks: Sequence[Mapping[str, Any]]) -> str:
    """`encrypted_content` for Claude's thinking blocks."""
    return marked(base64.urlsafe_b64encode(json.dumps(list(blocks)).encode()).decode(), CLAUDE)


def with_origins(value: Any, maker: Deployment) -> Any:
    """The output of `maker`, with its mark on each `encrypted_content`."""
    if isinstance(value, list):
        return [with_origins(one, maker) for one in value]
    if not isinstance(value, dict):
        return value
    said = {name: with_origins(inner, maker) for name, inner in value.items()}
    if value.get("type") == "reasoning" and isinstance(value.get("encrypted_content"), str):
        said["encrypted_content"] = marked(value["encrypted_content"], origin_of(maker))
    return said


def _unpacked(written: str) -> list[dict[str, Any]]:
    try:
        blocks = json.loads(base64.urlsafe_b64decode(written))
    except (binascii.Error, ValueError):
        return []
    return blocks if isinstance(blocks, list) and all(isinstance(one, dict) for one in blocks) else []
