"""The engine asks and answers as LiteLLM's public call does: the same body sent, the same answer, the same failure."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from litellm_fallback_router.bootstrap import build_router
from litellm_fallback_router.engine import Engine
from litellm_fallback_router.engine.acompletion.provider import AcompletionProvider
from litellm_fallback_router.engine.addresses import address_of
from litellm_fallback_router.providers import LITELLM_PROVIDERS as PROVIDERS
from litellm_fallback_router.routing.failures import ProviderFailure
from litellm_fallback_router.routing.types import Chunk, Deployment, Message
from litellm_fallback_router.settings import Settings
from local.simulator import Fault, SimulatorControl
from tests.support.raw_server import response
from tests.support.recording_server import recording_server
from tests.support.scripted import deployment

pytestmark = pytest.mark.usefixtures("late_usage")
QUESTION: list[Message] = [{"role": "user", "content": "What is the capital of France?"}]
TOOL = {"type": "function", "function": {"name": "lookup", "parameters": {"type": "object", "properties": {}}}}
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
HISTORY: list[Message] = [
    {"role": "system", "content": "Be brief."},
    *QUESTION,
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "lookup", "arguments": "{}"}}],
    },
    {"role": "tool", "tool_call_id": "call_1", "content": "Paris"},
]
PARAMS: dict[str, tuple[list[Message], dict[str, Any]]] = {
    "plain": (QUESTION, {}),
    "sampling": (QUESTION, {"temperature": 0.3, "top_p": 0.5, "max_tokens": 50}),
    "tools": (QUESTION, {"tools": [TOOL], "tool_choice": "auto"}),
    "a tool that must be called": (QUESTION, {"tools": [TOOL], "tool_choice": "required"}),
    "tool result": (HISTORY, {"tools": [TOOL]}),
    "schema": (QUESTION, {"response_format": {"type": "json_schema", "json_schema": {"name": "c", "schema": SCHEMA}}}),
    "image": ([{"role": "user", "content": [{"type": "text", "text": "What is it?"}, IMAGE]}], {}),
    "effort": (QUESTION, {"reasoning_effort": "low", "max_tokens": 4000}),
    "developer": ([{"role": "developer", "content": "Be brief."}, *QUESTION], {}),
}
OPENAIS: dict[str, tuple[list[Message], dict[str, Any]]] = {
    "seed": (QUESTION, {"seed": 7, "user": "one", "parallel_tool_calls": False, "tools": [TOOL]}),
    "choices": (QUESTION, {"n": 2, "logprobs": True, "top_logprobs": 2}),
    "unknown": (QUESTION, {"top_k": 3}),
}
ASKED = PARAMS | OPENAIS
MODELS = {
    "gpt-4o": "openai",
    "gpt-5.4-mini": "openai",
    "claude-sonnet-4-6": "anthropic",
    "claude-haiku-4-5": "anthropic",
    "us.anthropic.claude-sonnet-4-6": "bedrock",
    "us.amazon.nova-2-lite-v1:0": "bedrock",
    "us.meta.llama3-3-70b-instruct-v1:0": "bedrock",
}
CASES = [(model, case) for model in MODELS for case in PARAMS if not (case == "effort" and model == "gpt-4o")]
CASES += [("gpt-4o", case) for case in OPENAIS]


@pytest.fixture
def models(simulator: SimulatorControl) -> Iterator[dict[str, Deployment]]:
    """Deployments at the simulator, by model."""
    simulator.reset()
    mapping = {
        "model_list": [
            {
                "model_name": model.replace(":", "-"),
                "litellm_provider": provider,
                "params": {"model": model, **({"region": "us-east-1"} if provider == "bedrock" else {})},
            }
            for model, provider in MODELS.items()
        ]
    }
    router = build_router(Settings(simulator_url=simulator.url), mapping)
    yield {d.model: d for d in router.config.deployments}
    simulator.reset()


def key(deployment: Deployment) -> str | None:
    return deployment.api_key


async def whole(provider: Engine | AcompletionProvider, deployment: Deployment, case: str) -> Any:
    """What came of it: the answer without what differs from one to the next, or the failure."""
    messages, params = copy.deepcopy(ASKED[case])
    try:
        answer = await provider.complete(deployment, messages, params)
    except ProviderFailure as failure:
        return told_of(failure)
    assert (messages, params) == ASKED[case], "what others are asked too was changed"
    for choice in answer.choices:
        for call in choice["message"].get("tool_calls") or []:
            call.pop("id")
    return without_nulls(answer.choices), answer.usage, answer.cost_usd


async def streamed(provider: Engine | AcompletionProvider, deployment: Deployment, case: str) -> Any:
    """The same for a stream."""
    messages, params = copy.deepcopy(ASKED[case])
    try:
        return told([chunk async for chunks in provider.stream(deployment, messages, params) for chunk in chunks])
    except ProviderFailure as failure:
        return told_of(failure)


def told_of(failure: ProviderFailure) -> Any:
    return failure.kind, failure.status, failure.detail, failure.retry_after, failure.param


def told(chunks: list[Chunk]) -> dict[str, Any]:
    """What a stream said in all, however it was cut up."""
    texts: dict[int, str] = {}
    finished: dict[int, str] = {}
    called: dict[int, list[str]] = {}
    for choice in (choice for chunk in chunks for choice in chunk.choices):
        texts[choice["index"]] = texts.get(choice["index"], "") + choice["delta"].get("content", "")
        for call in choice["delta"].get("tool_calls", []):
            name, arguments = call["function"].get("name"), call["function"].get("arguments") or ""
            called.setdefault(call["index"], []).append(name or "")
            called[call["index"]].append(arguments)
        if choice["finish_reason"]:
            finished[choice["index"]] = choice["finish_reason"]
    calls = {index: "".join(parts) for index, parts in called.items()}
    last = chunks[-1]
    usage = None if last.usage is None else replace(last.usage, reasoning_tokens=0)  # LiteLLM may count them itself
    return {"texts": texts, "finished": finished, "called": calls, "usage": usage, "cost": last.cost_usd}


def sent(simulator: SimulatorControl) -> Any:
    """Where the one request went, with which key, and what it said, if one was sent; then forgotten."""
    requests = simulator.requests()
    simulator.clear_requests()
    if not requests:
        return None
    (record,) = requests
    kept = {"authorization", "x-api-key", "anthropic-version", "anthropic-beta", "content-type", "x-team"}
    return (
        record.path,
        {name: value for name, value in record.headers.items() if name in kept},
        without_nulls(record.body),
    )


def without_nulls(value: Any) -> Any:
    """LiteLLM's public call leaves them out."""
    if isinstance(value, dict):
        return {name: without_nulls(inner) for name, inner in value.items() if inner is not None}
    return [without_nulls(inner) for inner in value] if isinstance(value, list) else value


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(("model", "case"), CASES)
async def test_requests_and_answers_are_those_of_the_public_call(
    simulator: SimulatorControl, models: dict[str, Deployment], model: str, case: str, stream: bool
) -> None:
    if stream and case == "choices":
        case = "plain"  # LiteLLM ends a stream of several choices with the first
    ask = streamed if stream else whole
    ours = await ask(Engine(key), models[model], case), sent(simulator)
    public = await ask(AcompletionProvider(key), models[model], case), sent(simulator)
    assert ours == public


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("model", MODELS)
async def test_the_operators_headers_and_fields_are_sent(
    simulator: SimulatorControl, models: dict[str, Deployment], model: str, stream: bool
) -> None:
    extra = {"extra_headers": {"x-team": "one"}, "extra_body": {"vendor": {"flag": True}}}
    ask = streamed if stream else whole
    await ask(Engine(key), replace(models[model], extra={**models[model].extra, **extra}), "plain")
    _, headers, body = sent(simulator)
    assert (headers["x-team"], body["vendor"]) == ("one", {"flag": True})


