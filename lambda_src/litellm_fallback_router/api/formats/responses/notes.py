"""What becomes of a body's fields on the way into a chat request, where they have no place in one."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Notes:
    """Of one request. Every place is a path into the body, such as `input[2].content[0]`."""

    unsent: list[str] = field(default_factory=list)
    """Lines for `adjusted` of whoever is asked in another format."""
    pins: list[tuple[str, str]] = field(default_factory=list)
    """Fields that only OpenAI's own API can do, each with what it is."""

    def drop(self, path: str) -> None:
        """Left out for whoever is asked in another format, and said."""
        self.say(f"{path} dropped")

    def say(self, line: str) -> None:
        if line not in self.unsent:
            self.unsent.append(line)

    def pin(self, path: str, what: str) -> None:
        """Nobody but OpenAI can do it."""
        self.pins.append((path, what))
