"""Faults that are a refusal: each status and each kind of refusal, in the provider's own words."""

from typing import Any

import pytest

from local.simulator import Fault

Wire = Any  # see conftest


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_status_answers_with_it_and_retry_after_as_often_as_told(wire: Wire, stream: bool) -> None:
    wire.sim.inject(Fault(kind="status", status=503, retry_after="2"), provider=wire.provider, times=2)
    replies = [await wire.ask(stream=stream) for _ in range(3)]
    assert [reply.status for reply in replies] == [503, 503, 200]
    assert replies[0].headers["retry-after"] == "2"
    assert [record.fault for record in wire.sim.requests] == ["status", "status", None]


@pytest.mark.parametrize(
    ("status", "markers"),
    [
        (429, {"openai": "rate_limit_exceeded", "anthropic": "rate_limit_error", "bedrock": "Too many requests"}),
        (500, {"openai": "server_error", "anthropic": "api_error", "bedrock": "unexpected error"}),
        (503, {"openai": "overloaded", "anthropic": "api_error", "bedrock": "unable to process"}),
        (529, {"openai": "server_error", "anthropic": "overloaded_error", "bedrock": "unexpected error"}),
        (418, {"openai": "invalid_request_error", "anthropic": "invalid_request_error", "bedrock": "not valid"}),
    ],
)
async def test_status_carries_the_providers_own_error(wire: Wire, status: int, markers: dict[str, str]) -> None:
    wire.sim.inject(Fault(kind="status", status=status))
    heard = await wire.ask()
    assert heard.status == status
    assert markers[wire.provider] in heard.body.decode()


async def test_status_says_what_it_is_told_to_say(wire: Wire) -> None:
    wire.sim.inject(Fault(kind="status", status=400, body="<nonsense>"), times=1)
    wire.sim.inject(Fault(kind="status", status=400, message="told", code="c", type="t"), times=1)
    assert (await wire.ask()).body == b"<nonsense>"
    told = await wire.ask()
    assert "told" in told.body.decode()
    named = {"openai": told.body.decode(), "anthropic": told.body.decode(), "bedrock": str(told.headers)}
    assert {"openai": '"c"', "anthropic": '"t"', "bedrock": "'c:"}[wire.provider] in named[wire.provider]


REFUSALS: list[tuple[str, dict[str, tuple[int, str]]]] = [
    (
        "wrong_key",
        {
            "openai": (401, "invalid_api_key"),
            "anthropic": (401, "invalid x-api-key"),
            "bedrock": (403, "The security token included in the request is invalid."),
        },
    ),
    (
        "expired_token",
        {
            "openai": (401, "token_expired"),
            "anthropic": (401, "OAuth token has expired"),
            "bedrock": (403, "The security token included in the request is expired"),
        },
    ),
    (
        "access_denied",
        {
            "openai": (403, "does not have access to model"),
            "anthropic": (403, "permission_error"),
            "bedrock": (403, "You don't have access to the model with the specified model ID."),
        },
    ),
    (
        "model_not_found",
        {
            "openai": (404, "model_not_found"),
            "anthropic": (404, "not_found_error"),
            "bedrock": (404, "Could not resolve the foundation model"),
        },
    ),
    (
        "context_exceeded",
        {
            "openai": (400, "context_length_exceeded"),
            "anthropic": (400, "prompt is too long: "),
            "bedrock": (400, "prompt is too long: "),
        },
    ),
    (
        "content_filter",
        {
            "openai": (400, "content_filter"),
            "anthropic": (400, "Output blocked by content filtering policy"),
            "bedrock": (400, "Output blocked by content filtering policy"),
        },
    ),
    (
        "prefill_refused",
        {
            "openai": (400, "does not support assistant message prefill"),
            "anthropic": (400, "does not support assistant message prefill"),
            "bedrock": (400, "does not support assistant message prefill"),
        },
    ),
    (
        "quota",
        {
            "openai": (429, "insufficient_quota"),
            "anthropic": (400, "Your credit balance is too low to access the Anthropic API."),
            "bedrock": (429, "Too many tokens per day"),
        },
    ),
    (
        "rejected",
        {
            "openai": (400, "invalid_request_error"),
            "anthropic": (400, "invalid_request_error"),
            "bedrock": (400, "ValidationException"),
        },
    ),
]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(("kind", "expected"), REFUSALS, ids=[kind for kind, _ in REFUSALS])
async def test_refusals_are_the_providers_own(
    wire: Wire, stream: bool, kind: Any, expected: dict[str, tuple[int, str]]
) -> None:
    wire.sim.inject(Fault(kind=kind))
    heard = await wire.ask(stream=stream)
    status, marker = expected[wire.provider]
    assert heard.status == status
    assert marker in heard.body.decode() + str(heard.headers)
