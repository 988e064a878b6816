"""What becomes of a body's fields on the way into a chat request, where they have no place in one."""

from __future__ import annotations

from dataclasses import dataclass, field

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

    def say(self, line: str) -> None:
        self.lines[line if len(self.lines) < MOST_LINES else MORE] = None

    @property
    def unsent(self) -> tuple[str, ...]:
        """Lines for the `adjusted` of deployments that get another format."""
        return tuple(self.lines)

    def pin(self, path: str, what: str) -> None:
        """Record a field that only the format's own provider can serve."""
        self.pins.append((path, what))