@pytest.mark.parametrize("model", MODELS)
async def test_parameters_that_say_whom_to_ask_are_not_sent(
    simulator: SimulatorControl, models: dict[str, Deployment], model: str
) -> None:
    extra = {**models[model].extra, "organization": "org-1", "tenant_id": "tenant-1", "aws_session_name": "session-1"}
    await whole(Engine(key), replace(models[model], extra=extra), "plain")
    _, _, body = sent(simulator)
    assert not {"organization", "tenant_id", "aws_session_name"} & body.keys()


async def test_every_choice_of_a_stream_has_its_finish_reason(models: dict[str, Deployment]) -> None:
    assert (await streamed(Engine(key), models["gpt-4o"], "choices"))["finished"] == {0: "stop", 1: "stop"}


@pytest.mark.parametrize("model", MODELS)
async def test_a_failing_provider_is_asked_once(
    simulator: SimulatorControl, models: dict[str, Deployment], model: str
) -> None:
    for fault in (Fault(kind="status", status=422), Fault(kind="reset"), Fault(kind="status", status=500)):
        simulator.inject(fault, times=1)
        await whole(Engine(key), models[model], "plain")
        assert len(simulator.requests()) == 1
        simulator.reset()


def like_openai(provider: str, base: str | None = "http://127.0.0.1:9/v1") -> Deployment:
    return deployment("some-model", provider=provider, litellm_model=f"{provider}/some-model", api_base=base)


