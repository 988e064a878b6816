"""What a key may do, as JSON fields: in a keys file, in a record of the state table, and on the way from an authorizer.

    {"name": "team-a", "models": ["openai-*"], "max_usd": "50/day", "rpm": 60, "tpm_in": 100000, "tpm_out": 20000,
     "concurrency": 5, "priority": "batch", "operator": true}

Every field may be left out; what is not there is not limited.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

from .callers import Budget, CallerKey, Priority

MOST_MODELS = 50
LONGEST = 2_000
"""Characters of all fields as JSON: they travel in the context that API Gateway hands over with every request."""
MOST = 1_000_000_000
_NAME = re.compile(r"\S(.{0,62}\S)?")
_PATTERN = re.compile(r"[!-~]{1,200}")


def key_fields(key: CallerKey) -> dict[str, Any]:
    """The fields that are set, as JSON has them."""
    plain: dict[str, Any] = {
        "name": key.name,
        "models": list(key.models),
        "max_usd": None if key.max_usd is None else str(key.max_usd),
        "rpm": key.rpm,
        "tpm_in": key.tpm_in,
        "tpm_out": key.tpm_out,
        "concurrency": key.concurrency,
        "priority": None if key.priority is Priority.INTERACTIVE else key.priority.value,
        "operator": key.operator or None,
    }
    return {name: value for name, value in plain.items() if value not in (None, "", [])}


def key_of(id: str, given: Mapping[str, Any]) -> CallerKey:
    """The key with that id and these fields.

    Raises ValueError that names the field and the fix.
    """
    read: dict[str, Any] = {}
    for name, value in given.items():
        if name not in _READERS:
            raise ValueError(f"{name}: {_unknown(name)}")
        try:
            read[name] = _READERS[name](value)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    key = CallerKey(id, **read)
    if len(as_text(key)) > LONGEST:
        raise ValueError(f"models: all fields together are at most {LONGEST} characters; use patterns such as openai-*")
    return key


def as_text(key: CallerKey) -> str:
    """The fields on one line of JSON, in ASCII; empty where none is set."""
    given = key_fields(key)
    return json.dumps(given, separators=(",", ":")) if given else ""


def from_text(id: str, text: str) -> CallerKey:
    """The opposite of `as_text`. Raises ValueError."""
    given = json.loads(text) if text else {}
    if not isinstance(given, dict):
        raise ValueError("the fields of a key are a JSON object")  # noqa: TRY004 - one kind of error for bad text
    return key_of(id, given)


def _unknown(name: str) -> str:
    close = get_close_matches(name, _READERS, n=1)
    return f"unknown field, did you mean '{close[0]}'?" if close else f"unknown field; known: {', '.join(_READERS)}"


def _name(value: Any) -> str:
    if not isinstance(value, str) or not value.isprintable() or not _NAME.fullmatch(value):
        raise ValueError("must be 1 to 64 printable characters, without space around them")
    return value


def _models(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not 1 <= len(value) <= MOST_MODELS:
        raise ValueError(f"must be a list of 1 to {MOST_MODELS} names or patterns such as openai-*")
    for one in value:
        if not isinstance(one, str) or not _PATTERN.fullmatch(one):
            raise ValueError("a name or pattern is printable ASCII without spaces, such as openai-*")
    return tuple(value)


def _max_usd(value: Any) -> Budget:
    return Budget.parse(value if isinstance(value, str) else "")


def _count(value: Any) -> int:
    if type(value) is not int or not 1 <= value <= MOST:
        raise ValueError(f"must be a whole number from 1 to {MOST}")
    return value


def _priority(value: Any) -> Priority:
    try:
        return Priority(value)
    except ValueError:
        raise ValueError(f"must be {' or '.join(Priority)}") from None


def _operator(value: Any) -> bool:
    if type(value) is not bool:
        raise ValueError("must be true or false")
    return value


_READERS: dict[str, Callable[[Any], Any]] = {
    "name": _name,
    "models": _models,
    "max_usd": _max_usd,
    "rpm": _count,
    "tpm_in": _count,
    "tpm_out": _count,
    "concurrency": _count,
    "priority": _priority,
    "operator": _operator,
}
FIELDS = tuple(_READERS)
