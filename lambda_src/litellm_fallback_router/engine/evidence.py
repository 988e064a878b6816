"""First-hand evidence: what a provider answered with, as the failure that it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..adapters.litellm_provider.evidence import Evidence, follow
from ..adapters.litellm_provider.failures import BROKE_OFF, REASONS, failure_from
from ..routing.failures import FailureKind, ProviderFailure
from .exchange import ErrorResponse


def refused(response: ErrorResponse) -> ProviderFailure:
    """For an error response."""
    text = response.body.decode(errors="replace")
    return failure_from(Evidence((), response.status, response.headers, _error_of(text), text.lower()))


def error_in_band(error: Any, *, begun: bool = False) -> ProviderFailure:
    """For an error object inside a success: a whole answer, or an event of a stream."""
    body = error if isinstance(error, Mapping) else {"message": str(error)}
    failure = failure_from(Evidence((), None, {}, body, json.dumps(body).lower()), begun=begun)
    if failure.kind is FailureKind.INVALID_RESPONSE and body.get("code") == 429:
        return ProviderFailure(FailureKind.RATE_LIMITED, REASONS[FailureKind.RATE_LIMITED], detail=failure.detail)
    return failure


def no_format(error: Exception | None = None, *, begun: bool = False) -> ProviderFailure:
    """For a success that is not in the provider's format; `error` is what reading it ended in."""
    kind = FailureKind.STREAM_BROKEN if begun else FailureKind.INVALID_RESPONSE
    why = "" if error is None else f" ({type(error).__name__})"
    return ProviderFailure(kind, f"{REASONS[kind]}{why}")


def unfinished(*, begun: bool) -> ProviderFailure:
    """For a stream that ended as if it were complete."""
    kind = FailureKind.STREAM_BROKEN if begun else FailureKind.INVALID_RESPONSE
    return ProviderFailure(kind, "the stream ended without a finish reason")


def broke_off(*, begun: bool = False) -> ProviderFailure:
    """For a success whose connection was lost before its end."""
    kind = FailureKind.STREAM_BROKEN if begun else FailureKind.INVALID_RESPONSE
    return ProviderFailure(kind, REASONS[kind] if begun else BROKE_OFF)


def unsendable(error: Exception) -> ProviderFailure:
    """For what building a request ended in: it has no form there, or no key."""
    return failure_from(Evidence(tuple(follow(error)), None, unsent=True))


def keyless() -> ProviderFailure:
    """For a request that has no key to be sent with."""
    return ProviderFailure(FailureKind.AUTHENTICATION, REASONS[FailureKind.AUTHENTICATION])


def _error_of(text: str) -> Mapping[str, Any]:
    """The error object of a body; empty where it has none."""
    try:
        body = json.loads(text)
    except ValueError:
        return {}
    if not isinstance(body, Mapping):
        return {}
    inner = body.get("error")
    return inner if isinstance(inner, Mapping) else body
