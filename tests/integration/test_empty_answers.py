"""An answer may be empty: where its first word is a stop string, or a filter took all of it. It counts, whole and
streamed, if the provider gave a finish reason, and is no answer if it gave none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from litellm_fallback_router.engine import Engine
from litellm_fallback_router.routing.failures import FailureKind
from local.simulator import SimulatorControl
from tests.integration.test_failure_table import MESSAGES, failure, target
from tests.support.gateway import Gateway, gateway_process
from tests.support.raw_server import raw_server, response

PROVIDERS = ("openai", "anthropic", "bedrock")
REASONS = {
    "openai": {"stop": "stop", "length": "length", "content_filter": "content_filter"},
    "anthropic": {"stop_sequence": "stop", "max_tokens": "length", "refusal": "content_filter"},
    "bedrock": {"stop_sequence": "stop", "max_tokens": "length", "content_filtered": "content_filter"},
}
CASES = [(provider, *reasons) for provider in PROVIDERS for reasons in REASONS[provider].items()]
PARIS: Any = [{"role": "user", "content": "What is the capital of France?"}]


def empty(provider: str, reason: str | None) -> dict[str, Any]:
    """A whole answer of no words and no billed tokens."""
    if provider == "openai":
        choice = {"index": 0, "message": {"role": "assistant", "content": ""}, "finish_reason": reason}
        usage = {"prompt_tokens": 9, "completion_tokens": 0, "total_tokens": 9}
        kind = {"id": "x", "object": "chat.completion", "created": 1, "model": "m"}
        return {**kind, "choices": [choice], **({"usage": usage} if reason else {})}
    if provider == "anthropic":
        usage = {"input_tokens": 9, "output_tokens": 0}
        kind = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": []}
        return {**kind, "stop_reason": reason, "usage": usage}
    usage = {"inputTokens": 9, "outputTokens": 0, "totalTokens": 9}
    said = {"output": {"message": {"role": "assistant", "content": []}}, "usage": usage, "metrics": {"latencyMs": 1}}
    return {**said, **({"stopReason": reason} if reason else {})}


@pytest.mark.parametrize(("provider", "reason", "finish"), CASES)
async def test_an_empty_answer_with_a_finish_reason_is_an_answer(provider: str, reason: str, finish: str) -> None:
    adapter = Engine(lambda _: "key" if provider != "bedrock" else None)
    async with raw_server(response(200, empty(provider, reason))) as url:
        answer = await adapter.complete(target(provider, url), MESSAGES, {})
    assert [(choice["message"]["content"], choice["finish_reason"]) for choice in answer.choices] == [("", finish)]
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (9, 0)


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_an_empty_answer_without_a_finish_reason_is_none(provider: str) -> None:
    async with raw_server(response(200, empty(provider, None))) as url:
        failed = await failure(provider, url, streaming=False)
    assert failed.kind is FailureKind.INVALID_RESPONSE


@pytest.fixture(scope="module")
def gateway(simulator: SimulatorControl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    models = {"openai": "gpt-4o", "anthropic": "claude-sonnet-4-6", "bedrock": "us.anthropic.claude-sonnet-4-6"}
    region = {"bedrock": {"region": "us-east-1"}}
    mapping = {
        "model_list": [
            {"model_name": p, "litellm_provider": p, "params": {"model": models[p], **region.get(p, {})}}
            for p in PROVIDERS
        ]
    }
    with gateway_process(tmp_path_factory.mktemp("gateway"), mapping, simulator_url=simulator.url) as running:
        yield running


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("streaming", [False, True])
def test_a_stop_string_that_is_the_first_word_gives_an_empty_answer(
    gateway: Gateway, simulator: SimulatorControl, provider: str, streaming: bool
) -> None:
    simulator.reset()
    with gateway.client() as client:
        if streaming:
            chunks = list(client.chat.completions.create(model=provider, messages=PARIS, stop="Paris", stream=True))
            choices = [chunk.choices[0] for chunk in chunks if chunk.choices]
            text, finish = "".join(c.delta.content or "" for c in choices), choices[-1].finish_reason
        else:
            choice = client.chat.completions.create(model=provider, messages=PARIS, stop="Paris").choices[0]
            text, finish = choice.message.content or "", choice.finish_reason
    assert (text, finish) == ("", "stop")
    assert len(simulator.requests()) == 1
