"""OpenAI's error answers.

Sources: statuses, platform.openai.com/docs/guides/error-codes; types and codes of those statuses, where the guide has
none, are unverified, and so are the texts of 408 to 422 and of 502 to 504.
"""

import secrets
from collections.abc import Mapping

from local.simulator.conversation import Call
from local.simulator.faults import Fault
from local.simulator.http import Reply
from local.simulator.provider import ApiError

_QUOTA = (
    "You exceeded your current quota, please check your plan and billing details. For more information on this error, "
    "read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors."
)
NO_KEY = (
    "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth "
    "(i.e. Authorization: Bearer YOUR_KEY), or as the password field (with blank username) if you're accessing the "
    "API from your browser and are prompted for a username and password. You can obtain an API key from "
    "https://platform.openai.com/account/api-keys."
)
BAD_JSON = (
    "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP library "
    "correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON. If you have trouble "
    "figuring out how to fix this, please contact us through our help center at help.openai.com.)"
)
# status -> (type, code, message); other statuses fall to the nearest of 400 and 500
_STATUSES: dict[int, tuple[str, str | None, str]] = {
    400: ("invalid_request_error", None, "Invalid request."),
    401: ("invalid_request_error", "invalid_api_key", ""),
    403: (
        "invalid_request_error",
        "unsupported_country_region_territory",
        "Country, region, or territory not supported",
    ),
    404: ("invalid_request_error", "model_not_found", ""),
    408: ("server_error", None, "Request timed out."),
    409: ("invalid_request_error", None, "The resource was updated by another request."),
    413: ("invalid_request_error", None, "Request body is too large."),
    422: ("invalid_request_error", None, "Unprocessable entity."),
    429: ("requests", "rate_limit_exceeded", ""),
    500: ("server_error", None, "The server had an error while processing your request. Sorry about that!"),
    502: ("server_error", "bad_gateway", "Bad gateway."),
    503: ("server_error", None, "The engine is currently overloaded, please try again later."),
    504: ("server_error", None, "Gateway timeout."),
}


def response_headers() -> dict[str, str]:
    return {
        "x-request-id": f"req_{secrets.token_hex(16)}",
        "openai-version": "2020-10-01",
        "openai-organization": "org-simulator",
        "openai-processing-ms": "12",
    }


def error_reply(
    status: int,
    message: str,
    *,
    code: str | None = None,
    param: str | None = None,
    type: str = "invalid_request_error",
    headers: Mapping[str, str] | None = None,
) -> Reply:
    error = {"message": message, "type": type, "param": param, "code": code}
    return Reply.json(status, {"error": error}, {**response_headers(), **(headers or {})})


def refuse(message: str, *, code: str | None = None, param: str | None = None) -> ApiError:
    return ApiError(error_reply(400, message, code=code, param=param))


def wrong_key(key: str) -> Reply:
    shown = f"{key[:8]}{'*' * max(0, len(key) - 12)}{key[-4:]}" if len(key) > 12 else "*" * len(key)
    message = (
        f"Incorrect API key provided: {shown}. You can find your API key at "
        "https://platform.openai.com/account/api-keys."
    )
    return error_reply(401, message, code="invalid_api_key")


def model_not_found(name: str) -> Reply:
    message = f"The model `{name}` does not exist or you do not have access to it."
    return error_reply(404, message, code="model_not_found")


def context_exceeded(window: int, asked: int) -> Reply:
    message = (
        f"This model's maximum context length is {window} tokens. However, your messages resulted in {asked} tokens. "
        "Please reduce the length of the messages."
    )
    return error_reply(400, message, code="context_length_exceeded", param="messages")


def failure(fault: Fault, call: Call) -> Reply:
    """The answer of a fault that OpenAI gives as an error."""
    headers = {} if fault.retry_after is None else {"retry-after": fault.retry_after}
    match fault.kind:
        case "wrong_key":
            reply = wrong_key("sim-revoked-key")
        case "expired_token":
            message = "Your authentication token has expired. Please try signing in again."
            reply = error_reply(401, message, code="token_expired")
        case "access_denied":
            message = f"Project `proj_simulator` does not have access to model `{call.model.name}`"
            reply = error_reply(403, message, code="model_not_found")
        case "model_not_found":
            reply = model_not_found(call.model.name)
        case "context_exceeded":
            reply = context_exceeded(call.model.context_window, call.model.context_window + call.prompt_tokens)
        case "content_filter":
            message = "The response was filtered due to the prompt triggering our content management policy."
            reply = error_reply(400, message, code="content_filter", param="prompt")
        case "prefill_refused":
            message = "This model does not support assistant message prefill."
            reply = error_reply(400, message, param="messages")
        case "quota":
            reply = error_reply(429, _QUOTA, type="insufficient_quota", code="insufficient_quota", headers=headers)
        case "rejected":
            reply = error_reply(400, "Invalid value for 'messages'.", code="invalid_value", param="messages")
        case _:
            reply = _of_status(fault, call, headers)
    return reply


def _of_status(fault: Fault, call: Call, headers: Mapping[str, str]) -> Reply:
    status = fault.status or 503
    if fault.body is not None:
        return Reply(status, fault.body.encode(), {**response_headers(), **headers})
    kind, code, message = _STATUSES.get(status) or _STATUSES[400 if status < 500 else 500]
    match status:
        case 401:
            message = "Incorrect API key provided: sim-****. You can find your API key at https://platform.openai.com/account/api-keys."
        case 404:
            message = f"The model `{call.model.name}` does not exist or you do not have access to it."
        case 429:
            message = (
                f"Rate limit reached for {call.model.name} in organization org-simulator on requests per min (RPM): "
                "Limit 500, Used 500, Requested 1. Please try again in 120ms. Visit "
                "https://platform.openai.com/account/rate-limits to learn more."
            )
    return error_reply(
        status, fault.message or message, type=fault.type or kind, code=fault.code or code, headers=headers
    )