LIKE_OPENAI = sorted(provider for provider in PROVIDERS if address_of(like_openai(provider)) is not None)
TOLD = {"id": "chatcmpl-1", "created": 1700000000, "model": "some-model", "service_tier": "default"}
WHOLE = {
    **TOLD,
    "object": "chat.completion",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "mine"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}
EVENTS = [
    {**TOLD, "choices": [{"index": 0, "delta": {"content": "mine"}, "finish_reason": None}]},
    {**TOLD, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    {**TOLD, "choices": [], "usage": WHOLE["usage"]},
]
WIRE = "".join(f"data: {json.dumps(event)}\n\n" for event in EVENTS) + "data: [DONE]\n\n"


async def said_to(provider: Engine | AcompletionProvider, name: str, *, stream: bool) -> Any:
    """The path, key and body of the one request that such a server gets."""
    answer = response(200, WIRE, content_type="text/event-stream") if stream else response(200, WHOLE)
    async with recording_server(answer) as server:
        at = like_openai(name, f"{server.url}/v1")
        asked = [{"role": "developer", "content": "Be brief."}, *QUESTION], {"temperature": 0.5, "max_tokens": 9}
        if stream:
            chunks = [chunk async for chunks in provider.stream(at, *asked) for chunk in chunks]
            assert told(chunks)["texts"] == {0: "mine"}
        else:
            assert (await provider.complete(at, *asked)).choices[0]["message"]["content"] == "mine"
        (request,) = server.requests
    head, _, body = request.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    key = [line for line in lines if line.lower().startswith("authorization:")]
    # LiteLLM itself has these slip into some providers' bodies.
    sent = {name: value for name, value in json.loads(body).items() if name != "max_retries" and value is not False}
    return lines[0], [line.lower() for line in key], sent


def test_most_providers_are_asked_in_openais_format() -> None:
    assert len(LIKE_OPENAI) > 75
    assert {"deepseek", "together_ai", "cerebras", "moonshot", "hosted_vllm"} <= set(LIKE_OPENAI)
    assert {"fireworks_ai", "groq", "mistral", "openrouter", "perplexity", "xai"} <= set(LIKE_OPENAI)


PUBLIC_CALL_FAILS = {
    ("maritalk", True),
    ("amazon_nova", True),
    *((name, stream) for name in ("gradient_ai", "openai_like") for stream in (False, True)),
}
"""In LiteLLM 1.106.2 it stumbles over its own stream ("'generator' object has no attribute '__aiter__'"), over the
`max_retries` that it is told, or over a provider that only its classes know."""


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("name", LIKE_OPENAI)
async def test_providers_of_openais_format_get_what_the_public_call_sends(name: str, stream: bool) -> None:
    ours = await said_to(Engine(lambda _: "key-1"), name, stream=stream)
    if (name, stream) in PUBLIC_CALL_FAILS:
        return
    assert ours == await said_to(AcompletionProvider(lambda _: "key-1"), name, stream=stream)


@pytest.mark.parametrize("name", sorted(PROVIDERS - {"openai"}))
def test_nobody_elses_key_goes_to_openai(name: str) -> None:
    at = address_of(like_openai(name, None))
    assert at is None or "openai.com" not in at.url


async def test_an_answer_that_no_token_was_left_for_is_cut_off() -> None:
    words = "Could not finish the message because max_tokens or model output limit was reached. Please try again."
    refusal = response(400, {"error": {"message": words, "type": "invalid_request_error", "param": None, "code": None}})
    async with recording_server(refusal) as server:
        at = deployment("gpt-5.4-mini", api_base=f"{server.url}/v1")
        choices = (await Engine(lambda _: "key").complete(at, list(QUESTION), {"n": 2})).choices
        chunks = [
            chunk async for chunks in Engine(lambda _: "key").stream(at, list(QUESTION), {"n": 2}) for chunk in chunks
        ]
    both = [(0, "length"), (1, "length")]
    assert [choice["message"]["content"] for choice in choices] == ["", ""]
    assert [(one["index"], one["finish_reason"]) for one in choices] == both
    assert [(one["index"], one["finish_reason"]) for chunk in chunks for one in chunk.choices] == both
