"""A provider that answers with a redirect is not followed: nothing of a request reaches a host that the mapping does
not name. Two real servers: the one the mapping names, and the one it points to.
"""

from __future__ import annotations

from typing import Any

import pytest

from litellm_fallback_router.bootstrap import assemble, load
from litellm_fallback_router.commands.fixes import fix
from litellm_fallback_router.routing.errors import RouterError
from litellm_fallback_router.routing.failures import FailureKind
from litellm_fallback_router.routing.types import ChatRequest
from litellm_fallback_router.settings import Settings
from tests.support.provider_entries import BEDROCK, HEADER, KEY, PLACES
from tests.support.raw_server import response
from tests.support.recording_server import recording_server

PROMPT = "prompt-4711"
HEADERS = {"extra_headers": {"x-team": HEADER}}
ANSWER = {
    "id": "x",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "mine"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}
WHOLE_ONLY: dict[str, dict[str, Any]] = {
    "aiohttp": {"litellm_provider": "aiohttp_openai", "params": {"model": "gpt-4o", "api_key": KEY}},
    "old completions": {
        "litellm_provider": "text-completion-openai",
        "params": {"model": "davinci-002", "api_key": KEY},
    },
}
"""LiteLLM's streams of these cannot be read."""
BEDROCK_MODELS = ("us.anthropic.claude-sonnet-4-6", "us.amazon.nova-2-lite-v1:0")


def mapping_to(name: str, url: str) -> dict[str, Any]:
    if name in BEDROCK_MODELS:
        params = {"model": name, **BEDROCK, "aws_bedrock_runtime_endpoint": url}
        return {"model_list": [{"model_name": "m", "litellm_provider": "bedrock", "params": params}]}
    place = {**PLACES, **WHOLE_ONLY}[name]
    params = {**place["params"], **HEADERS, "api_base": f"{url}/v1"}
    return {"model_list": [{"model_name": "m", "litellm_provider": place["litellm_provider"], "params": params}]}


async def ask(mapping: dict[str, Any], *, streaming: bool) -> RouterError:
    asked = ChatRequest("m", [{"role": "user", "content": PROMPT}])
    async with assemble(load(Settings(), mapping)) as router:
        with pytest.raises(RouterError) as failed:
            if streaming:
                async with router.stream(asked) as stream:
                    async for _ in stream:
                        pass
            else:
                await router.complete(asked)
    return failed.value


@pytest.mark.parametrize("streaming", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("name", ["openai", "anthropic", BEDROCK_MODELS[0]])
async def test_a_redirect_is_a_failed_attempt(name: str, status: int, streaming: bool) -> None:
    async with recording_server(response(200, ANSWER)) as elsewhere, recording_server() as named:
        named.answer = response(status, {"message": "moved"}, {"location": f"{elsewhere.url}/v1/secret-4711"})
        error = await ask(mapping_to(name, named.url), streaming=streaming)
    assert (elsewhere.connections, elsewhere.requests) == (0, [])
    (attempt,) = error.ledger.attempts
    assert (attempt.failure, attempt.status) == (FailureKind.REDIRECTED, status)
    assert attempt.reason == f"{status} it redirects to another address, which is not followed"
    assert len(named.requests) == 1
    assert PROMPT.encode() in named.requests[0]
    assert HEADER.encode() in named.requests[0]
    for told in (str(error), attempt.reason):
        assert "4711" not in told
        assert elsewhere.url not in told


@pytest.mark.parametrize("streaming", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("status", [303, 307])
@pytest.mark.parametrize("name", [*PLACES, *BEDROCK_MODELS])
async def test_nothing_is_sent_to_a_host_that_the_mapping_does_not_name(
    name: str, status: int, streaming: bool
) -> None:
    async with recording_server(response(200, ANSWER)) as elsewhere, recording_server() as named:
        named.answer = response(status, {"message": "moved"}, {"location": f"{elsewhere.url}/v1"})
        error = await ask(mapping_to(name, named.url), streaming=streaming)
    assert len(named.requests) == 1, "its request reached it"
    assert (elsewhere.connections, elsewhere.requests) == (0, [])
    assert error.ledger.attempts[0].failure is FailureKind.REDIRECTED


@pytest.mark.parametrize("name", WHOLE_ONLY)
async def test_nor_by_providers_that_give_whole_answers_only(name: str) -> None:
    async with recording_server(response(200, ANSWER)) as elsewhere, recording_server() as named:
        named.answer = response(307, ANSWER, {"location": f"{elsewhere.url}/v1"})
        error = await ask(mapping_to(name, named.url), streaming=False)
    assert (len(named.requests), elsewhere.connections) == (1, 0)
    assert error.ledger.attempts[0].failure is FailureKind.REDIRECTED


async def test_a_stream_that_cannot_be_read_is_not_asked_for() -> None:
    async with recording_server() as named:
        error = await ask(mapping_to("old completions", named.url), streaming=True)
    assert (named.requests, error.ledger.attempts[0].failure) == ([], FailureKind.REJECTED)


@pytest.mark.parametrize("status", [300, 304, 305, 399])
@pytest.mark.parametrize("name", ["openai", "anthropic", BEDROCK_MODELS[0]])
async def test_any_3xx_is_one(name: str, status: int) -> None:
    async with recording_server(response(status, b"")) as named:
        error = await ask(mapping_to(name, named.url), streaming=False)
    assert error.ledger.attempts[0].failure is FailureKind.REDIRECTED


async def test_the_operator_is_told_what_to_mend() -> None:
    config = load(Settings(), mapping_to("openai", "http://127.0.0.1:1"))
    assert fix(config.deployments[0], FailureKind.REDIRECTED) == (
        "http://127.0.0.1:1/v1 redirects to another address, and requests are not sent on: put the address that "
        "answers itself into api_base (often https:// for http://, or without a slash at the end)"
    )
