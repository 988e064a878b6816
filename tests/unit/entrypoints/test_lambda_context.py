"""Which headers about Lambda the gateway trusts, and from whom."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from litellm_fallback_router.entrypoints.lambda_context import MARGIN, LambdaContext
from litellm_fallback_router.routing.callers import Budget, CallerKey

REQUEST_CONTEXT = {"stage": "prod", "authorizer": {"principalId": "key-7f3a"}}


class Behind:
    """The app behind the middleware: remembers what it was called with."""

    scope: Scope

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope

    @property
    def state(self) -> dict[str, Any]:
        return dict(self.scope["state"])


async def told(scope: Scope, *, inside: bool) -> Behind:
    async def nothing(*_: Any) -> Any:
        raise AssertionError("neither reads nor writes")

    behind = Behind()
    await LambdaContext(behind, inside=inside)({"type": "http", "headers": [], **scope}, nothing, nothing)
    return behind


def from_adapter(seconds: float, request_context: Any = REQUEST_CONTEXT) -> Scope:
    context = {"request_id": "1", "deadline": int((time.time() + seconds) * 1000)}
    return {
        "headers": [
            (b"x-amzn-lambda-context", json.dumps(context).encode()),
            (b"x-amzn-request-context", json.dumps(request_context).encode()),
            (b"accept", b"*/*"),
        ]
    }


class Context:
    def get_remaining_time_in_millis(self) -> int:
        return 20_000


async def test_inside_lambda_the_adapters_headers_say_how_long_is_left_and_who_calls() -> None:
    behind = await told(from_adapter(10.0), inside=True)
    assert behind.state["time_left"] == pytest.approx(10.0 - MARGIN, abs=0.5)
    assert behind.state["caller"] == "key-7f3a"


@pytest.mark.parametrize("inside", [True, False])
async def test_nothing_behind_sees_the_adapters_headers(inside: bool) -> None:
    behind = await told(from_adapter(10.0), inside=inside)
    assert behind.scope["headers"] == [(b"accept", b"*/*")]


async def test_outside_lambda_the_same_headers_are_not_trusted() -> None:
    assert (await told(from_adapter(10.0), inside=False)).state == {}


async def test_a_plain_handlers_context_counts_and_forged_headers_do_not() -> None:
    event = {"requestContext": REQUEST_CONTEXT}
    scope = {**from_adapter(1.0, {}), "aws.context": Context(), "aws.event": event}
    behind = await told(scope, inside=False)
    assert behind.state == {"time_left": 20.0 - MARGIN, "caller": "key-7f3a", "key": CallerKey("key-7f3a")}


async def test_time_that_has_run_out_is_none_left_rather_than_less() -> None:
    assert (await told(from_adapter(0.2), inside=True)).state["time_left"] == 0.0


@pytest.mark.parametrize("request_context", [None, "PassThrough", {}, {"authorizer": None}, {"authorizer": {}}])
async def test_an_event_without_an_authorizer_has_no_caller(request_context: Any) -> None:
    assert (await told(from_adapter(10.0, request_context), inside=True)).state["caller"] is None


def with_limits(limits: Any) -> dict[str, Any]:
    return {"stage": "prod", "authorizer": {"principalId": "key-7f3a", "plan": "standard", "limits": limits}}


@pytest.mark.parametrize("door", ["adapter", "handler"])
async def test_what_the_key_may_do_comes_from_the_authorizer(door: str) -> None:
    context = with_limits('{"name":"\\u00c9quipe","models":["openai-*"],"max_usd":"50/day","rpm":60}')
    event = {"aws.context": Context(), "aws.event": {"requestContext": context}}
    scope = from_adapter(10.0, context) if door == "adapter" else event
    behind = await told(scope, inside=door == "adapter")
    expected = CallerKey("key-7f3a", "Équipe", ("openai-*",), max_usd=Budget.parse("50/day"), rpm=60)
    assert behind.state["key"] == expected


@pytest.mark.parametrize("limits", ['{"rpm": 0}', '{"new_field": 1}', "[]", "{"])
async def test_limits_that_cannot_be_read_let_nobody_in(limits: str, caplog: pytest.LogCaptureFixture) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def nothing(*_: Any) -> Any:
        raise AssertionError("nobody reads")

    scope = {"type": "http", "path": "/v1/chat/completions", **from_adapter(10.0, with_limits(limits))}
    await LambdaContext(nothing, inside=True)(scope, nothing, send)
    assert sent[0]["status"] == 503
    assert "what this key may do cannot be read" in json.loads(sent[1]["body"])["error"]["message"]
    assert "key key-7f3a: " in caplog.text
