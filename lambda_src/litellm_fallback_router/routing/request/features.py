"""What a conversation holds besides plain text, found in one pass."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from ..types import Message
from .images import scheme_of

Mark = Literal["cache_control", "thinking", "developer", "functions", "calls"]
"""What some providers have no place for. `functions`: calls and results in the older form; `calls`: tool calls and
results of either form."""
THINKING_FIELDS = ("thinking_blocks", "reasoning_content")
THINKING_PARTS = ("thinking", "redacted_thinking")
DESCRIBED = ("tools", "functions", "response_format")
"""Parameters that providers put into the prompt."""
_REMOTE = ("http://", "https://")


@dataclass(frozen=True, slots=True)
class MessageFeatures:
    """What the messages of a request hold besides plain text."""

    parts: frozenset[tuple[str, str]]
    """Role and kind of each content part: `("user", "input_audio")`."""
    marks: frozenset[Mark]
    custom_calls: bool
    """An assistant called a tool that takes free text."""
    spoken: bool
    """An assistant's message refers to audio it gave."""
    characters: int
    """Of text, without images and other data."""
    image_schemes: frozenset[str] = frozenset()
    """`https` and `http`, of images by URL."""

    @classmethod
    def of(cls, messages: Sequence[Message]) -> MessageFeatures:
        parts: set[tuple[str, str]] = set()
        marks: set[Mark] = set()
        schemes: set[str | None] = set()
        for message in messages:
            role, found = str(message.get("role")), parts_of(message)
            marks.update(_marks(message, found))
            for part in found:
                parts.add((role, kind_of(part)))
                if part.get("type") == "image_url":
                    schemes.add(scheme_of(part))
        calls = [call for message in messages for call in message.get("tool_calls") or ()]
        return cls(
            frozenset(parts),
            frozenset(marks),
            custom_calls=any(call.get("type") == "custom" for call in calls),
            spoken=any(message.get("audio") for message in messages),
            characters=prompt_characters(messages),
            image_schemes=frozenset(scheme for scheme in schemes if scheme),
        )


def text_length(value: Any) -> int:
    """Characters of text in a message's content, without images and other data."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, list):
        return sum(text_length(part.get("text")) for part in value if _is_object(part))
    return 0


def characters_of(said: Iterable[Message]) -> int:
    """Of text, thought and tool calls in a model's answer, whole or in part: all of it is billed."""
    return sum(map(_written, said))


def _written(said: Message) -> int:
    if len(said) == 1 and isinstance(text := said.get("content"), str):
        return len(text)  # almost every piece of a stream
    return text_length(said.get("content")) + len(said.get("reasoning_content") or "") + _called(said)


def _called(message: Message) -> int:
    calls = [call.get(kind) for call in message.get("tool_calls") or () for kind in ("function", "custom")]
    calls.append(message.get("function_call"))
    return sum(text_length(one.get("arguments") or one.get("input")) for one in calls if isinstance(one, Mapping))


def prompt_characters(messages: Sequence[Message], params: Mapping[str, Any] = MappingProxyType({})) -> int:
    """Of text and tool calls in a conversation, and of what `params` put before it: tools and the form of the answer,
    as JSON."""
    described = [params[name] for name in DESCRIBED if params.get(name)]
    spoken = sum(text_length(message.get("content")) + _called(message) for message in messages)
    return spoken + sum(len(json.dumps(one, default=str)) for one in described)


def parts_of(message: Message) -> list[Mapping[str, Any]]:
    content = message.get("content")
    return [part for part in content if _is_object(part)] if isinstance(content, list) else []


def _is_object(value: Any) -> bool:
    """Parsed JSON is a dict; to ask an abstract class takes ten times as long, and a request has thousands of parts."""
    return type(value) is dict or isinstance(value, Mapping)


def kind_of(part: Mapping[str, Any]) -> str:
    """A content part's `type`, and where it makes a difference how its data comes."""
    kind = str(part.get("type"))
    if kind == "text":
        return kind
    inner = part.get("source" if kind == "document" else kind)
    if kind == "file" and isinstance(inner, Mapping) and not inner.get("file_data"):
        where = str(inner.get("file_id"))
        return "file by URL" if where.startswith(_REMOTE) else "file" if where.startswith("data:") else "file by id"
    if kind == "file" and isinstance(inner, Mapping) and str(inner["file_data"])[:8].lower().startswith(_REMOTE):
        return "file data by URL"
    if kind == "document" and isinstance(inner, Mapping) and inner.get("type") != "base64":
        return "document without base64"
    return kind


def _marks(message: Message, parts: Sequence[Mapping[str, Any]]) -> Iterator[Mark]:
    role = message.get("role")
    if "cache_control" in message or any("cache_control" in call for call in message.get("tool_calls") or ()):
        yield "cache_control"
    if any(message.get(name) for name in THINKING_FIELDS):
        yield "thinking"
    if role == "developer":
        yield "developer"
    if message.get("function_call") or role == "function":
        yield "functions"
    if message.get("tool_calls") or role == "tool":
        yield "calls"
    for part in parts:
        if "cache_control" in part:
            yield "cache_control"
        if part.get("type") in THINKING_PARTS:
            yield "thinking"
