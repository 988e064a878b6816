"""What goes to a provider, and what may come back instead of an answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

MOST_BYTES = 64 * 1024 * 1024
"""Of a whole answer; speech and images come in it."""
MOST_ERROR_BYTES = 256 * 1024
"""Of an error's body; the rest is not read."""
USAGE_SECONDS = 1.0
"""How long a stream that has finished is waited for: usage comes after the finish reason, or never."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One request to a provider."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class ErrorResponse(Exception):
    """The provider answered, but not with a success.

    `headers` have lower-case names; `body` is as much as came.
    """

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        super().__init__(status)
        self.status = status
        self.headers = headers
        self.body = body


class BrokenOffError(Exception):
    """The connection was lost, or misused, after the response had begun."""
