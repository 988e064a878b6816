"""Images and files in results of tools, for APIs whose results are text: they follow in a message of the user's.

Source: OpenAI, "Create chat completion": the content of a tool's message is text. LiteLLM 1.106.2 would put words of
its own in an image's place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..types import Message

MOVED = frozenset({"image_url", "file"})
LINE = "images and files of tool results sent in a user message"


def with_moved_images(messages: Sequence[Message]) -> list[Message]:
    """The conversation with what results hold besides text right after the last result of their turn."""
    moved: list[dict[str, Any]] = []
    placed: list[Message] = []
    for message in messages:
        if message["role"] != "tool":
            placed += _users(moved)
            moved = []
            placed.append(message)
            continue
        content = message.get("content")
        others = [part for part in content if part.get("type") in MOVED] if isinstance(content, list) else []
        if not others or not isinstance(content, list):
            placed.append(message)
            continue
        moved += others
        texts = [part for part in content if part.get("type") not in MOVED]
        # A result of nothing but images is the answer to a call that needs one.
        placed.append({**message, "content": texts or ""})
    return [*placed, *_users(moved)]


def _users(parts: list[dict[str, Any]]) -> list[Message]:
    return [{"role": "user", "content": parts}] if parts else []
