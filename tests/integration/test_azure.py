"""Azure OpenAI over a real socket: its addresses, its keys, and OpenAI's format behind them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from litellm_fallback_router.engine import Engine
from litellm_fallback_router.engine.acompletion.provider import AcompletionProvider
from litellm_fallback_router.engine.azure import azure_format
from litellm_fallback_router.routing.adaptation import adapt
from litellm_fallback_router.routing.failures import FailureKind, ProviderFailure
from litellm_fallback_router.routing.request.features import MessageFeatures
from litellm_fallback_router.routing.types import ChatRequest, Deployment, ModelInfo, NativeRequest, VectorSpace
from tests.integration.test_almost_openai import QUESTION, TOOL, events, merged, sent, whole, wire
from tests.support.raw_server import response
from tests.support.recording_server import Recorder, recording_server
from tests.support.scripted import deployment

VERSION = "2024-10-21"
PARAMS: dict[str, dict[str, Any]] = {
    "plain": {"temperature": 0.2, "max_tokens": 50},
    "tools": {"tools": [TOOL], "tool_choice": "auto"},
    "form": {"response_format": {"type": "json_object"}},
}
MODELS = ("our-gpt-4o", "gpt5_series/our-gpt-5", "gpt-5.1")


def named(name: str) -> str:
    return f"/openai/deployments/{name}/chat/completions?api-version={VERSION}"


def at(server: Recorder, model: str = MODELS[0], base: str = "", **extra: Any) -> Deployment:
    found = deployment(model, provider="azure", litellm_model=f"azure/{model}", api_base=f"{server.url}{base}")
    return replace(found, extra={"api_version": VERSION, **extra})


async def asked(provider: Any, *, stream: bool, key: str | None = "key-1", case: str = "plain", **place: Any) -> Any:
    said = wire(events("text", "cached")) if stream else whole("text", "cached")
    async with recording_server(said) as server:
        one, ask = at(server, **place), provider(lambda _: key)
        if not stream:
            answer = await ask.complete(one, list(QUESTION), PARAMS[case])
            return sent(server), answer.choices, answer.usage, answer.cost_usd
        chunks = [chunk async for chunks in ask.stream(one, list(QUESTION), PARAMS[case]) for chunk in chunks]
        return sent(server), merged(chunks), chunks[-1].usage, chunks[-1].cost_usd


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("case", PARAMS)
@pytest.mark.parametrize("model", MODELS)
async def test_what_is_sent_and_read_is_what_the_public_call_has(model: str, case: str, stream: bool) -> None:
    ours = await asked(Engine, model=model, case=case, stream=stream)
    assert ours == await asked(AcompletionProvider, model=model, case=case, stream=stream)
    line, keys, _ = ours[0]
    name = model.removeprefix("gpt5_series/")
    assert line == f"post {named(name)} http/1.1"
    assert "api-key: key-1" in keys


@pytest.mark.parametrize("provider", [Engine, AcompletionProvider])
async def test_a_name_that_says_nothing_is_asked_as_its_base_model(provider: Any) -> None:
    """`max_tokens`, which reasoning models refuse, and what LiteLLM would leave out for names that it does not know."""
    async with recording_server(whole("text", "plain")) as server:
        one = replace(at(server, "our-thinker"), base_model="gpt-5.4", info=ModelInfo(reasoning=True))
        asked = {"max_tokens": 50, "reasoning_effort": "max", "temperature": 0.2}
        fitted = adapt(one, ChatRequest("m", QUESTION, asked), MessageFeatures.of(QUESTION))
        assert fitted.adjusted == ("reasoning_effort sent as xhigh", "temperature dropped")
        assert await provider(lambda _: "key-1").complete(one, list(QUESTION), fitted.params)
        line, _, body = sent(server)
    assert line == f"post {named('our-thinker')} http/1.1"
    assert (body["max_completion_tokens"], body["reasoning_effort"]) == (50, "xhigh")
    assert not {"max_tokens", "temperature"} & body.keys()


async def test_its_functions_go_by_the_api_that_its_base_model_has_for_them() -> None:
    async with recording_server(response(503, {})) as server:
        one = replace(at(server, "our-thinker"), base_model="gpt-5.4")
        with pytest.raises(ProviderFailure):
            await Engine(lambda _: "key-1").complete(one, list(QUESTION), {"tools": [TOOL], "reasoning_effort": "low"})
        line, _, body = sent(server)
    assert line.startswith("post /openai/responses?")
    assert (body["model"], body["reasoning"]) == ("our-thinker", {"effort": "low"})


@pytest.mark.parametrize(
    ("place", "line", "key"),
    [
        ({"base": "/openai/deployments/other"}, named("other"), "api-key: key-1"),
        ({"api_version": "preview"}, "/openai/v1/chat/completions", "authorization: bearer key-1"),
        ({"azure_ad_token": "token-1", "key": None}, named("our-gpt-4o"), "authorization: bearer token-1"),
    ],
    ids=["a deployment's address", "the newest version", "a token"],
)
async def test_other_addresses_and_keys(place: dict[str, Any], line: str, key: str) -> None:
    ours = await asked(Engine, stream=False, **place)
    assert ours == await asked(AcompletionProvider, stream=False, **place)
    assert (ours[0][0], key in ours[0][1]) == (f"post {line} http/1.1", True)


async def test_without_a_key_nothing_is_sent() -> None:
    async with recording_server(whole("text", "plain")) as server:
        with pytest.raises(ProviderFailure) as told:
            await Engine(lambda _: None).complete(at(server), list(QUESTION), {})
        assert (told.value.kind, server.requests) == (FailureKind.AUTHENTICATION, [])


@pytest.mark.parametrize("extra", [{"tenant_id": "t"}, {"azure_username": "u"}, {"azure_ad_token": "oidc/x"}])
async def test_who_signs_in_elsewhere_first_is_left_to_the_public_call(extra: dict[str, str]) -> None:
    async with recording_server() as server:
        assert azure_format(at(server)) is not None
        assert azure_format(at(server, **extra)) is None


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_a_refusal_is_told_at_first_hand(stream: bool) -> None:
    said = {"error": {"message": "slow down", "code": "429"}}
    async with recording_server(response(429, said, {"retry-after": "7"})) as server:
        with pytest.raises(ProviderFailure) as told:
            await _ask(server, stream=stream)
        assert len(server.requests) == 1
    assert (told.value.kind, told.value.status, told.value.retry_after) == (FailureKind.RATE_LIMITED, 429, 7.0)


async def test_a_stream_that_is_cut_is_broken() -> None:
    async with recording_server(wire(events("text", "plain")[:2], done=False)) as server:
        with pytest.raises(ProviderFailure) as told:
            await _ask(server, stream=True)
    assert told.value.kind is FailureKind.STREAM_BROKEN


async def test_the_content_filter_is_told_as_one() -> None:
    said = {
        "error": {"code": "content_filter", "innererror": {"code": "ResponsibleAIPolicyViolation"}, "message": "no"}
    }
    async with recording_server(response(400, said)) as server:
        with pytest.raises(ProviderFailure) as told:
            await _ask(server, stream=False)
    assert told.value.kind is FailureKind.CONTENT_POLICY


async def _ask(server: Recorder, *, stream: bool) -> None:
    ask = Engine(lambda _: "key-1")
    if not stream:
        await ask.complete(at(server), list(QUESTION), {})
    async for _ in ask.stream(at(server), list(QUESTION), {}):
        pass


async def test_tools_that_a_thinking_model_takes_in_responses_only_are_sent_there() -> None:
    """Source: LiteLLM, `main.responses_api_bridge_check`: gpt-5.4 and later refuse functions in chat completions."""
    text = {"type": "output_text", "text": "Paris.", "annotations": []}
    message = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [text]}
    usage = {"input_tokens": 10, "output_tokens": 2, "total_tokens": 12}
    told = {"id": "resp_1", "object": "response", "created_at": 1, "status": "completed", "model": "gpt-5.4-mini"}
    said = {**told, "output": [message], "usage": usage, "parallel_tool_calls": True, "tools": [], "error": None}
    async with recording_server(response(200, said)) as server:
        answer = await Engine(lambda _: "key-1").complete(at(server, "gpt-5.4-mini"), list(QUESTION), PARAMS["tools"])
        assert sent(server)[0].startswith("post /openai/responses?")
    assert (answer.choices[0]["message"]["content"], answer.usage.prompt_tokens) == ("Paris.", 10)


async def test_embeddings_are_asked_at_its_address_with_its_key() -> None:
    answer = {"data": [{"index": 0, "embedding": [0.5, 0.25]}], "usage": {"prompt_tokens": 4, "total_tokens": 4}}
    async with recording_server(response(200, json.dumps(answer).encode())) as server:
        azure = replace(
            deployment("ours", provider="azure", litellm_model="azure/ours", api_base=server.url),
            extra={"api_version": VERSION},
            space=VectorSpace("text-embedding-3-small", 2),
        )
        native = NativeRequest("embeddings", {"input": "a", "dimensions": 2})
        told = await Engine(lambda _: "key-1").complete(azure, [], {}, native)
    (request,) = server.requests
    head, _, body = request.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /openai/deployments/ours/embeddings?api-version=2024-10-21 ")
    assert b"api-key: key-1" in head.lower()
    assert json.loads(body) == {"model": "ours", "input": "a", "dimensions": 2, "encoding_format": "base64"}
    assert told.native == {"embeddings": [[0.5, 0.25]]}
    assert told.usage.prompt_tokens == 4
