"""Server-sent events, out of bytes that come in any pieces.

Source: WHATWG HTML, "Interpreting an event stream".
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..routing.types import Chunk
from .failures import no_format

MOST_EVENT_BYTES = 16 * 1024 * 1024
"""Of one event."""
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_BLANK_LINE = re.compile(rb"(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r)")
_LINE_END = re.compile(rb"\r\n|\n|\r")


class EventTooLargeError(ValueError):
    """An event without an end in sight."""


class EventReader:
    """Gives the data of each event. Comments, and the events' names, are left out."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._begun = False

    @property
    def rest(self) -> bytes:
        """What has come since the last event."""
        return bytes(self._rest)

    def feed(self, data: bytes) -> list[bytes]:
        """The data of the events that these bytes complete. Raises EventTooLargeError."""
        seen = max(0, len(self._rest) - 3)
        self._rest += data
        if _BLANK_LINE.search(self._rest, seen) is None:
            if len(self._rest) > MOST_EVENT_BYTES:
                raise EventTooLargeError
            return []
        whole = bytes(self._rest)
        if not self._begun:
            self._begun, whole = True, whole.removeprefix(BYTE_ORDER_MARK)
        *blocks, rest = _BLANK_LINE.split(whole) if b"\r" in whole else whole.split(b"\n\n")
        self._rest = bytearray(rest)
        return [found for block in blocks if (found := _data_of(block))]


class LineReader:
    """The same for lines of JSON (https://jsonlines.org)."""

    def __init__(self) -> None:
        self._rest = bytearray()

    @property
    def rest(self) -> bytes:
        """What has come since the last line."""
        return bytes(self._rest)

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that these bytes complete. Raises EventTooLargeError."""
        self._rest += data
        if b"\n" not in data:
            if len(self._rest) > MOST_EVENT_BYTES:
                raise EventTooLargeError
            return []
        *lines, rest = bytes(self._rest).split(b"\n")
        self._rest = bytearray(rest)
        return [line for one in lines if (line := one.strip())]


class EventDecoder:
    """Reads a provider's stream event by event, to its end or to `[DONE]`."""

    begun: bool
    ended: bool
    _events: EventReader | LineReader

    def feed(self, data: bytes) -> Iterator[Chunk]:
        """The chunks that these bytes complete. Raises ProviderFailure, after what came before."""
        try:
            events = self._events.feed(data)
        except EventTooLargeError as error:
            raise no_format(error, begun=self.begun) from error
        for event in events:
            if event == b"[DONE]":
                self.ended = True
                return
            yield from self._read(event)

    def _read(self, event: bytes) -> Iterator[Chunk]:
        """The chunks of one event's data."""
        raise NotImplementedError


def _data_of(block: bytes) -> bytes:
    """What follows `data:` in the lines of one event; nothing where there is none."""
    if b"\r" not in block:
        name, found, data = block.partition(b"data:")
        # The two usual forms: one line of data, alone (OpenAI) or after the event's name (Anthropic).
        if (
            found
            and b"\n" not in data
            and (not name or (name.startswith(b"event:") and name.find(b"\n") == len(name) - 1))
        ):
            return data.strip()
    lines = [line[5:].removeprefix(b" ") for line in _LINE_END.split(block) if line.startswith(b"data:")]
    return b"\n".join(lines).strip()
