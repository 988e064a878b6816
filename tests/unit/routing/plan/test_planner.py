"""The plan: who is asked, with what, and why not the others."""

from __future__ import annotations

import random
from typing import Any

import pytest

from litellm_fallback_router.routing.mapping.config import RouterConfig
from litellm_fallback_router.routing.plan.health import Health
from litellm_fallback_router.routing.plan.planner import Plan, plan
from litellm_fallback_router.routing.ports import CircuitState
from litellm_fallback_router.routing.types import ChatRequest, ModelInfo, RoutingConstraints
from tests.support.scripted import config_of, deployment

HELLO = [{"role": "user", "content": "hello"}]
TOOLS = [{"type": "function", "function": {"name": "f"}}]
IMAGE = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:..."}}]}]
MODEST = ModelInfo(
    tools=False, tool_choice=False, images=False, json_schema=False, reasoning=False, max_input_tokens=100
)


def planned(
    config: RouterConfig, health: Health | None = None, *, messages: Any = None, model: str = "a", **fields: Any
) -> Plan:
    request = ChatRequest(model, messages or HELLO, **fields)
    return plan(request, config, health or Health(), random.Random(1))


def places(result: Plan) -> list[str]:
    return [candidate.deployment.id for candidate in result.candidates]


def drops(result: Plan) -> dict[str, str]:
    return {drop.deployment: drop.code for drop in result.dropped}


def doubts(result: Plan) -> dict[str, str]:
    return {c.deprioritized.deployment: c.deprioritized.code for c in result.candidates if c.deprioritized is not None}


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"params": {"tools": TOOLS}}, "tools"),
        ({"messages": [*HELLO, {"role": "tool", "tool_call_id": "x", "content": "1"}]}, "tools"),
        ({"params": {"tool_choice": "required"}}, "tools"),
        ({"messages": IMAGE}, "images"),
        ({"params": {"response_format": {"type": "json_schema"}}}, "json_schema"),
        ({"messages": [{"role": "user", "content": "x" * 801}]}, "context"),
    ],
)
def test_a_need_drops_the_candidate_that_cannot(fields: dict[str, Any], code: str) -> None:
    result = planned(config_of(deployment("a", info=MODEST), deployment("b")), **fields)
    assert (places(result), drops(result)) == (["b"], {"a": code})


@pytest.mark.parametrize("params", [{"n": 2}, {"logprobs": True}, {"top_logprobs": 3}])
def test_a_provider_without_choices_or_logprobs_is_dropped(params: dict[str, Any]) -> None:
    config = config_of(deployment("a", provider="anthropic"), deployment("b", provider="bedrock"), deployment("c"))
    assert places(planned(config, params=params)) == ["c"]


def test_nothing_known_of_a_model_drops_nothing() -> None:
    config = config_of(deployment("a"), deployment("b"))
    params = {"tools": TOOLS, "response_format": {"type": "json_schema"}}
    assert places(planned(config, messages=IMAGE, params=params)) == ["a", "b"]


def test_wishes_are_dropped_or_clamped_and_reported() -> None:
    config = config_of(deployment("a", provider="anthropic", info=ModelInfo(max_output_tokens=50)), deployment("b"))
    params = {"seed": 1, "logit_bias": {}, "temperature": 1.7, "max_tokens": 100, "top_p": 0.5, "top_k": 4}
    claude, gpt = planned(config, params=params).candidates
    assert claude.params == {"temperature": 1.0, "max_tokens": 50, "top_k": 4}
    assert claude.adjusted == (
        "seed dropped",
        "logit_bias dropped",
        "max_tokens clamped to 50",
        "temperature clamped to 1",
        "top_p dropped",
    )
    assert gpt.params == {k: v for k, v in params.items() if k != "top_k"}


