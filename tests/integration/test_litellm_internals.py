"""What leans on LiteLLM's insides: the short way asks and answers as LiteLLM's public call does.

When an upgrade of LiteLLM makes these fail, `adapters/litellm_provider/internals.py` is where to look.
"""

from __future__ import annotations

import asyncio
import copy
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from litellm_fallback_router.adapters.litellm_provider.internals import LISTENERS, Calls, _session_of, events_of
from litellm_fallback_router.adapters.litellm_provider.loading import calls, litellm
from litellm_fallback_router.adapters.litellm_provider.provider import LiteLLMProvider
from litellm_fallback_router.bootstrap import build_router
from litellm_fallback_router.routing.failures import ProviderFailure
from litellm_fallback_router.routing.types import Chunk, Deployment, Message
from litellm_fallback_router.settings import Settings
from local.simulator import Fault, SimulatorControl

HEARD_SECONDS = 10.0
LIMIT = 60
ASK_FROM_MANY_LOOPS = """
import asyncio, resource
from litellm_fallback_router import ChatRequest
from litellm_fallback_router.bootstrap import build_router

async def streamed(asked):
    async with router.stream(asked) as stream:
        async for _ in stream:
            pass

resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))
router = build_router()
for _ in range(50):
    for model in ("openai-gpt4o", "anthropic-claude-haiku", "bedrock-claude-haiku"):
        asked = ChatRequest(model, [{"role": "user", "content": "hi"}])
        assert not asyncio.run(router.complete(asked)).fallback
        asyncio.run(streamed(asked))
"""
ASK_EVERYBODY = """
import asyncio, sys
from litellm_fallback_router import ChatRequest, RouterError
from litellm_fallback_router.bootstrap import build_router

async def main():
    async with build_router() as router:
        for model in router.config.chains:
            asked = ChatRequest(model, [{"role": "user", "content": "hi"}], {"max_tokens": 100})
            await router.complete(asked)
            try:
                async with router.stream(asked) as stream:
                    async for _ in stream:
                        pass
            except RouterError:
                print("broke off")
    print("litellm.litellm_core_utils.default_encoding" in sys.modules)
    from litellm.main import _get_encoding
    print(_get_encoding().encode("hello") == [15339])

asyncio.run(main())
"""
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
    *QUESTION,
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "a__thought__x", "type": "function", "function": {"name": "lookup", "arguments": "{}"}}],
    },
    {"role": "tool", "tool_call_id": "a__thought__x", "content": "Paris"},
]
PARAMS: dict[str, tuple[list[Message], dict[str, Any]]] = {
    "plain": (QUESTION, {}),
    "sampling": (QUESTION, {"temperature": 0.3, "stop": ["\n\n"], "seed": 7, "user": "one"}),
    "more tokens than it can write": (QUESTION, {"max_tokens": 10_000_000}),
    "tools": (QUESTION, {"tools": [TOOL], "tool_choice": "auto", "parallel_tool_calls": False}),
    "tool result": (HISTORY, {"tools": [TOOL]}),
    "schema": (QUESTION, {"response_format": {"type": "json_schema", "json_schema": {"name": "c", "schema": SCHEMA}}}),
    "image": ([{"role": "user", "content": [{"type": "text", "text": "What is it?"}, IMAGE]}], {}),
    "choices": (QUESTION, {"n": 2, "logprobs": True, "top_logprobs": 2}),
    "unknown to OpenAI's client": (QUESTION, {"top_k": 3}),
}
EXTRA = {"extra_headers": {"x-team": "one"}, "extra_body": {"vendor": {"flag": True}}}


def a_listener() -> Any:
    """One of LiteLLM's callbacks. Made no earlier: LiteLLM is to be loaded as the gateway loads it."""

    class Listener(litellm().integrations.custom_logger.CustomLogger):  # type: ignore[misc] # LiteLLM is not followed
        def __init__(self) -> None:
            super().__init__()
            self.heard = asyncio.Event()

        async def async_log_success_event(self, *args: Any, **call: Any) -> None:
            self.heard.set()

    return Listener()


@pytest.fixture
def models(simulator: SimulatorControl) -> Iterator[dict[str, Deployment]]:
    """The shipped deployments at the simulator, by model."""
    simulator.reset()
    yield {d.model: d for d in build_router(Settings(simulator_url=simulator.url)).config.deployments}
    simulator.reset()


