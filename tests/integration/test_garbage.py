"""What a request leaves behind is freed at once: circles wait for the collector, and then everybody waits for it."""

from __future__ import annotations

import asyncio
import gc
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

import pytest

from litellm_fallback_router.bootstrap import build_router
from litellm_fallback_router.routing.errors import GuardrailUnreachableError, RouterError
from litellm_fallback_router.routing.router import Router
from litellm_fallback_router.routing.types import ChatRequest
from litellm_fallback_router.settings import Settings
from local.simulator import Fault, Simulator
from tests.support.guards import RuledGuard, guarded_rig
from tests.support.scripted import Step, read
from tests.support.virtual_time import run_virtually

MODELS = {"openai": "gpt-4o", "anthropic": "claude-haiku-4-5", "bedrock": "us.amazon.nova-2-lite-v1:0"}
FAULTS = {
    "refused": Fault(kind="status", status=503),
    "rejected": Fault(kind="status", status=400),
    "reset": Fault(kind="reset"),
    "silent": Fault(kind="silence"),
    "no answer": Fault(kind="html"),
}


OURS = {"frame of litellm_fallback_router", "ChainExecution", "Run", "Attempt", "ChatRequest"}


def mapping() -> dict[str, Any]:
    models = [
        {
            "model_name": provider,
            "litellm_provider": provider,
            "params": {"model": model, **({"region": "us-east-1"} if provider == "bedrock" else {})},
        }
        for provider, model in MODELS.items()
    ]
    settings = {"circuit_failures": 100, "tries_on_last": 1, "first_token_timeout": 0.2, "answer_timeout": 0.2}
    return {"model_list": models, "settings": settings}


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator() as running:
        yield running


def name_of(one: object) -> str:
    """A frame's type has its module with it: LiteLLM leaves some of its own."""
    name = type(one).__name__
    return f"{name} of {one.f_globals.get('__name__', '').partition('.')[0]}" if isinstance(one, FrameType) else name


@contextmanager
def kept_garbage() -> Iterator[Counter[str]]:
    """By type, what only the collector could free of all that was made inside."""
    found: Counter[str] = Counter()
    gc.collect()
    gc.disable()
    try:
        yield found
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        found.update(name_of(one) for one in gc.garbage)
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


async def ask(router: Router, model: str, *, streaming: bool) -> None:
    request = ChatRequest(model, [{"role": "user", "content": "hi"}])
    try:
        if streaming:
            async with router.stream(request) as stream:
                async for _ in stream:
                    pass
        else:
            await router.complete(request)
    except RouterError:
        pass
    else:
        raise AssertionError("it was to fail")


@pytest.mark.parametrize("streaming", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("provider", MODELS)
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
async def test_a_failure_leaves_no_frames_to_the_collector(
    simulator: Simulator, provider: str, fault: Fault, streaming: bool
) -> None:
    async with build_router(Settings(simulator_url=simulator.url), mapping()) as router:
        simulator.inject(fault)
        await ask(router, provider, streaming=streaming)
        await asyncio.sleep(0.05)
        with kept_garbage() as garbage:
            for _ in range(5):
                await ask(router, provider, streaming=streaming)
            await asyncio.sleep(0.05)
    assert not OURS & garbage.keys(), garbage


@pytest.mark.parametrize("streaming", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("parallel", [False, True], ids=["first", "beside"])
@pytest.mark.parametrize("said", ["Count to 90", "I am me@example.com", "forbidden fruit", "nothing can be said"])
def test_a_guarded_request_leaves_nothing_to_the_collector(said: str, parallel: bool, streaming: bool) -> None:
    async def scenario() -> None:
        answers = {"a": [Step((f"You said: {said}. " * 20,))]}
        guard = RuledGuard(unreachable="nothing" in said)
        r = guarded_rig("a", guard=guard, scripts=answers, providers={"a": "bedrock"}, parallel=parallel)
        request = ChatRequest("a", [{"role": "user", "content": said}])
        with kept_garbage() as garbage:
            for _ in range(5):
                with suppress(GuardrailUnreachableError):
                    await (read(r.router, request) if streaming else r.router.complete(request))
                r.notes.outcomes.clear()
                r.provider.calls.clear()
        assert not OURS & garbage.keys(), garbage

    run_virtually(scenario())
