"""The report of a request's adaptation to a deployment: lines of `adjusted`, or the reason why it does not fit."""

from __future__ import annotations

from collections.abc import Iterable


class UnfitError(Exception):
    """A deployment cannot be sent this request. `code` and `reason` are those of its `Dropped`."""

    def __init__(self, code: str, reason: str, *, param: str | None = None) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.param = param
        """The field of the request that it is about, where it is one."""


class Report:
    """Short phrases, each once, in the order in which they came up. They never quote the caller."""

    def __init__(self, lines: Iterable[str] = ()) -> None:
        self._lines: dict[str, None] = dict.fromkeys(lines)

    def say(self, line: str) -> None:
        self._lines[line] = None

    def say_all(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.say(line)

    @property
    def lines(self) -> tuple[str, ...]:
        return tuple(self._lines)
