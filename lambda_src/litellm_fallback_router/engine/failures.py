"""From a response, or an exception, to the router's FailureKind: status and error code first, message text last."""

from __future__ import annotations

import errno
import json
import socket
import ssl
from collections.abc import Mapping
from typing import Any

import httpx

from ..routing.failures import FailureKind, ProviderFailure
from .evidence import Evidence, follow
from .exchange import ErrorResponse
from .loading import litellm
from .wire import UnreadableError

QUOTA_CODES = frozenset(
    {"insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "billing_error"}
    | {"ServiceQuotaExceededException"}
)
"""OpenAI "Error codes"; Anthropic "Errors"; AWS "Bedrock common errors"."""
DAILY_QUOTA = "too many tokens per day"
"""Bedrock's 429 ThrottlingException, which a wait of seconds does not end: "Too many tokens per day, please wait before
trying again." (minorun365/agent-book issue 29). The quota is of one model in one Region (AWS General Reference, "Amazon
Bedrock endpoints and quotas")."""
CREDENTIAL_CODES = frozenset(
    {"ExpiredTokenException", "ExpiredToken", "UnrecognizedClientException", "InvalidSignatureException"}
    | {"InvalidClientTokenId", "IncompleteSignature", "MissingAuthenticationTokenException", "invalid_api_key"}
)
CONTEXT_CODES = frozenset({"context_length_exceeded", "string_above_max_length", "request_too_large"})
CONTENT_CODES = frozenset({"content_filter", "content_policy_violation", "ResponsibleAIPolicyViolation"})
NOT_FOUND_CODES = frozenset({"model_not_found", "DeploymentNotFound"})
LOST_REFERENCES = (
    *(f"{thing} with id" for thing in ("item", "conversation", "response", "file", "vector store", "container")),
    "file not found: ",
    "no such file object",
)
"""How a 404 begins that is about what a caller named, and not about the model: a caller's id must not make a deployment
look broken to everybody. Only the beginning counts, since the rest quotes the caller. Sources: home-assistant/core
issue 150251 (items), microsoft/agent-framework pull request 6892 (the status for conversations)."""
CONTEXT_TEXTS = (
    "maximum context length",
    "prompt is too long",
    "input is too long",
    "too many input tokens",
    "exceeds the maximum number of tokens",
    "context window",
    "exceed context limit",
)
UNEXPLAINED = frozenset({FailureKind.CONNECTION, FailureKind.STREAM_BROKEN, FailureKind.INVALID_RESPONSE})
"""Kinds whose reason names the exception at the root, since there is no status."""
UNAVAILABLE_STATUSES = frozenset({408, 409, 424, 529})

NO_MORE_FILES = frozenset({errno.EMFILE, errno.ENFILE})
"""The process, or the machine, may open no more: neither files of LiteLLM's nor connections."""

REASONS = {
    FailureKind.RATE_LIMITED: "rate limited",
    FailureKind.QUOTA_EXHAUSTED: "out of quota or credit",
    FailureKind.UNAVAILABLE: "unavailable",
    FailureKind.CONNECTION: "connection failed",
    FailureKind.TIMEOUT: "timed out",
    FailureKind.AUTHENTICATION: "its credential was refused",
    FailureKind.PERMISSION: "access to the model or Region is denied",
    FailureKind.NOT_FOUND: "the model does not exist there",
    FailureKind.TOO_LARGE: "the request is larger than its window",
    FailureKind.REJECTED: "rejected the request",
    FailureKind.CONTENT_POLICY: "its content filter refused",
    FailureKind.REDIRECTED: "it redirects to another address, which is not followed",
    FailureKind.INVALID_RESPONSE: "answered with something that is no answer",
    FailureKind.STREAM_BROKEN: "the stream broke off",
}
BROKE_OFF = "its answer broke off"


def refused(response: ErrorResponse) -> ProviderFailure:
    """For an error response."""
    text = response.body.decode(errors="replace")
    return failure_from(Evidence((), response.status, response.headers, _error_of(text), text.lower()))


RATE_CODE = "rate_limit_exceeded"
"""Of an error that came without a status. Source: the SDK's type `ResponseError`."""


def error_in_band(error: Any, *, begun: bool = False) -> ProviderFailure:
    """For an error object inside a success: a whole answer, or an event of a stream."""
    body = error if isinstance(error, Mapping) else {"message": str(error)}
    failure = failure_from(Evidence((), None, {}, body, json.dumps(body).lower()), begun=begun)
    kind = _kind_by_own_code(body.get("code")) if failure.kind is FailureKind.INVALID_RESPONSE else None
    return failure if kind is None else ProviderFailure(kind, REASONS[kind], detail=failure.detail)


def _kind_by_own_code(code: Any) -> FailureKind | None:
    """Some answer 200 and put the status into the error. Source: OpenRouter, "Errors and debugging"."""
    if code == RATE_CODE:
        return FailureKind.RATE_LIMITED
    if type(code) is not int or not 400 <= code < 600:
        return None
    return _kind_by_status(Evidence((), code))


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


def failure_from(evidence: Evidence, *, begun: bool = False) -> ProviderFailure:
    """For the raw facts. `begun`: a token of the stream had already come."""
    kind = FailureKind.STREAM_BROKEN if begun else _kind(evidence)
    reason, param = REASONS[kind], evidence.param
    if kind is FailureKind.REJECTED and not begun:
        reason, param = _rejection(evidence, reason, param)
    if kind is FailureKind.INVALID_RESPONSE and evidence.broke_off:
        reason = BROKE_OFF
    if evidence.status is not None:
        reason = f"{evidence.status} {reason}"
    elif kind in UNEXPLAINED and evidence.chain:
        reason = f"{reason} ({type(evidence.chain[-1]).__name__})"
    return ProviderFailure(
        kind,
        reason,
        status=evidence.status,
        retry_after=None if begun else evidence.retry_after,
        detail=evidence.message[:500],
        param=param,
        of_model=kind is FailureKind.QUOTA_EXHAUSTED and _is_daily_quota(evidence),
    )


def _rejection(evidence: Evidence, reason: str, param: str | None) -> tuple[str, str | None]:
    """Why a request was never sent, and which field is at fault. LiteLLM's own words would quote it."""
    if _is_unfetched(evidence):
        return f"{reason}: it takes no image or file by URL, and none is fetched; send it as data", "messages"
    if evidence.unsent:
        why = "part of it has no form there, such as an image that is no base64 data URL of a kind it takes"
        return f"{reason} before it was sent: {why}", param
    return reason, param


def _is_unfetched(evidence: Evidence) -> bool:
    """True where LiteLLM could not fetch, or would not, what a message refers to by URL."""
    return evidence.has(litellm().ImageFetchError) or any(type(e).__name__ == "SSRFError" for e in evidence.chain)


def _kind(evidence: Evidence) -> FailureKind:
    if any(isinstance(error, OSError) and error.errno in NO_MORE_FILES for error in evidence.chain):
        return FailureKind.CONNECTION
    if evidence.unsent or _is_unfetched(evidence):
        # Before all else: a response of a caller's image host must not count as the provider's.
        return FailureKind.AUTHENTICATION if _is_credential_error(evidence) else FailureKind.REJECTED
    return _kind_by_code(evidence) or _kind_by_status(evidence) or _kind_without_response(evidence)


def _kind_by_code(evidence: Evidence) -> FailureKind | None:
    codes, library = evidence.codes, litellm()
    if codes & QUOTA_CODES or "credit balance is too low" in evidence.text or _is_daily_quota(evidence):
        return FailureKind.QUOTA_EXHAUSTED
    if codes & CREDENTIAL_CODES or "security token included in the request is" in evidence.text:
        return FailureKind.AUTHENTICATION
    if (
        codes & CONTENT_CODES
        or evidence.has(library.ContentPolicyViolationError)
        or "blocked by content filtering policy" in evidence.text
    ):
        return FailureKind.CONTENT_POLICY
    if evidence.status in (None, 400) and (
        codes & CONTEXT_CODES
        or evidence.has(library.ContextWindowExceededError)
        or any(text in evidence.text for text in CONTEXT_TEXTS)
    ):
        return FailureKind.TOO_LARGE
    if codes & NOT_FOUND_CODES or "provided model identifier is invalid" in evidence.text:
        return FailureKind.NOT_FOUND
    return None


def _is_daily_quota(evidence: Evidence) -> bool:
    return evidence.status in (None, 429) and evidence.message.lower().startswith(DAILY_QUOTA)


def _is_about_a_reference(evidence: Evidence) -> bool:
    """True where the provider lacks what the request refers to, such as a stored item."""
    return evidence.param not in (None, "", "model") or evidence.message.lower().startswith(LOST_REFERENCES)


def _kind_by_status(evidence: Evidence) -> FailureKind | None:
    status = evidence.status
    if status is None:
        return None
    by_status = {
        401: FailureKind.AUTHENTICATION,
        402: FailureKind.QUOTA_EXHAUSTED,
        403: FailureKind.PERMISSION,
        404: FailureKind.REJECTED if _is_about_a_reference(evidence) else FailureKind.NOT_FOUND,
        413: FailureKind.TOO_LARGE,
        429: FailureKind.RATE_LIMITED,
    }
    if status in by_status:
        return by_status[status]
    if status in UNAVAILABLE_STATUSES or status >= 500:
        return FailureKind.UNAVAILABLE
    if 300 <= status < 400:
        return FailureKind.REDIRECTED
    return FailureKind.REJECTED if 400 <= status < 500 else FailureKind.INVALID_RESPONSE


def _kind_without_response(evidence: Evidence) -> FailureKind:
    """No HTTP error came back: the wire failed, the answer was unreadable, or nothing was ever sent."""
    library = litellm()
    if evidence.has(httpx.TimeoutException, library.Timeout, TimeoutError):
        return FailureKind.TIMEOUT
    if evidence.has(httpx.TransportError, ConnectionError, ssl.SSLError, socket.gaierror):
        return FailureKind.INVALID_RESPONSE if evidence.broke_off else FailureKind.CONNECTION
    if _is_credential_error(evidence):
        return FailureKind.AUTHENTICATION
    if evidence.has(UnreadableError, json.JSONDecodeError, KeyError, IndexError, UnicodeDecodeError):
        return FailureKind.INVALID_RESPONSE
    answered = evidence.has(library.llms.base_llm.chat.transformation.BaseLLMException)
    if not answered and evidence.has(library.BadRequestError, library.NotFoundError):
        return FailureKind.REJECTED
    in_band = next((status for error in evidence.chain if (status := _own_status(error))), None)
    return FailureKind.RATE_LIMITED if in_band == 429 else FailureKind.INVALID_RESPONSE


def _own_status(error: BaseException) -> int | None:
    status = getattr(error, "status_code", None)
    return status if isinstance(status, int) else None


def _is_credential_error(evidence: Evidence) -> bool:
    """Keys that never left: LiteLLM found none, or botocore could not load any."""
    library = litellm()
    if evidence.has(library.AuthenticationError):
        return True
    return any(
        type(error).__module__ == "botocore.exceptions" and "Credential" in type(error).__name__
        for error in evidence.chain
    )


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
