"""A request in its caller's own format: to who speaks it as it came, with the answer as it was written."""

from __future__ import annotations

import json
from typing import Any

import pytest

from litellm_fallback_router.bootstrap import build_router
from litellm_fallback_router.routing.errors import InvalidRequestError
from litellm_fallback_router.routing.router import Router
from litellm_fallback_router.routing.types import ChatRequest, NativeRequest
from litellm_fallback_router.settings import Settings
from local.simulator import Fault, SimulatorControl

BODY: dict[str, Any] = {
    "max_tokens": 100,
    "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
    "messages": [{"role": "user", "content": "What is the capital of France?"}],
}
MAPPING = {
    "model_list": [
        {"model_name": "claude", "litellm_provider": "anthropic", "params": {"model": "claude-sonnet-4-6"}},
        {"model_name": "haiku", "litellm_provider": "anthropic", "params": {"model": "claude-haiku-4-5"}},
        {"model_name": "gpt", "litellm_provider": "openai", "params": {"model": "gpt-4o"}},
    ],
    "fallbacks": {"claude": ["gpt", "haiku"]},
}


@pytest.fixture
def router(simulator: SimulatorControl) -> Router:
    simulator.reset()
    return build_router(Settings(simulator_url=simulator.url), MAPPING)


def asked(model: str = "claude", *, body: dict[str, Any] = BODY, **more: Any) -> ChatRequest:
    native = NativeRequest("messages", body, {"anthropic-beta": "context-1m-2025-08-07"}, **more)
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What is the capital of France?"},
    ]
    params = {"max_tokens": body["max_tokens"]}
    return ChatRequest(model, messages, params, request_id="r", native=native, validated=True)


async def test_reaches_who_speaks_its_format_as_it_came(router: Router, simulator: SimulatorControl) -> None:
    result = await router.complete(asked())
    (sent,) = simulator.requests()
    assert sent.body == {"model": "claude-sonnet-4-6", **BODY}
    assert sent.headers["anthropic-beta"] == "context-1m-2025-08-07"
    assert result.text.startswith("Paris")
    assert result.native is not None
    assert result.native["content"][0]["text"] == result.text
    assert result.usage.prompt_tokens > 0
    await router.aclose()


async def test_every_event_of_a_stream_comes_with_what_it_says(router: Router) -> None:
    async with router.stream(asked()) as stream:
        chunks = [chunk async for chunk in stream]
    events = [event for chunk in chunks for event in chunk.native]
    assert [event.said["type"] for event in events][:3] == [
        "message_start",
        "content_block_start",
        "content_block_delta",
    ]
    assert events[-1].said["type"] == "message_delta"
    assert all(json.loads(event.data) == event.said for event in events)
    texts = [event.said["delta"].get("text", "") for event in events if event.said["type"] == "content_block_delta"]
    assert "".join(texts) == "".join(chunk.choices[0]["delta"].get("content", "") for chunk in chunks)
    await router.aclose()


async def test_is_translated_for_who_does_not_speak_it(router: Router, simulator: SimulatorControl) -> None:
    simulator.inject(Fault(kind="status", status=529), model="claude-sonnet-4-6")
    result = await router.complete(asked())
    assert result.model == "gpt-4o"
    assert result.native is None
    assert simulator.requests()[-1].body["messages"][0] == {"role": "system", "content": "Be brief."}
    await router.aclose()


async def test_passes_over_who_cannot_be_sent_what_only_its_format_has(
    router: Router, simulator: SimulatorControl
) -> None:
    simulator.inject(Fault(kind="status", status=529), model="claude-sonnet-4-6")
    result = await router.complete(asked(only=("tools[0] (web_search_20250305)",)))
    assert result.model == "claude-haiku-4-5"
    (dropped,) = result.ledger.dropped
    assert dropped.deployment == "gpt"
    assert "tools[0] (web_search_20250305)" in dropped.reason
    with pytest.raises(InvalidRequestError, match=r"tools\[0\] \(web_search_20250305\)"):
        await router.complete(asked("gpt", only=("tools[0] (web_search_20250305)",)))
    await router.aclose()


async def test_the_rest_of_a_broken_stream_is_asked_for_in_the_same_format(
    router: Router, simulator: SimulatorControl
) -> None:
    simulator.inject(Fault(kind="cut", after_chunks=2), model="claude-sonnet-4-6")
    simulator.inject(Fault(kind="status", status=500), model="gpt-4o")
    async with router.stream(asked()) as stream:
        chunks = [chunk async for chunk in stream]
        result = stream.result
    text = "".join(chunk.choices[0]["delta"].get("content", "") for chunk in chunks)
    assert text == "Paris is the capital of France."
    assert [one.model for one in result.responders] == ["claude-sonnet-4-6", "claude-haiku-4-5"]
    rest = simulator.requests()[-1].body
    assert rest["system"] == BODY["system"]
    assert rest["messages"][1]["role"] == "assistant"
    assert rest["max_tokens"] < 100
    assert not chunks[-1].native
    await router.aclose()
