"""What really happened on the wire, dug out of the chain of exceptions that LiteLLM raises.

LiteLLM renames statuses (413 becomes 400, 529 becomes 500, a 401 may become BadRequest) and loses Retry-After for
some providers; the exception it was raised from still has them.
"""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterator, Mapping
from types import FrameType
from typing import Any

import httpx

from ...routing.failures import ProviderFailure
from ..evidence import Evidence, follow
from ..failures import failure_from

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
OUR_PACKAGE = __name__.partition(".")[0]
THEIRS = frozenset({"litellm", "openai"})
READS_THE_BODY = "aiter_raw"
"""httpx's own function (`Response.aiter_raw`) through which every body comes, whichever transport is below it."""


def failure_of(error: Exception, *, begun: bool = False) -> ProviderFailure:
    """The failure that `error` stands for. `begun`: a token of the stream had already come.

    Raises the bug where it stands for one of the gateway's: no other deployment is tried, and none is blamed, for it.
    """
    if isinstance(error, ProviderFailure):
        return error
    evidence = gather(error)
    if (bug := _bug(evidence.chain)) is not None:
        raise bug
    return failure_from(evidence, begun=begun)


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
        unsent=any(part in frame.f_code.co_name for frame in _frames(chain) for part in BUILDS_THE_REQUEST),
    )


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


def _bug(chain: tuple[BaseException, ...]) -> BaseException | None:
    """A mistake in our own code that LiteLLM was running, which it takes for a provider's failure."""
    return next((error for error in chain if isinstance(error, BUGS) and _raised_by_us(error)), None)


def _raised_by_us(error: BaseException) -> bool:
    """True where it happened in our code, or in what that called, rather than in LiteLLM's or OpenAI's."""
    packages = [
        frame.f_globals.get("__name__", "").partition(".")[0] for frame, _ in traceback.walk_tb(error.__traceback__)
    ]
    return next((name == OUR_PACKAGE for name in reversed(packages) if name == OUR_PACKAGE or name in THEIRS), False)


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
