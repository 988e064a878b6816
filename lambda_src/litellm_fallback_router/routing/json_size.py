"""How many values a JSON text has, counted as it arrives: parsing it to find out would hold up the event loop."""

from __future__ import annotations

SLICE = 65_536
"""Bytes looked at in one go."""


class ValueCount:
    """Counts what stands outside of strings: in valid JSON each value comes after a comma or is the first of all, of an
    array or of an object; an empty array or object counts one too many."""

    def __init__(self) -> None:
        self._values = 1
        self._in_string = False
        self._escape = b""
        """A backslash at the end of what has come, whose other half has not."""

    def add(self, part: bytes) -> int:
        """Values so far, with those of `part`."""
        for start in range(0, len(part), SLICE):
            self._add(part[start : start + SLICE])
        return self._values

    def _add(self, part: bytes) -> None:
        text = (self._escape + part).replace(b"\\\\", b"")
        self._escape = b"\\" if text.endswith(b"\\") else b""
        pieces = text.replace(b'\\"', b"").split(b'"')
        dependencies = b"".join(pieces[self._in_string :: 2])
        self._in_string ^= len(pieces) % 2 == 0
        self._values += dependencies.count(b",") + dependencies.count(b"[") + dependencies.count(b"{")
