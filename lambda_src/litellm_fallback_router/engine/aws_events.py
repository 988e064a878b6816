"""AWS's binary encoding of a stream of events, and the errors in it.

Source: AWS, "Event stream encoding"; botocore reads it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any

from .failures import error_in_band, no_format


class EventFrames:
    """Gives each event's kind and payload."""

    def __init__(self) -> None:
        from botocore.eventstream import EventStreamBuffer  # noqa: PLC0415 - heavy, and loaded with LiteLLM

        self._buffer = EventStreamBuffer()

    def feed(self, data: bytes, begun: Callable[[], bool]) -> Iterator[tuple[str, bytes]]:
        """The events that these bytes complete. `begun`: whether a token has come by now. Raises ProviderFailure."""
        self._buffer.add_data(data)
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
            return next(self._buffer, None)
        except (ParserError, LookupError, ValueError, struct.error) as error:
            # Of headers that are none botocore raises what its reading of them ends in.
            raise no_format(error, begun=begun()) from error