def test_cache_marks_and_thinking_reach_only_models_that_understand_them() -> None:
    marked = {"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}}
    thought = {"type": "thinking", "thinking": "...", "signature": "s"}
    messages = [
        {"role": "user", "content": [marked]},
        {"role": "assistant", "content": [thought, {"type": "text", "text": "x"}], "thinking_blocks": [thought]},
    ]
    config = config_of(deployment("a"), deployment("b", provider="bedrock", model="us.anthropic.claude-x"))
    gpt, claude = planned(config, messages=messages).candidates
    assert claude.messages == [
        messages[0],
        {"role": "assistant", "thinking_blocks": [thought], "content": [{"type": "text", "text": "x"}]},
    ]
    assert claude.adjusted == ()
    assert gpt.messages == [
        {"role": "user", "content": [{"type": "text", "text": "hi"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "x"}]},
    ]
    assert gpt.adjusted == ("cache_control dropped", "thinking blocks dropped")
    assert messages[0]["content"][0] is marked, "the caller's own messages stay as they are"


def test_the_caller_narrows_by_provider_region_and_chain() -> None:
    config = config_of(
        deployment("a"),
        deployment("b", provider="bedrock", region="eu-west-1"),
        deployment("c", provider="bedrock", region="us-east-1"),
    )
    assert places(planned(config, constraints=RoutingConstraints(providers=("bedrock",)))) == ["b", "c"]
    assert places(planned(config, constraints=RoutingConstraints(regions=("eu-*",)))) == ["b"]
    assert places(planned(config, constraints=RoutingConstraints(fallback=False))) == ["a"]


def test_health_drops_with_its_reason_and_a_due_probe_stays() -> None:
    config = config_of(*(deployment(name, rpm=5 if name == "r" else None) for name in "akcodrp"))
    health = Health(
        circuits={
            "o": CircuitState(open=True, retry_after=3.0),
            "p": CircuitState(open=True, probe_due=True),
        },
        cooling={"c": 10.0, "key-d": 20.0},
        rpm_left={"r": 0},
        keyless={"k": "no key: set K"},
    )
    result = planned(config, health)
    assert places(result) == ["a", "p", "o", "c"]
    assert result.candidates[1].probe
    assert doubts(result) == {"c": "cooling", "o": "circuit_open"}
    assert drops(result) == {"k": "no_key", "d": "credential", "r": "rpm"}


def test_last_resorts_come_after_all_others_the_least_bad_first() -> None:
    config = config_of(*(deployment(name) for name in "abcde"))
    health = Health(
        circuits={
            "a": CircuitState(open=True, retry_after=4.0),
            "b": CircuitState(open=True, retry_after=2.0),
            "c": CircuitState(open=True, drained=True),
        },
        cooling={"d": 30.0},
    )
    result = planned(config, health)
    assert places(result) == ["e", "b", "a", "d"]
    assert [candidate.last_resort for candidate in result.candidates] == [False, True, True, True]
    assert drops(result) == {"c": "drained"}


@pytest.mark.parametrize(
    ("timeout", "order"), [(5.0, ["b", "c", "a"]), (6.0, ["a", "b", "c"]), (None, ["a", "b", "c"])]
)
def test_who_was_silent_comes_last_for_callers_in_as_great_a_hurry(timeout: float | None, order: list[str]) -> None:
    config = config_of(*(deployment(name) for name in "abc"))
    result = planned(config, Health(timed_out={"a": 4.0}), timeout=timeout)
    assert places(result) == order
    assert doubts(result) == ({"a": "silent"} if order[0] == "b" else {})
    assert not any(candidate.last_resort for candidate in result.candidates)


@pytest.mark.parametrize(
    ("regions", "asked"), [(("us-*", "eu-west-1"), ["a", "b"]), (("eu-*",), ["b"]), (("*",), ["a", "b", "c"])]
)
def test_a_region_fits_where_any_of_the_patterns_does(regions: tuple[str, ...], asked: list[str]) -> None:
    config = config_of(deployment("a", region="us-east-1"), deployment("b", region="eu-west-1"), deployment("c"))
    result = planned(config, constraints=RoutingConstraints(regions=regions))
    assert places(result) == asked
    reasons = {drop.deployment: drop.reason for drop in result.dropped}
    told = {
        "a": "the request excludes Region us-east-1",
        "c": "the request excludes deployments without a Region",
    }
    assert reasons == {name: told[name] for name in told if name not in asked}


def test_whom_nobody_waited_for_in_vain_is_not_doubted_however_short_the_time() -> None:
    config = config_of(deployment("a"), deployment("b"))
    assert doubts(planned(config, timeout=0.001)) == {}
    assert doubts(planned(config, Health(timed_out={"a": 0.5}), timeout=0.001)) == {"a": "silent"}