def provider() -> LiteLLMProvider:
    return LiteLLMProvider(lambda deployment: deployment.api_key)


async def whole(deployment: Deployment, case: str) -> Any:
    """What came of it: the answer without what differs from one to the next, or the failure."""
    messages, params = copy.deepcopy(PARAMS[case])
    try:
        answer = await provider().complete(deployment, messages, params)
    except ProviderFailure as failure:
        return told_of(failure)
    for choice in answer.choices:
        for call in choice["message"].get("tool_calls") or []:
            call.pop("id")
    return answer.choices, answer.usage, answer.cost_usd


async def streamed(deployment: Deployment, case: str) -> Any:
    """The same for a stream."""
    messages, params = copy.deepcopy(PARAMS[case])
    try:
        return told([chunk async for chunk in provider().stream(deployment, messages, params)])
    except ProviderFailure as failure:
        return told_of(failure)


def told_of(failure: ProviderFailure) -> Any:
    return failure.kind, failure.reason, failure.status, failure.detail, failure.retry_after, failure.param


def told(chunks: list[Chunk]) -> dict[str, Any]:
    """What a stream said in all, however it was cut up."""
    texts: dict[int, str] = {}
    finished: dict[int, str] = {}
    called = []
    for choice in (choice for chunk in chunks for choice in chunk.choices):
        texts[choice["index"]] = texts.get(choice["index"], "") + choice["delta"].get("content", "")
        called += [(call["index"], call["type"], call["function"]) for call in choice["delta"].get("tool_calls", [])]
        if choice["finish_reason"]:
            finished[choice["index"]] = choice["finish_reason"]
    last = chunks[-1]
    return {"texts": texts, "finished": finished, "called": called, "usage": last.usage, "cost": last.cost_usd}


def sent(simulator: SimulatorControl) -> Any:
    """The one request that the provider got, without what differs from one to the next; then forgotten."""
    (record,) = simulator.requests()
    simulator.clear_requests()
    passing = {"content-length", "x-stainless-raw-response", "idempotency-key", "x-stainless-async", "x-amz-date"}
    kept = {name: value for name, value in record.headers.items() if name not in passing}
    if record.provider == "bedrock":
        kept.pop("authorization", None)
    return record.path, kept, record.body


