"""The raw facts behind one failure of a provider."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from ..routing.decimals import decimal

DEPTH = 12
"""Links of an exception chain that are followed."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a response said, and the exceptions, where there were any."""

    chain: tuple[BaseException, ...]
    status: int | None
    """The provider's HTTP status; None where there was no HTTP error response."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Lower-case names."""
    body: Mapping[str, Any] = field(default_factory=dict)
    """The error object of the response, where it was JSON."""
    text: str = field(default="", repr=False)
    """The messages of the whole chain, in lower case, for the few failures that only text tells apart."""
    broke_off: bool = False
    """True where the connection was lost while the body of a response was being read."""
    unsent: bool = False
    """True where it happened while the request was being put into the provider's format."""

    @property
    def codes(self) -> frozenset[str]:
        """The error's machine-readable names: `code`, `type`, and AWS's error type."""
        names = {self.body.get("code"), self.body.get("type"), self.body.get("__type")}
        names.add(self.headers.get("x-amzn-errortype", "").split(":")[0])
        return frozenset(str(name).rsplit("#", 1)[-1] for name in names if name)

    @property
    def message(self) -> str:
        """The provider's own words."""
        return str(self.body.get("message") or self.body.get("Message") or "")

    @property
    def param(self) -> str | None:
        param = self.body.get("param")
        return param if isinstance(param, str) else None

    @property
    def retry_after(self) -> float | None:
        """Seconds the provider asked for: `retry-after-ms`, or Retry-After in seconds or as a date (RFC 9110)."""
        milliseconds = _number(self.headers.get("retry-after-ms"))
        if milliseconds is not None:
            return milliseconds / 1000
        value = self.headers.get("retry-after")
        seconds = _number(value)
        return seconds if seconds is not None or value is None else _until(value)

    def has(self, *types: type[BaseException]) -> bool:
        return any(isinstance(error, types) for error in self.chain)


def follow(error: BaseException) -> Iterator[BaseException]:
    link: BaseException | None = error
    for _ in range(DEPTH):
        if link is None:
            return
        yield link
        inner = getattr(link, "original_exception", None)
        link = link.__cause__ or link.__context__ or (inner if isinstance(inner, BaseException) else None)


def _number(value: str | None) -> float | None:
    number = decimal(value or "")
    return number if number is not None and number < 1e9 else None


def _until(date: str) -> float | None:
    try:
        when = parsedate_to_datetime(date)
    except ValueError:
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.now(UTC)).total_seconds())
