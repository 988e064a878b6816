"""A mistake in our own code is one call and an error of its own: nobody else is asked for it, and no circuit counts it.
What a provider sends, whatever it is, is never such a mistake.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from litellm_fallback_router.bootstrap import assemble, load
from litellm_fallback_router.engine import (
    anthropic,
    converse,
    finishing,
    openai,
    openai_stream,
    pool,
    prices,
    sse,
    translated,
)
from litellm_fallback_router.engine.acompletion import provider, streams
from litellm_fallback_router.routing.errors import RouterError
from litellm_fallback_router.routing.failures import FailureKind
from litellm_fallback_router.routing.router import Router
from litellm_fallback_router.routing.types import ChatRequest
from litellm_fallback_router.settings import Settings
from local.simulator import SimulatorControl
from tests.support.raw_server import response
from tests.support.recording_server import Recorder, recording_server

MODELS = {
    "openai": ("openai", {"model": "gpt-4o"}),
    "anthropic": ("anthropic", {"model": "claude-sonnet-4-6"}),
    "bedrock": ("bedrock", {"model": "us.anthropic.claude-sonnet-4-6", "region": "us-east-1"}),
}
ASKED = {"max_tokens": 100}


def mapping(**bases: str) -> dict[str, Any]:
    models = []
    for name, (where, params) in MODELS.items():
        base = {"api_base": f"{bases[name]}/v1", "api_key": "key"} if name in bases else {}
        models.append({"model_name": name, "litellm_provider": where, "params": {**params, **base}})
    chains = {f"first {name}": [name, *(other for other in MODELS if other != name)] for name in MODELS}
    return {"model_list": models, "strategies": chains, "settings": {"circuit_failures": 1, "tries_on_last": 1}}


async def ask(router: Router, model: str, *, streaming: bool) -> None:
    asked = ChatRequest(model, [{"role": "user", "content": "What is the capital of France?"}], ASKED)
    if not streaming:
        await router.complete(asked)
        return
    async with router.stream(asked) as stream:
        async for _ in stream:
            pass


def wrong(*_: object, **__: object) -> Any:
    raise TypeError("a mistake of ours")


PLACES = {
    "a request": (openai, "copied", "openai", False),
    "the arguments": (translated, "arguments_of", "anthropic", False),
    "the connections": (pool.Pool, "send", "openai", False),
    "an answer read": (openai, "_plain_choice", "openai", False),
    "an answer of Anthropic's read": (anthropic, "_texts", "anthropic", False),
    "usage read": (converse, "of_bedrock", "bedrock", False),
    "a price": (prices, "cost_of", "openai", False),
    "a signature": (converse, "signed", "bedrock", False),
    "an event": (sse, "_data_of", "openai", True),
    "a chunk read": (openai_stream, "chunks_of", "openai", True),
    "a chunk of Anthropic's read": (translated, "chunk_of", "anthropic", True),
    "a chunk of Bedrock's read": (translated, "is_token", "bedrock", True),
    "the stream's price": (prices, "cost_of", "openai", True),
}


@pytest.mark.parametrize("place", PLACES)
async def test_a_bug_is_one_call_and_no_fallback(
    simulator: SimulatorControl, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    simulator.reset()
    where, name, model, streaming = PLACES[place]
    monkeypatch.setattr(where, name, wrong)
    async with assemble(load(Settings(simulator_url=simulator.url), mapping())) as router:
        with pytest.raises(TypeError, match="a mistake of ours"):
            await ask(router, f"first {model}", streaming=streaming)
        states = await router._dependencies.circuits.states(MODELS)
        assert not any(state.open for state in states.values())
    assert len(simulator.requests()) <= 1


PUBLIC_PLACES = {
    "an answer read": (provider, "answer_of", False),
    "the arguments": (provider, "arguments_of", False),
    "what LiteLLM runs of ours": (finishing.FinishReader, "read", False),
    "a chunk read": (streams, "chunk_of", True),
    "a finish reason": (finishing.FinishReader, "read", True),
}


@pytest.mark.parametrize("place", PUBLIC_PLACES)
async def test_a_bug_around_litellms_public_call_is_one_call_too(
    simulator: SimulatorControl, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    simulator.reset()
    where, name, streaming = PUBLIC_PLACES[place]
    monkeypatch.setattr(where, name, wrong)
    params = {"model": "gpt-4o", "api_base": f"{simulator.url}/openai/v1", "api_key": "sim-openai-key"}
    models = [{"model_name": name, "litellm_provider": "databricks", "params": params} for name in ("a", "b")]
    chain = {"model_list": models, "fallbacks": {"a": ["b"]}, "settings": {"circuit_failures": 1}}
    async with assemble(load(Settings(), chain)) as router:
        with pytest.raises(TypeError, match="a mistake of ours"):
            await ask(router, "a", streaming=streaming)
        states = await router._dependencies.circuits.states("ab")
        assert not any(state.open for state in states.values())
    assert len(simulator.requests()) <= 1


VALUES: list[Any] = [None, 5, True, "x", [], {}, [None], ["x"], [{}]]
WHOLE: dict[str, Any] = {
    "id": "x",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4o",
    "service_tier": "default",
    "choices": [
        {
            "index": 0,
            "finish_reason": "stop",
            "logprobs": None,
            "message": {
                "role": "assistant",
                "content": "Paris",
                "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
                "annotations": [],
            },
        }
    ],
    "usage": {"prompt_tokens": 9, "completion_tokens": 6, "total_tokens": 15, "prompt_tokens_details": {}},
}
EVENT: dict[str, Any] = {
    **WHOLE,
    "choices": [
        {
            "index": 0,
            "finish_reason": None,
            "logprobs": None,
            "delta": {
                "role": "assistant",
                "content": "Paris",
                "tool_calls": WHOLE["choices"][0]["message"]["tool_calls"],
            },
        }
    ],
}
LAST = {"id": "x", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
CLAUDES: dict[str, Any] = {
    "id": "m",
    "type": "message",
    "role": "assistant",
    "model": "c",
    "content": [{"type": "text", "text": "Paris"}, {"type": "tool_use", "id": "t", "name": "f", "input": {}}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 9, "output_tokens": 1, "cache_read_input_tokens": 0},
}
PIECES: list[dict[str, Any]] = [
    {"type": "message_start", "message": {**CLAUDES, "content": [], "stop_reason": None}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Paris"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}},
    {"type": "message_stop"},
]


def bent(value: Any) -> Iterator[Any]:
    """`value` with each of its parts replaced by something else."""
    for other in VALUES:
        yield other
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        for other in bent(one):
            whole = copy.copy(value)
            whole[key] = other
            yield whole


def events(*said: Any) -> bytes:
    text = "".join(f"data: {json.dumps(one)}\n\n" for one in said) + "data: [DONE]\n\n"
    return response(200, text, content_type="text/event-stream")


def claudes_events(said: list[Any]) -> bytes:
    kinds = [one.get("type") if isinstance(one, dict) else "ping" for one in said]
    text = "".join(f"event: {kind}\ndata: {json.dumps(one)}\n\n" for kind, one in zip(kinds, said, strict=True))
    return response(200, text, content_type="text/event-stream")


async def heard(model: str, answers: Iterator[bytes], *, streaming: bool) -> int:
    """How many there were. Each is an answer, or none: never anything else."""
    told = 0
    async with recording_server() as place:
        for answer in answers:
            place.answer = answer
            await _one(place, model, streaming=streaming)
            told += 1
    return told


async def _one(place: Recorder, model: str, *, streaming: bool) -> None:
    alone = mapping(**{model: place.url})
    alone = {
        **alone,
        "model_list": [one for one in alone["model_list"] if one["model_name"] == model],
        "strategies": {},
    }
    router = assemble(load(Settings(), alone))
    try:
        await ask(router, model, streaming=streaming)
    except RouterError as error:
        kinds = {attempt.failure for attempt in error.ledger.attempts}
        assert kinds <= {FailureKind.INVALID_RESPONSE, FailureKind.STREAM_BROKEN}, place.answer
    except Exception as error:
        error.add_note(str(place.answer))
        raise


async def test_any_whole_answer_of_openais_is_one_or_none() -> None:
    assert await heard("openai", (response(200, one) for one in bent(WHOLE)), streaming=False) > 150


async def test_any_stream_of_openais_is_an_answer_or_none() -> None:
    assert await heard("openai", (events(one, LAST) for one in bent(EVENT)), streaming=True) > 150


async def test_any_whole_answer_of_anthropics_is_one_or_none() -> None:
    assert await heard("anthropic", (response(200, one) for one in bent(CLAUDES)), streaming=False) > 70


async def test_any_stream_of_anthropics_is_an_answer_or_none() -> None:
    told = (claudes_events(one) for one in bent(PIECES) if isinstance(one, list))
    assert await heard("anthropic", told, streaming=True) > 150
