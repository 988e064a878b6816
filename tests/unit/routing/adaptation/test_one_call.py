"""One tool call at a time from models whose API cannot be told so: the first call of an answer is kept."""

from __future__ import annotations

from typing import Any

import pytest

from litellm_fallback_router.routing.adaptation.one_call import ADJUSTED, ADJUSTED_DEFAULT, OneCall
from litellm_fallback_router.routing.types import ChatRequest
from tests.support.scripted import Rig, ScriptedProvider, Step, config_of, deployment
from tests.support.virtual_time import run_virtually

TOOLS = [{"type": "function", "function": {"name": name, "parameters": {"type": "object"}}} for name in ("look", "ask")]
FORCED = {"type": "function", "function": {"name": "look"}}
CLAUDE = ("bedrock", "us.anthropic.claude-sonnet-4-6")
LLAMA = ("bedrock", "us.meta.llama3-3-70b-instruct-v1:0")
NOVA = ("bedrock", "us.amazon.nova-2-lite-v1:0")


def call(index: int, name: str | None, arguments: str) -> dict[str, Any]:
    known = {"id": f"call_{index}", "type": "function"} if name else {}
    return {"index": index, **known, "function": {"arguments": arguments, **({"name": name} if name else {})}}


PARALLEL = (
    {"content": "Let me see."},
    {"tool_calls": [call(0, "look", "")]},
    {"tool_calls": [call(0, None, '{"at": ')]},
    {"tool_calls": [call(0, None, "1}"), call(1, "ask", "")]},
    {"tool_calls": [call(1, None, "{}")]},
)


def asked(**params: Any) -> ChatRequest:
    return ChatRequest("x", [{"role": "user", "content": "Look."}], {"tools": TOOLS, **params})


def rig_of(provider: str, model: str) -> Rig:
    place = deployment("x", provider=provider, model=model)
    return Rig(config_of(place), ScriptedProvider({"x": [Step((), deltas=PARALLEL, finish_reason="tool_calls")]}))


@pytest.mark.parametrize(("provider", "model"), [NOVA, LLAMA, ("openai", "o3")])
@pytest.mark.parametrize("choice", ["auto", "required", FORCED])
def test_keeps_the_first_call_of_a_stream_where_the_api_has_no_such_switch(
    provider: str, model: str, choice: Any
) -> None:
    async def main() -> None:
        r = rig_of(provider, model)
        deltas = []
        async with r.router.stream(asked(parallel_tool_calls=False, tool_choice=choice)) as stream:
            async for chunk in stream:
                deltas += [choice["delta"] for choice in chunk.choices]
        assert deltas == [*PARALLEL[:3], {"tool_calls": [call(0, None, "1}")]}, {}]
        (sent,) = r.provider.calls
        assert sent.params == {"tools": TOOLS, "tool_choice": choice}
        assert stream.result.ledger.attempts[0].adjusted == (ADJUSTED,)

    run_virtually(main())


@pytest.mark.parametrize(
    ("place", "params"),
    [
        (CLAUDE, {"parallel_tool_calls": False}),
        (("anthropic", "claude-sonnet-4-6"), {"parallel_tool_calls": False}),
        (("openai", "gpt-4o"), {"parallel_tool_calls": False}),
        (NOVA, {}),
    ],
)
def test_keeps_all_where_the_api_sees_to_it_or_nobody_asks(place: tuple[str, str], params: dict[str, Any]) -> None:
    async def main() -> None:
        r = rig_of(*place)
        deltas = []
        async with r.router.stream(asked(**params)) as stream:
            async for chunk in stream:
                deltas += [choice["delta"] for choice in chunk.choices]
        assert deltas == [*PARALLEL, {}]
        assert r.provider.calls[0].params == {"tools": TOOLS, **params}

    run_virtually(main())


@pytest.mark.parametrize("place", [NOVA, LLAMA, ("openai", "o3")])
def test_several_at_once_need_no_word_where_the_api_has_none(place: tuple[str, str]) -> None:
    async def main() -> None:
        r = rig_of(*place)
        async with r.router.stream(asked(parallel_tool_calls=True)) as stream:
            deltas = [choice["delta"] async for chunk in stream for choice in chunk.choices]
        assert deltas == [*PARALLEL, {}]
        assert r.provider.calls[0].params == {"tools": TOOLS}
        assert stream.result.ledger.attempts[0].adjusted == (ADJUSTED_DEFAULT,)

    run_virtually(main())


@pytest.mark.parametrize(
    ("message", "kept"),
    [
        ({"content": None, "tool_calls": [{"id": "1"}, {"id": "2"}]}, {"content": None, "tool_calls": [{"id": "1"}]}),
        ({"content": None, "tool_calls": [{"id": "1"}]}, {"content": None, "tool_calls": [{"id": "1"}]}),
        ({"content": "Paris"}, {"content": "Paris"}),
    ],
)
def test_keeps_the_first_call_of_a_whole_answer(message: dict[str, Any], kept: dict[str, Any]) -> None:
    choices = [{"index": 0, "message": message, "finish_reason": "tool_calls"}]
    before = repr(choices)
    assert OneCall().whole(choices) == [{"index": 0, "message": kept, "finish_reason": "tool_calls"}]
    assert repr(choices) == before
