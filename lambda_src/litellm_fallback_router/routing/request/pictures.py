"""What a request shows a model beside text: pictures that a guardrail can look at, and what it cannot read."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ..types import Message

MOST_PICTURES = 20
"""In one check, at most; and `LARGEST_PICTURE` bytes each (Amazon Bedrock's user guide, "Block harmful images")."""
LARGEST_PICTURE = 4_000_000
_POINTERS = frozenset({"url", "image_url", "data", "file_data", "file_id"})
"""Fields of a content part whose string is the thing itself, encoded, or says where it is."""
_DATA_URL = re.compile(r"data:image/(?:png|jpe?g);base64,")
_BEGINNINGS: Mapping[Literal["png", "jpeg"], bytes] = {"png": b"\x89PNG\r\n\x1a\n", "jpeg": b"\xff\xd8\xff"}


@dataclass(frozen=True, slots=True)
class Picture:
    form: Literal["png", "jpeg"]
    content: bytes = field(repr=False)


def shown_in(messages: Sequence[Message]) -> tuple[list[Picture], list[str]]:
    """Every picture that can be checked, and the paths of what cannot: other formats, sound, files, addresses."""
    pictures, unreadable = [], []
    for number, message in enumerate(messages):
        content = message.get("content")
        for part, said in enumerate(content if isinstance(content, list | tuple) else ()):
            path = f"messages[{number}].content[{part}]"
            for text in _pointers(said):
                if (picture := _picture(text)) is not None:
                    pictures.append(picture)
                elif path not in unreadable:
                    unreadable.append(path)
    return pictures, unreadable


def _pointers(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if isinstance(inner, str):
                if key in _POINTERS:
                    yield inner
            else:
                yield from _pointers(inner)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _pointers(item)


def _picture(text: str) -> Picture | None:
    prefix = _DATA_URL.match(text)
    if prefix is None:
        return None
    try:
        content = base64.b64decode(text[prefix.end() :], validate=True)
    except binascii.Error:
        return None
    form = next((form for form, beginning in _BEGINNINGS.items() if content.startswith(beginning)), None)
    return None if form is None or len(content) > LARGEST_PICTURE else Picture(form, content)
