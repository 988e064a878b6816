"""The leaves of a caller's request and of what a provider got of it.

A leaf is a value with its place: text, number, boolean, or an empty object or array. Texts that are JSON (a call's
arguments, Bedrock's schema) are looked into. `null` is not there, as OpenAI has it for optional fields, but in schemas
and arguments, where it is a value like others.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from litellm_fallback_router.routing.types import Deployment

Path = tuple[str | int, ...]
SCHEMA_ROOTS = frozenset({"parameters", "schema", "input_schema", "json"})
ARGUMENT_ROOTS = frozenset({"arguments", "input"})
_DATA_URL = re.compile(r"data:([\w.+/-]+);base64,(.*)", re.DOTALL)


@dataclass(frozen=True)
class Leaf:
    path: Path
    value: Any

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The path without the places in arrays."""
        return tuple(step for step in self.path if isinstance(step, str))

    @property
    def key(self) -> str:
        return self.names[-1]

    @cached_property
    def free(self) -> tuple[str, ...] | None:
        """The names below the schema or the arguments that it is in, which are the caller's own; None: in neither."""
        for at, name in enumerate(self.names):
            if name in SCHEMA_ROOTS or name in ARGUMENT_ROOTS:
                return self.names[at + 1 :]
        return None

    def __str__(self) -> str:
        place = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.path)
        return f"{place.lstrip('.')} = {json.dumps(self.value, ensure_ascii=False)}"


def leaves_of(value: Any, path: Path = ()) -> Iterator[Leaf]:
    if isinstance(value, str) and path and path[-1] in ("arguments", "schema"):
        try:
            value = _parsed(value)
        except ValueError:
            yield Leaf(path, value)
            return
        if not isinstance(value, dict):
            yield Leaf(path, json.dumps(value))
            return
    if isinstance(value, Mapping) and value:
        for name, one in value.items():
            yield from leaves_of(one, (*path, name))
    elif isinstance(value, list) and value:
        for index, one in enumerate(value):
            yield from leaves_of(one, (*path, index))
    elif value is not None or Leaf(path, value).free:
        yield Leaf(path, value)


def _parsed(text: str) -> Any:
    """Raises ValueError unless it says one thing, and that can be written again."""
    value = json.loads(text, object_pairs_hook=_members)
    json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    return value


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(members := dict(pairs)) < len(pairs):
        raise ValueError("two members of one name: which is meant?")
    return members


def fingerprint(leaf: Leaf) -> tuple[Any, ...]:
    """What tells a leaf of a schema or of arguments from others: its two last names, and its value."""
    return (*(("^", "^", *(leaf.free or ()))[-2:]), json.dumps(leaf.value))


def _as_it_came(leaf: Leaf) -> tuple[Any, ...]:
    return leaf.names, type(leaf.value), repr(leaf.value)


@dataclass(frozen=True)
class Asked:
    """The caller's request, what the plan says it changed, and what the provider got."""

    messages: list[dict[str, Any]]
    params: dict[str, Any]
    adjusted: tuple[str, ...]
    deployment: Deployment
    body: dict[str, Any]

    @cached_property
    def leaves(self) -> list[Leaf]:
        return list(leaves_of({"messages": self.messages, **self.params}))

    @cached_property
    def found(self) -> list[Leaf]:
        """The leaves of the provider's body."""
        return list(leaves_of(self.body))

    @cached_property
    def sent_texts(self) -> list[str]:
        return [leaf.value for leaf in self.found if isinstance(leaf.value, str)]

    @cached_property
    def names(self) -> frozenset[str]:
        """All names in the caller's request."""
        return frozenset(name for leaf in self.leaves for name in leaf.names)

    @cached_property
    def strings(self) -> list[str]:
        """All texts of the caller's, longest first; of a data URL its parts, too."""
        found = {leaf.value for leaf in self.leaves if isinstance(leaf.value, str)}
        found |= {part for text in found if (url := _DATA_URL.fullmatch(text)) for part in url.groups()}
        found |= {text.strip() for text in found}
        return sorted((text for text in found if text), key=len, reverse=True)

    @cached_property
    def free(self) -> frozenset[tuple[Any, ...]]:
        return frozenset(fingerprint(leaf) for leaf in self.leaves if leaf.free is not None)

    @cached_property
    def by_key(self) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = {}
        for leaf in self.leaves:
            found.setdefault(leaf.key, []).append(leaf.value)
        return found

    def has(self, leaf: Leaf) -> bool:
        """Whether the caller has the same value at the same place."""
        return _as_it_came(leaf) in {_as_it_came(one) for one in self.leaves}

    def got(self, leaf: Leaf) -> bool:
        """Whether the provider got the same value at the same place."""
        return _as_it_came(leaf) in {_as_it_came(one) for one in self.found}

    def said(self, *keys: str) -> list[Any]:
        """Values that the caller gave under any of these names."""
        return [value for key in keys for value in self.by_key.get(key, [])]

    def is_text(self, value: Any) -> bool:
        """True for texts of the caller's, one or several with white space between them."""
        if not isinstance(value, str):
            return False
        if value in self.said("content", "text"):
            return True
        for text in self.strings:
            value = value.replace(text, " ")
        return not value.strip()
