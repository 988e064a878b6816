"""What really happened on the wire, dug out of the chain of exceptions that LiteLLM raises.

LiteLLM renames statuses (413 becomes 400, 529 becomes 500, a 401 may become BadRequest) and loses Retry-After for
some providers; the exception it was raised from still has them.
"""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import FrameType
from typing import Any

import httpx

from ...routing.decimals import decimal

DEPTH = 12
"""Links of an exception chain that are followed."""
BUILDS_THE_REQUEST = (
    "transform_request",
    "get_optional_params",
    "map_openai_params",
    "validate_environment",
    "validate_chat_completion",
)
"""Parts of the names of LiteLLM's functions that run before anything is sent."""
BUGS = (TypeError, AttributeError, NameError, LookupError, ArithmeticError, AssertionError, NotImplementedError)
"""What wrong code raises. Code of ours raises it in no other case."""
OURS = __name__.partition(".")[0]
THEIRS = frozenset({"litellm", "openai"})
READS_THE_BODY = "aiter_raw"
"""httpx's own function (`Response.aiter_raw`) through which every body comes, whichever transport is below it."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """The raw facts behind one exception."""

    chain: tuple[BaseException, ...]
    status: int | None
    """The provider's HTTP status; None where there was no HTTP error response."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Lower-case names."""
    body: Mapping[str, Any] = field(default_factory=dict)
    """The error object of the response, where it was JSON."""
    text: str = field(default="", repr=False)
    """Everything the chain says, in lower case, for the few failures that only text tells apart."""
    broke_off: bool = False
    """True where the connection was lost while the body of a response was being read."""
    unsent: bool = False
    """True where it is known to have happened while the request was being built."""

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

    @property
    def never_sent(self) -> bool:
        """True where LiteLLM stumbled over the request while putting it into the provider's format."""
        return self.unsent or any(
            part in frame.f_code.co_name for frame in _frames(self.chain) for part in BUILDS_THE_REQUEST
        )

    @property
    def bug(self) -> BaseException | None:
        """A mistake in our own code that LiteLLM was running, which it takes for a provider's failure."""
        return next((error for error in self.chain if isinstance(error, BUGS) and _raised_by_us(error)), None)

    def has(self, *types: type[BaseException]) -> bool:
        return any(isinstance(error, types) for error in self.chain)


def gather(error: BaseException) -> Evidence:
    """Read the whole chain of `error`."""
    chain = tuple(follow(error))
    response = _raw_response(chain)
    text = _text_of(chain, response)
    body = _body_of(chain, text)
    halved = _read_by_halves(chain)
    if response is None and halved is not None and halved.is_error:
        response = halved
    return Evidence(
        chain,
        status=response.status_code if response is not None else None,
        headers={} if response is None else {name.lower(): value for name, value in response.headers.items()},
        body=body,
        text=text.lower(),
        broke_off=halved is not None,
    )


def follow(error: BaseException) -> Iterator[BaseException]:
    link: BaseException | None = error
    for _ in range(DEPTH):
        if link is None:
            return
        yield link
        inner = getattr(link, "original_exception", None)
        link = link.__cause__ or link.__context__ or (inner if isinstance(inner, BaseException) else None)


def _raw_response(chain: tuple[BaseException, ...]) -> httpx.Response | None:
    """The response httpx itself complained about; what LiteLLM hangs on its own exceptions is synthetic."""
    for error in reversed(chain):
        if isinstance(error, httpx.HTTPStatusError):
            return error.response
    return None


def _read_by_halves(chain: tuple[BaseException, ...]) -> httpx.Response | None:
    """The response during whose body the connection was lost."""
    for frame in _frames(chain):
        if frame.f_code.co_name == READS_THE_BODY and isinstance(one := frame.f_locals.get("self"), httpx.Response):
            return one
    return None


def _raised_by_us(error: BaseException) -> bool:
    """True where it happened in our code, or in what that called, rather than in LiteLLM's or OpenAI's."""
    packages = [
        frame.f_globals.get("__name__", "").partition(".")[0] for frame, _ in traceback.walk_tb(error.__traceback__)
    ]
    return next((name == OURS for name in reversed(packages) if name == OURS or name in THEIRS), False)


def _frames(chain: tuple[BaseException, ...]) -> Iterator[FrameType]:
    """Of the functions through which the errors went."""
    for error in chain:
        for frame, _ in traceback.walk_tb(error.__traceback__):
            yield frame


def _text_of(chain: tuple[BaseException, ...], response: httpx.Response | None) -> str:
    said = [str(error) for error in chain]
    if response is not None and response.is_stream_consumed and not response.is_closed:
        said.append(response.text)
    return "\n".join(said)


def _body_of(chain: tuple[BaseException, ...], text: str) -> Mapping[str, Any]:
    for error in chain:
        body = getattr(error, "body", None)
        if isinstance(body, Mapping):
            return _error_object(body)
    # Anthropic's and Bedrock's bodies survive only inside the messages, sometimes as the repr of bytes.
    decoder = json.JSONDecoder()
    at = text.find("{")
    while at >= 0:
        try:
            found, _ = decoder.raw_decode(text, at)
        except ValueError:
            at = text.find("{", at + 1)
            continue
        return _error_object(found) if isinstance(found, Mapping) else {}
    return {}


def _error_object(body: Mapping[str, Any]) -> Mapping[str, Any]:
    inner = body.get("error")
    return inner if isinstance(inner, Mapping) else body


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