def publicly(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(calls(), "short", False)


def test_litellm_is_built_as_the_short_way_needs_it() -> None:
    assert calls().short


@pytest.mark.parametrize("case", PARAMS)
@pytest.mark.parametrize("model", ["gpt-4o", "claude-sonnet-4-6", "us.anthropic.claude-sonnet-4-6"])
async def test_whole_answers_are_asked_for_and_given_as_by_the_public_call(
    simulator: SimulatorControl, models: dict[str, Deployment], model: str, case: str
) -> None:
    if case == "choices" and model != "gpt-4o":
        case = "plain"  # the router never asks these for more than one
    short = await whole(models[model], case), sent(simulator)
    with pytest.MonkeyPatch.context() as patch:
        publicly(patch)
        public = await whole(models[model], case), sent(simulator)
    assert short == public


@pytest.mark.parametrize("case", [case for case in PARAMS if case != "choices"])
@pytest.mark.parametrize("model", ["gpt-4o", "claude-sonnet-4-6"])
async def test_streams_are_asked_for_and_given_as_by_the_public_call(
    simulator: SimulatorControl, models: dict[str, Deployment], model: str, case: str
) -> None:
    short = await streamed(models[model], case), sent(simulator)
    with pytest.MonkeyPatch.context() as patch:
        publicly(patch)
        public = await streamed(models[model], case), sent(simulator)
    assert short == public


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_headers_and_fields_of_the_operators_are_sent_as_by_the_public_call(
    simulator: SimulatorControl, models: dict[str, Deployment], stream: bool
) -> None:
    deployment = replace(models["gpt-4o"], extra=EXTRA)
    ask = streamed if stream else whole
    await ask(deployment, "plain")
    path, headers, body = sent(simulator)
    assert (headers["x-team"], body["vendor"]) == ("one", {"flag": True})
    with pytest.MonkeyPatch.context() as patch:
        publicly(patch)
        await ask(deployment, "plain")
        assert sent(simulator) == (path, headers, body)


async def test_every_choice_of_a_stream_has_its_finish_reason(models: dict[str, Deployment]) -> None:
    assert (await streamed(models["gpt-4o"], "choices"))["finished"] == {0: "stop", 1: "stop"}


async def test_openais_streams_are_read_as_json(models: dict[str, Deployment]) -> None:
    arguments = provider()._arguments(models["gpt-4o"], list(QUESTION), {"stream": True})
    wrapper = await calls().acompletion(**arguments)
    assert events_of(wrapper) is not None
    await wrapper.aclose()


async def test_a_callback_of_somebody_elses_is_served(
    models: dict[str, Deployment], monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = a_listener()
    for name in LISTENERS:  # LiteLLM puts it into more lists than one
        monkeypatch.setattr(litellm(), name, copy.copy(getattr(litellm(), name)))
    litellm().callbacks.append(listener)
    for ask in (whole, streamed):
        await ask(models["gpt-4o"], "plain")
        async with asyncio.timeout(HEARD_SECONDS):
            await listener.heard.wait()
        listener.heard.clear()


@pytest.mark.parametrize("name", LISTENERS)
def test_whatever_somebody_sets_is_served(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    assert not calls().are_served({})
    monkeypatch.setattr(litellm(), name, [object()])
    assert calls().are_served({})


async def test_no_report_is_made_where_nobody_listens(
    models: dict[str, Deployment], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[object] = []
    logging_type = litellm().litellm_core_utils.litellm_logging.Logging

    async def noted(self: object, *args: Any, **call: Any) -> None:
        made.append(self)

    monkeypatch.setattr(logging_type, "async_success_handler", noted)
    await whole(models["gpt-4o"], "plain")
    await asyncio.sleep(0.2)  # LiteLLM reports from a task of its own
    assert made == []
    with pytest.MonkeyPatch.context() as patch:
        publicly(patch)
        await whole(models["gpt-4o"], "plain")
        await asyncio.sleep(0.2)
    assert len(made) == 1


def test_no_tokenizer_is_loaded_to_ask_anybody(simulator: SimulatorControl) -> None:
    simulator.reset()
    simulator.inject(Fault(kind="cut", after_chunks=1), stream=True)
    done = subprocess.run(
        [sys.executable, "-c", ASK_EVERYBODY],
        env={**os.environ, "ROUTER_SIMULATOR_URL": simulator.url},
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    *broken, loaded, usable = done.stdout.splitlines()
    assert broken, "no stream was cut"
    assert (loaded, usable, done.returncode) == ("False", "True", 0), done.stderr


def test_connections_do_not_outlive_their_event_loops(simulator: SimulatorControl) -> None:
    simulator.reset()
    done = subprocess.run(
        [sys.executable, "-c", ASK_FROM_MANY_LOOPS],
        env={**os.environ, "ROUTER_SIMULATOR_URL": simulator.url},
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


async def test_connections_of_loops_that_live_are_left_alone(models: dict[str, Deployment]) -> None:
    def sessions() -> list[Any]:
        cache = litellm().in_memory_llm_clients_cache.cache_dict
        return [one for client in cache.values() if (one := _session_of(client)) is not None]

    await whole(models["gpt-4o"], "plain")
    own = [session for session in sessions() if session._loop is asyncio.get_running_loop()]
    await asyncio.to_thread(lambda: asyncio.run(whole(models["gpt-4o"], "plain")))
    await asyncio.to_thread(lambda: asyncio.run(whole(models["gpt-4o"], "plain")))
    assert own
    assert not any(session.closed for session in own)
    assert sum(session._loop.is_closed() for session in sessions()) <= 1, "what the last run left behind"


async def test_a_call_of_somebody_elses_gets_litellms_own_objects(models: dict[str, Deployment]) -> None:
    arguments = provider()._arguments(models["gpt-4o"], list(QUESTION), {})
    answer = await litellm().acompletion(**arguments)
    assert isinstance(answer, litellm().ModelResponse)
    stream = await litellm().acompletion(**arguments, stream=True)
    assert events_of(stream) is None
    assert [chunk async for chunk in stream]


@pytest.mark.parametrize("gone", LISTENERS)
async def test_a_litellm_that_is_built_otherwise_is_asked_publicly(
    models: dict[str, Deployment], monkeypatch: pytest.MonkeyPatch, gone: str
) -> None:
    monkeypatch.delattr(litellm(), gone)
    assert not Calls(litellm()).short
