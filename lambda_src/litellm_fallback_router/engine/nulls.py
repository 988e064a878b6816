"""`null` in the schemas of tools on its way through LiteLLM's class for Converse.

LiteLLM 1.106.2 drops every None of its arguments (`core_helpers.filter_exceptions_from_params`): a value that
may be null (`enum`, `const`) may then be none, and a default of null is lost.
"""

from __future__ import annotations

from typing import Any
from uuid import uuid4

_MARK = f"null {uuid4().hex}"
"""Stands for null. Made anew in each process, so that no caller can write it."""
_WRITTEN = f'"{_MARK}"'.encode()


def marked(value: Any) -> Any:
    """A copy with the mark in the place of each None."""
    if value is None:
        return _MARK
    if isinstance(value, dict):
        return {name: marked(one) for name, one in value.items()}
    if isinstance(value, list):
        return [marked(one) for one in value]
    return value


def unmarked(body: bytes) -> bytes:
    """JSON with null where the mark is."""
    return body.replace(_WRITTEN, b"null")
