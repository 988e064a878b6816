"""The wire formats that the gateway serves: a module each, and one line in `FORMATS`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import ask, chat, embeddings, messages, responses
from .base import Format

FORMATS: list[Format] = [
    chat.FORMAT,
    responses.FORMAT,
    messages.FORMAT,
    embeddings.FORMAT,
    ask.FORMAT,
]


def format_of(scope: Mapping[str, Any]) -> Format:
    """The format in which a request of ASGI is to be answered; OpenAI's for paths of no format."""
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    return next((known for known in FORMATS if path in known.paths or path in known.beside), chat.FORMAT)
