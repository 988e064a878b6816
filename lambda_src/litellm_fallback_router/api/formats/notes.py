"""What the formats that are read into chat requests have in common: a text among a body's fields, and what becomes of
fields that have no place in a chat."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...routing.errors import shown
from ...routing.request import missing, wrong_type

MOST_LINES = 100
MORE = "more fields dropped"
"""Stands for the lines beyond `MOST_LINES`."""


@dataclass(slots=True)
class Notes:
    """Of one request. Every place is a path into the body, such as `input[2].content[0]`."""

    lines: dict[str, None] = field(default_factory=dict)
    """Of what is not sent, each once."""
    pins: list[tuple[str, str]] = field(default_factory=list)
    """Fields that only the API of the format's own provider can do, each with what it is."""

    def drop(self, path: str) -> None:
        """Report a field that is left out in other formats."""
        self.say(f"{path} dropped")

    def drop_rest(self, owner: Mapping[str, Any], known: Collection[str], path: str) -> None:
        """Report the fields of an object in the body that are not among `known`."""
        for name, value in owner.items():
            if name not in known and value is not None:
                self.drop(f"{path}.{shown(name)}")

    def say(self, line: str) -> None:
        self.lines[line if len(self.lines) < MOST_LINES else MORE] = None

    @property
    def unsent(self) -> tuple[str, ...]:
        """Lines for the `adjusted` of deployments that get another format."""
        return tuple(self.lines)

    def pin(self, path: str, what: str) -> None:
        """Record a field that only the format's own provider can serve."""
        self.pins.append((path, what))


def text_of(owner: Mapping[str, Any], name: str, path: str) -> str:
    """A field that has to be a string. Raises InvalidRequestError."""
    value = owner.get(name)
    if value is None:
        raise missing(f"{path}.{name}")
    if not isinstance(value, str):
        raise wrong_type(f"{path}.{name}", "a string", value)
    return value


def simplest(parts: list[dict[str, Any]]) -> Any:
    """One text alone as a string: some servers take nothing else."""
    if len(parts) == 1 and parts[0].keys() == {"type", "text"} and parts[0]["type"] == "text":
        return parts[0]["text"]
    return parts
