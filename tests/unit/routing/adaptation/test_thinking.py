"""How much a model is to think, in the words of its API."""

from __future__ import annotations

from typing import Any

import pytest

from litellm_fallback_router.routing.adaptation.steps import adapt
from litellm_fallback_router.routing.request.features import MessageFeatures
from litellm_fallback_router.routing.types import ChatRequest, Deployment, Message, ModelInfo
from tests.support.scripted import deployment

KNOWN = ModelInfo(max_output_tokens=64_000, reasoning=True)
BUDGETED = deployment("old", provider="anthropic", model="claude-haiku-4-5", info=KNOWN)
ADAPTIVE = deployment("new", provider="bedrock", model="us.anthropic.claude-sonnet-4-6", info=KNOWN)
NEWER = deployment("newer", provider="anthropic", model="claude-haiku-5-5", info=ModelInfo(sampling=False))
NOVA = deployment("nova", provider="bedrock", model="us.amazon.nova-2-lite-v1:0", info=KNOWN)
ASK: list[Message] = [{"role": "user", "content": "x"}]
CALL = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "s"}


def loop(**more: Any) -> list[Message]:
    called = {"role": "assistant", "content": None, "tool_calls": [CALL], **more}
    return [*ASK, called, {"role": "tool", "tool_call_id": "a", "content": "y"}]


def adapted(place: Deployment, params: dict[str, Any], messages: list[Message] | None = None) -> Any:
    request = ChatRequest(place.id, messages or ASK, params)
    found = adapt(place, request, MessageFeatures.of(request.messages))
    return dict(found.params), found.adjusted


@pytest.mark.parametrize(
    ("params", "sent", "said"),
    [
        ({"reasoning_effort": "high"}, 4096, "reasoning_effort sent as thinking of 4096 tokens"),
        ({"reasoning_effort": "high", "max_tokens": 2000}, 1999, "reasoning_effort sent as thinking of 1999 tokens"),
        ({"reasoning_effort": "high", "max_tokens": 1024}, None, "reasoning_effort dropped"),
        ({"reasoning_effort": "none"}, None, "reasoning_effort dropped"),
        ({"reasoning_effort": "a lot"}, None, "reasoning_effort dropped"),
        ({"thinking": {"type": "adaptive"}}, 2048, "thinking sent as thinking of 2048 tokens"),
        ({"thinking": {"type": "enabled", "budget_tokens": 5}}, 1024, "thinking budget_tokens raised to 1024"),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 5000}, "max_completion_tokens": 4000},
            3999,
            "thinking budget_tokens clamped to 3999",
        ),
    ],
)
def test_a_budget_is_told_and_fits(params: dict[str, Any], sent: int | None, said: str) -> None:
    found, report = adapted(BUDGETED, params)
    assert found.get("thinking") == (None if sent is None else {"type": "enabled", "budget_tokens": sent})
    assert "reasoning_effort" not in found
    assert report == (said,)


def test_thinking_asks_for_room_for_the_answer() -> None:
    found, _ = adapted(ADAPTIVE, {"reasoning_effort": "low"})
    assert found == {"reasoning_effort": "low", "max_tokens": 64_000}


@pytest.mark.parametrize(
    ("place", "effort", "sent"),
    [
        (ADAPTIVE, "minimal", "low"),
        (ADAPTIVE, "xhigh", "high"),
        (ADAPTIVE, "max", "max"),
        (NEWER, "xhigh", "xhigh"),
        (NOVA, "minimal", "low"),
        (NOVA, "max", "high"),
        (NOVA, "medium", "medium"),
    ],
)
def test_an_effort_is_one_that_the_model_knows(place: Deployment, effort: str, sent: str) -> None:
    found, report = adapted(place, {"reasoning_effort": effort})
    assert found["reasoning_effort"] == sent
    assert report == (() if effort == sent else (f"reasoning_effort sent as {sent}",))


def test_nova_thinks_much_only_without_a_limit_and_sampling() -> None:
    limited = {"reasoning_effort": "high", "max_tokens": 500, "temperature": 0.2}
    assert adapted(NOVA, limited) == ({**limited, "reasoning_effort": "medium"}, ("reasoning_effort sent as medium",))
    free = {"reasoning_effort": "high", "temperature": 0.2, "top_p": 0.9}
    assert adapted(NOVA, free) == ({"reasoning_effort": "high"}, ("temperature dropped", "top_p dropped"))
    assert adapted(NOVA, {**limited, "reasoning_effort": "low"}) == ({**limited, "reasoning_effort": "low"}, ())


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "f"}}])
@pytest.mark.parametrize("place", [BUDGETED, ADAPTIVE])
def test_a_tool_that_must_be_called_is_called_without_a_thought(place: Deployment, choice: Any) -> None:
    found, report = adapted(place, {"reasoning_effort": "high", "tools": [TOOL], "tool_choice": choice})
    assert found.keys() & {"thinking", "reasoning_effort"} == set()
    assert report[-1] in ("thinking dropped", "reasoning_effort dropped")


def test_a_loop_that_began_without_a_thought_goes_on_without_one() -> None:
    params = {"thinking": {"type": "enabled", "budget_tokens": 2000}, "tools": [TOOL]}
    assert "thinking" not in adapted(BUDGETED, params, loop())[0]
    assert adapted(BUDGETED, params, loop())[1] == ("thinking dropped",)
    assert "thinking" in adapted(BUDGETED, params, loop(thinking_blocks=[THOUGHT]))[0]
    ended = [*loop(), {"role": "assistant", "content": "y"}, *ASK]
    assert "thinking" in adapted(BUDGETED, params, ended)[0]
    assert "thinking" in adapted(ADAPTIVE, {**params, "thinking": {"type": "adaptive"}}, loop())[0]


def test_what_cannot_stand_beside_thinking_is_left_out() -> None:
    params = {"reasoning_effort": "low", "temperature": 0.2, "top_k": 5}
    found, report = adapted(ADAPTIVE, params)
    assert found == {"reasoning_effort": "low", "max_tokens": 64_000}
    assert report == ("temperature dropped", "top_k dropped")
    assert adapted(ADAPTIVE, {"reasoning_effort": "low", "top_p": 0.99})[0]["top_p"] == 0.99


def test_both_ways_to_say_it_are_one() -> None:
    thinking = {"type": "enabled", "budget_tokens": 2000}
    found, report = adapted(ADAPTIVE, {"reasoning_effort": "low", "thinking": thinking})
    assert found == {"thinking": thinking, "max_tokens": 64_000}
    assert report == ("reasoning_effort dropped",)
