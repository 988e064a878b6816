"""AWS's binary encoding of a stream of events, and the errors in it.

Source: AWS, "Event stream encoding"; botocore reads it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any

from .failures import error_in_band, no_format

PRELUDE_BYTES = 12
"""Two lengths and their checksum, with which each event begins; the first length is the whole event's."""


class EventFrames:
    """Gives each event's kind and payload.

    botocore's buffer copies all that it holds with each piece and each event, so it gets an event in two parts: the
    prelude, which it checks, and the rest once that is there.
    """

    def __init__(self) -> None:
        from botocore.eventstream import EventStreamBuffer  # noqa: PLC0415 - heavy, and loaded with LiteLLM

        self._buffer = EventStreamBuffer()
        self._waiting = bytearray()
        self._wanted = PRELUDE_BYTES

    def feed(self, data: bytes, begun: Callable[[], bool]) -> Iterator[tuple[str, bytes]]:
        """The events that these bytes complete. `begun`: whether a token has come by now. Raises ProviderFailure."""
        self._waiting += data
        while (event := self._next(begun)) is not None:
            headers, payload = event.headers, event.payload
            kind = headers.get(":event-type") or headers.get(":exception-type") or headers.get(":error-code")
            if headers.get(":message-type") != "event" or str(kind).endswith("Exception"):
                said = {"message": payload[:1000].decode(errors="replace"), "type": kind}
                raise error_in_band(said, begun=begun())
            yield str(kind), payload

    def _next(self, begun: Callable[[], bool]) -> Any:
        from botocore.eventstream import ParserError  # noqa: PLC0415

        try:
            while len(self._waiting) >= self._wanted:
                part = bytes(self._waiting[: self._wanted])
                del self._waiting[: self._wanted]
                self._buffer.add_data(part)
                if (event := next(self._buffer, None)) is not None:
                    self._wanted = PRELUDE_BYTES
                    return event
                self._wanted = int.from_bytes(part[:4]) - PRELUDE_BYTES
        except (ParserError, LookupError, ValueError, struct.error) as error:
            # Headers that are malformed raise whatever botocore's reading of them fails with.
            raise no_format(error, begun=begun()) from error
        return None
