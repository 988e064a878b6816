"""Anthropic's error answers.

Sources: types and statuses, docs.anthropic.com/en/api/errors; "Output blocked by content filtering policy",
anthropics/claude-code issue 31615. Texts of the other statuses are unverified.
"""

import secrets
from collections.abc import Mapping
from typing import Any

from local.simulator.conversation import Call
from local.simulator.faults import Fault
from local.simulator.http import Reply
from local.simulator.provider import ApiError

_CREDIT = (
    "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase "
    "credits."
)
PREFILL = "This model does not support assistant message prefill. The conversation must end with a user message."
# status -> (type, message); other statuses fall to the nearest of 400 and 500
_STATUSES = {
    400: ("invalid_request_error", "Invalid request"),
    401: ("authentication_error", "invalid x-api-key"),
    402: ("billing_error", "Your account has a billing problem."),
    403: ("permission_error", "Your API key does not have permission to use the specified resource."),
    404: ("not_found_error", "Not found"),
    408: ("timeout_error", "Request timed out"),
    413: ("request_too_large", "Request exceeds the maximum size"),
    429: ("rate_limit_error", "This request would exceed your organization's rate limit of 50 requests per minute."),
    500: ("api_error", "Internal server error"),
    502: ("api_error", "Bad gateway"),
    503: ("api_error", "Service unavailable"),
    504: ("timeout_error", "Request timed out"),
    529: ("overloaded_error", "Overloaded"),
}
# kind of fault -> (status, type, message)
_FAULTS = {
    "wrong_key": (401, *_STATUSES[401]),
    "expired_token": (
        401,
        "authentication_error",
        "OAuth token has expired. Please obtain a new token or refresh your existing token.",
    ),
    "access_denied": (403, *_STATUSES[403]),
    "content_filter": (400, "invalid_request_error", "Output blocked by content filtering policy"),
    "prefill_refused": (400, "invalid_request_error", PREFILL),
    "quota": (400, "invalid_request_error", _CREDIT),
    "rejected": (400, "invalid_request_error", "messages.0.content.0.text: Input should be a valid string"),
}


def response_headers() -> dict[str, str]:
    return {"request-id": _request_id(), "anthropic-organization-id": "00000000-0000-4000-8000-000000000000"}


def error_reply(status: int, kind: str, message: str, headers: Mapping[str, str] | None = None) -> Reply:
    named = response_headers()
    body = {**error_body(kind, message), "request_id": named["request-id"]}
    return Reply.json(status, body, {**named, **(headers or {})})


def error_body(kind: str, message: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": message}}


def refuse(message: str) -> ApiError:
    return ApiError(error_reply(400, "invalid_request_error", message))


def model_not_found(name: str) -> Reply:
    return error_reply(404, "not_found_error", f"model: {name}")


def context_exceeded(window: int, asked: int) -> Reply:
    return error_reply(400, "invalid_request_error", f"prompt is too long: {asked} tokens > {window} maximum")


def failure(fault: Fault, call: Call) -> Reply:
    """The answer of a fault that Anthropic gives as an error."""
    headers = {} if fault.retry_after is None else {"retry-after": fault.retry_after}
    if fault.kind == "model_not_found":
        return model_not_found(call.model.name)
    if fault.kind == "context_exceeded":
        return context_exceeded(call.model.context_window, call.model.context_window + call.prompt_tokens)
    return error_reply(*_FAULTS[fault.kind], headers) if fault.kind in _FAULTS else _of_status(fault, headers)


def _of_status(fault: Fault, headers: Mapping[str, str]) -> Reply:
    status = fault.status or 503
    if fault.body is not None:
        return Reply(status, fault.body.encode(), {**response_headers(), **headers})
    kind, message = _STATUSES.get(status) or _STATUSES[400 if status < 500 else 500]
    return error_reply(status, fault.type or kind, fault.message or message, headers)


def _request_id() -> str:
    return f"req_01{secrets.token_hex(11)}"
