"""What API Gateway says itself, in OpenAI's error envelope, so that official clients raise their right exceptions."""

from __future__ import annotations

import json
from dataclasses import dataclass

from aws_cdk.aws_apigateway import ResponseType


@dataclass(frozen=True)
class GatewayError:
    """One of API Gateway's own responses."""

    name: str
    type: ResponseType
    status: str | None
    """None: as API Gateway chose it."""
    message: str
    code: str
    kind: str = "invalid_request_error"
    """OpenAI's `type`."""
    retry_after: int | None = None
    """Seconds after which the caller may try again."""
    retry: bool = True
    """False: official clients must not retry it by themselves."""

    @property
    def body(self) -> str:
        return json.dumps(
            {"error": {"message": self.message, "type": self.kind, "param": None, "code": self.code}},
            ensure_ascii=False,
        )

    @property
    def headers(self) -> dict[str, str]:
        """As API Gateway maps them: a quoted literal, or a variable of its context."""
        headers = {"x-request-id": "context.requestId"}
        if self.retry_after is not None:
            headers["Retry-After"] = f"'{self.retry_after}'"
        if not self.retry:
            headers["x-should-retry"] = "'false'"
        return headers


_KEYS = "Send one that fallback-router keys create has printed, as Authorization: Bearer KEY."

GATEWAY_ERRORS = (
    GatewayError(
        "Unauthorized", ResponseType.UNAUTHORIZED, "401", f"Missing or wrong API key. {_KEYS}", "invalid_api_key"
    ),
    GatewayError(
        "InvalidApiKey",
        ResponseType.INVALID_API_KEY,
        "401",
        f"This API key belongs to no usage plan. {_KEYS}",
        "invalid_api_key",
    ),
    GatewayError(
        "AccessDenied", ResponseType.ACCESS_DENIED, "401", f"This API key is not accepted. {_KEYS}", "invalid_api_key"
    ),
    GatewayError(
        "MissingAuthenticationToken",
        ResponseType.MISSING_AUTHENTICATION_TOKEN,
        "404",
        "Unknown request URL.",
        "unknown_url",
    ),
    GatewayError(
        "WafFiltered",
        ResponseType.WAF_FILTERED,
        "403",
        "This address is not allowed to call the gateway, or calls too often.",
        "forbidden",
    ),
    GatewayError(
        "Throttled",
        ResponseType.THROTTLED,
        "429",
        "Too many requests for this API key's plan. Wait a second and try again.",
        "rate_limit_exceeded",
        "requests",
        retry_after=1,
    ),
    GatewayError(
        "QuotaExceeded",
        ResponseType.QUOTA_EXCEEDED,
        "429",
        "This API key's plan is used up for today. Wait for tomorrow (UTC), or ask for a larger plan.",
        "insufficient_quota",
        "insufficient_quota",
        retry=False,
    ),
    GatewayError(
        "RequestTooLarge",
        ResponseType.REQUEST_TOO_LARGE,
        "413",
        "The request is too large: a Lambda takes 6 MB. Send fewer or smaller images.",
        "request_too_large",
    ),
    GatewayError(
        "IntegrationTimeout",
        ResponseType.INTEGRATION_TIMEOUT,
        "504",
        "The answer took longer than the gateway may take. Stream it, or set x-router-timeout-ms.",
        "timeout",
        "api_error",
        retry=False,
    ),
    GatewayError(
        "AuthorizerFailure",
        ResponseType.AUTHORIZER_FAILURE,
        "503",
        "API keys cannot be checked right now. Try again in a moment.",
        "keys_unavailable",
        "api_error",
        retry_after=2,
    ),
    GatewayError(
        "Default4Xx",
        ResponseType.DEFAULT_4_XX,
        None,
        "The request was refused before it reached the gateway.",
        "bad_request",
    ),
    GatewayError(
        "Default5Xx",
        ResponseType.DEFAULT_5_XX,
        None,
        "The gateway could not be reached. Try again in a moment.",
        "gateway_error",
        "api_error",
    ),
)
