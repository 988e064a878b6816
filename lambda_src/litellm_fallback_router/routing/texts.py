"""The text inside a request or an answer: where it is, and how it is put back when a guardrail has masked it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

NO_TEXT = frozenset(
    {
        *("role", "type", "id", "tool_call_id", "index", "finish_reason", "format", "detail", "mime_type"),
        *("url", "data", "file_data", "file_id", "signature"),
    }
)
"""Fields whose string says how to read the others, points elsewhere, or is no text (images, sound, signatures)."""
PROMPTS = ("tools", "functions", "response_format", "prediction", "web_search_options")
"""Parameters that providers show to the model beside the messages."""
_IDENTIFIER = re.compile(r"[A-Za-z0-9_.-]{1,128}")


def texts_in(value: Any) -> list[str]:
    """Every text in it, in order. What is blank has nothing to check."""
    return list(_walk(value))


def with_texts(value: Any, texts: Iterator[str]) -> Any:
    """A copy of `value` with `texts` in the places where `texts_in` found them.

    A block that is signed (a model's thinking) and would change is left out: it would no longer be what was signed.
    """
    if isinstance(value, str):
        return next(texts) if _is_text(value) else value
    if isinstance(value, Mapping):
        return {key: with_texts(inner, texts) if _is_read(key, inner) else inner for key, inner in value.items()}
    if isinstance(value, list | tuple):
        copies = [(item, with_texts(item, texts)) for item in value]
        return [copy for item, copy in copies if copy == item or not _is_signed(item)]
    return value


def _walk(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if _is_text(value):
            yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            if _is_read(key, inner):
                yield from _walk(inner)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _walk(item)


def _is_text(value: str) -> bool:
    return bool(value.strip())


def _is_read(key: Any, inner: Any) -> bool:
    if not isinstance(inner, str):
        return True
    # A tool's name is matched letter by letter with its calls; one that is no identifier is free text.
    return key not in NO_TEXT and not (key == "name" and _IDENTIFIER.fullmatch(inner))


def _is_signed(value: Any) -> bool:
    return isinstance(value, Mapping) and "signature" in value
