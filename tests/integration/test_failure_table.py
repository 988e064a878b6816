"""Each provider's raw status and body, through LiteLLM, to the FailureKind it must become.

An upgrade of LiteLLM that changes the mapping fails here.
"""

from __future__ import annotations

import errno
import os
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from litellm_fallback_router.engine import Engine
from litellm_fallback_router.engine.acompletion.error_chain import failure_of
from litellm_fallback_router.routing.failures import FailureKind as Kind
from litellm_fallback_router.routing.failures import NextStep, ProviderFailure
from litellm_fallback_router.routing.types import Deployment, Message
from tests.support.raw_server import RESET, raw_server, response
from tests.support.scripted import deployment

MESSAGES: list[Message] = [{"role": "user", "content": "hi"}]


def openai(kind: str | None, code: str | None, message: str, param: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def anthropic(kind: str, message: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}


def bedrock(status: int, kind: str, message: str) -> bytes:
    return response(status, {"message": message}, {"x-amzn-errortype": f"{kind}:http://internal.amazon.com/"})


HTML = "<html><body><h1>502 Bad Gateway</h1></body></html>"

OPENAI = {
    "rate": (response(429, openai("requests", "rate_limit_exceeded", "Rate limit reached")), Kind.RATE_LIMITED),
    "quota": (
        response(429, openai("insufficient_quota", "insufficient_quota", "You exceeded your current quota")),
        Kind.QUOTA_EXHAUSTED,
    ),
    "key": (
        response(401, openai("invalid_request_error", "invalid_api_key", "Incorrect API key")),
        Kind.AUTHENTICATION,
    ),
    "country": (
        response(403, openai("request_forbidden", "unsupported_country_region_territory", "Country not supported")),
        Kind.PERMISSION,
    ),
    "model": (response(404, openai("invalid_request_error", "model_not_found", "does not exist")), Kind.NOT_FOUND),
    "context": (
        response(
            400,
            openai("invalid_request_error", "context_length_exceeded", "This model's maximum context length is 128000"),
        ),
        Kind.TOO_LARGE,
    ),
    "filter": (response(400, openai(None, "content_filter", "The response was filtered")), Kind.CONTENT_POLICY),
    "policy": (
        response(400, openai("invalid_request_error", "content_policy_violation", "rejected by our safety system")),
        Kind.CONTENT_POLICY,
    ),
    "bad": (response(400, openai("invalid_request_error", None, "Invalid value", "tools")), Kind.REJECTED),
    "unprocessable": (response(422, openai("invalid_request_error", None, "Unprocessable")), Kind.REJECTED),
    "html": (response(200, HTML, content_type="text/html"), Kind.INVALID_RESPONSE),
    "error object": (response(200, openai("server_error", None, "oops")), Kind.INVALID_RESPONSE),
    "no choices": (
        response(200, {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": []}),
        Kind.INVALID_RESPONSE,
    ),
}
FILTERED = "Output blocked by content filtering policy"
ANTHROPIC = {
    "filter": (response(400, anthropic("invalid_request_error", FILTERED)), Kind.CONTENT_POLICY),
    "rate": (response(429, anthropic("rate_limit_error", "Rate limited")), Kind.RATE_LIMITED),
    "overloaded": (response(529, anthropic("overloaded_error", "Overloaded")), Kind.UNAVAILABLE),
    "credit": (
        response(
            400, anthropic("invalid_request_error", "Your credit balance is too low to access the Anthropic API.")
        ),
        Kind.QUOTA_EXHAUSTED,
    ),
    "billing": (response(402, anthropic("billing_error", "Payment required")), Kind.QUOTA_EXHAUSTED),
    "key": (response(401, anthropic("authentication_error", "invalid x-api-key")), Kind.AUTHENTICATION),
    "permission": (response(403, anthropic("permission_error", "not allowed")), Kind.PERMISSION),
    "model": (response(404, anthropic("not_found_error", "model: claude-3-5-sonnet-20241022")), Kind.NOT_FOUND),
    "large": (response(413, anthropic("request_too_large", "Request exceeds the maximum size")), Kind.TOO_LARGE),
    "context": (
        response(400, anthropic("invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum")),
        Kind.TOO_LARGE,
    ),
    "bad": (response(400, anthropic("invalid_request_error", "messages: field required")), Kind.REJECTED),
    "html": (response(200, HTML, content_type="text/html"), Kind.INVALID_RESPONSE),
    "error object": (response(200, anthropic("api_error", "oops")), Kind.INVALID_RESPONSE),
}
BEDROCK = {
    "filter": (bedrock(400, "ValidationException", f"The model returned: {FILTERED}"), Kind.CONTENT_POLICY),
    "throttled": (bedrock(429, "ThrottlingException", "Too many requests"), Kind.RATE_LIMITED),
    "daily quota": (
        bedrock(429, "ThrottlingException", "Too many tokens per day, please wait before trying again."),
        Kind.QUOTA_EXHAUSTED,
    ),
    "quota": (bedrock(400, "ServiceQuotaExceededException", "Quota exceeded"), Kind.QUOTA_EXHAUSTED),
    "expired": (
        bedrock(403, "ExpiredTokenException", "The security token included in the request is expired"),
        Kind.AUTHENTICATION,
    ),
    "unrecognized": (
        bedrock(403, "UnrecognizedClientException", "The security token included in the request is invalid."),
        Kind.AUTHENTICATION,
    ),
    "signature": (bedrock(403, "InvalidSignatureException", "signature does not match"), Kind.AUTHENTICATION),
    "denied": (
        bedrock(403, "AccessDeniedException", "You don't have access to the model with the specified model ID."),
        Kind.PERMISSION,
    ),
    "missing": (bedrock(404, "ResourceNotFoundException", "Could not resolve the foundation model"), Kind.NOT_FOUND),
    "identifier": (
        bedrock(400, "ValidationException", "The provided model identifier is invalid."),
        Kind.NOT_FOUND,
    ),
    "context": (
        bedrock(400, "ValidationException", "Input is too long for requested model."),
        Kind.TOO_LARGE,
    ),
    "bad": (bedrock(400, "ValidationException", "Malformed input request"), Kind.REJECTED),
    "model timeout": (bedrock(408, "ModelTimeoutException", "Model timed out"), Kind.UNAVAILABLE),
    "model error": (bedrock(424, "ModelErrorException", "Model error"), Kind.UNAVAILABLE),
    "not ready": (bedrock(429, "ModelNotReadyException", "Model not ready"), Kind.RATE_LIMITED),
    "html": (response(200, HTML, content_type="text/html"), Kind.INVALID_RESPONSE),
    "error object": (response(200, {"message": "oops"}), Kind.INVALID_RESPONSE),
}
EVERYWHERE = {
    **{
        str(status): (response(status, {"message": "x"}), Kind.UNAVAILABLE)
        for status in (408, 409, 424, 500, 502, 503, 504, 529)
    },
    "302": (response(302, {"message": "x"}, {"location": "http://127.0.0.1:1/"}), Kind.REDIRECTED),
    "half a body": (response(200, {"x": "y" * 400})[:-200], Kind.INVALID_RESPONSE),
    "half a 429": (response(429, {"x": "y" * 400}, {"retry-after": "2"})[:-200], Kind.RATE_LIMITED),
    "half a 503": (response(503, {"x": "y" * 400})[:-200], Kind.UNAVAILABLE),
    "half a 401": (response(401, {"x": "y" * 400})[:-200], Kind.AUTHENTICATION),
    "html 502": (response(502, HTML, content_type="text/html"), Kind.UNAVAILABLE),
    "reset": (RESET, Kind.CONNECTION),
}
CASES = [
    pytest.param(provider, answer, kind, id=f"{provider}-{name}")
    for provider, table in (("openai", OPENAI), ("anthropic", ANTHROPIC), ("bedrock", BEDROCK))
    for name, (answer, kind) in {**table, **EVERYWHERE}.items()
]


def target(provider: str, url: str) -> Deployment:
    if provider == "openai":
        return deployment("gpt-4o", api_base=f"{url}/v1")
    if provider == "anthropic":
        model = "claude-haiku-4-5"
        return deployment(model, provider=provider, litellm_model=f"anthropic/{model}", api_base=url)
    model = "us.anthropic.claude-sonnet-4-6"
    extra = {"aws_bedrock_runtime_endpoint": url, "aws_access_key_id": "AKID", "aws_secret_access_key": "secret"}
    litellm_model = f"bedrock/converse/{model}"
    return deployment(model, provider=provider, litellm_model=litellm_model, region="us-east-1", extra=extra)


async def failure(
    provider: str,
    url: str,
    *,
    streaming: bool,
    messages: list[Message] = MESSAGES,
    params: dict[str, Any] | None = None,
) -> ProviderFailure:
    adapter = Engine(lambda _: "key" if provider != "bedrock" else None)
    place = target(provider, url)
    with pytest.raises(ProviderFailure) as caught:
        if streaming:
            async for _ in adapter.stream(place, messages, params or {}):
                pass
        else:
            await adapter.complete(place, messages, params or {})
    return caught.value


@pytest.mark.parametrize("streaming", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(("provider", "answer", "kind"), CASES)
async def test_becomes_its_kind(provider: str, answer: bytes, kind: Kind, streaming: bool) -> None:
    async with raw_server(answer) as url:
        failed = await failure(provider, url, streaming=streaming)
    assert failed.kind is kind
    if answer != RESET and kind is not Kind.INVALID_RESPONSE:
        assert str(failed.status) in answer.split(b"\r\n")[0].decode()


@pytest.mark.parametrize(
    ("answer", "step", "counts"),
    [(BEDROCK["daily quota"][0], NextStep.NEXT, True), (BEDROCK["quota"][0], NextStep.SKIP_CREDENTIAL, False)],
    ids=["of the model", "of the account"],
)
async def test_a_quota_of_one_model_leaves_the_credentials_others(answer: bytes, step: NextStep, counts: bool) -> None:
    async with raw_server(answer) as url:
        rule = (await failure("bedrock", url, streaming=False)).rule
    assert (rule.retry, rule.next_step, rule.counts_for_circuit) == (False, step, counts)


@pytest.mark.parametrize("streaming", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (400, Kind.REJECTED),
        (401, Kind.AUTHENTICATION),
        (402, Kind.QUOTA_EXHAUSTED),
        (429, Kind.RATE_LIMITED),
        (502, Kind.UNAVAILABLE),
        (7, Kind.INVALID_RESPONSE),
        ("502", Kind.INVALID_RESPONSE),
    ],
)
async def test_an_error_inside_a_success_has_the_status_that_it_names(
    code: int | str, kind: Kind, streaming: bool
) -> None:
    """In a stream's place, too, where a server answers with an object."""
    async with raw_server(response(200, {"error": {"message": "no", "code": code}})) as url:
        failed = await failure("openai", url, streaming=streaming)
    assert (failed.kind, failed.status, failed.detail) == (kind, None, "no")


IN_AN_HOUR = "a date an hour from when the test runs"


@pytest.mark.parametrize("streaming", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("provider", ["openai", "anthropic", "bedrock"])
@pytest.mark.parametrize(
    ("header", "value", "seconds"),
    [
        ("retry-after", "2", 2.0),
        ("Retry-After", "0.5", 0.5),
        ("retry-after", IN_AN_HOUR, 3600.0),
        ("retry-after-ms", "1500", 1.5),
        ("retry-after", "soon", None),
        ("retry-after", "1_0", None),
        ("retry-after", "nan", None),
        ("retry-after", "+5", None),
        ("retry-after-ms", "1e3", None),
    ],
)
async def test_retry_after_survives(
    provider: str, header: str, value: str, seconds: float | None, streaming: bool
) -> None:
    if value is IN_AN_HOUR:
        value = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    async with raw_server(response(429, {"message": "slow down"}, {header: value})) as url:
        failed = await failure(provider, url, streaming=streaming)
    assert failed.retry_after == (None if seconds is None else pytest.approx(seconds, rel=0.1))


async def test_nobody_listening_is_a_connection_failure() -> None:
    async with raw_server(RESET) as url:
        pass
    for provider in ("openai", "anthropic", "bedrock"):
        for streaming in (False, True):
            assert (await failure(provider, url, streaming=streaming)).kind is Kind.CONNECTION


async def test_the_reason_never_quotes_the_provider() -> None:
    secret = "prompt-or-key-4711"
    for provider in ("openai", "anthropic", "bedrock"):
        async with raw_server(response(400, {"message": secret, "error": {"message": secret}})) as url:
            failed = await failure(provider, url, streaming=False)
        assert secret not in str(failed)
        assert secret in failed.detail


async def test_a_rejection_names_the_field() -> None:
    async with raw_server(OPENAI["bad"][0]) as url:
        failed = await failure("openai", url, streaming=False)
    assert (failed.param, failed.detail) == ("tools", "Invalid value")


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
def test_no_more_files_is_the_connections_fault_and_not_the_requests(number: int) -> None:
    def transform_request() -> None:
        raise OSError(number, os.strerror(number))

    try:
        transform_request()
    except OSError as error:
        assert failure_of(error).kind is Kind.CONNECTION
