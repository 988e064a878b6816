"""What is dropped or clamped for one deployment, and said to be."""

from __future__ import annotations

from typing import Any

import pytest

from litellm_fallback_router.routing.adaptation.parameters import adjust_messages, adjust_params
from litellm_fallback_router.routing.adaptation.report import UnfitError
from litellm_fallback_router.routing.request.features import MessageFeatures
from litellm_fallback_router.routing.types import Message, ModelInfo
from tests.support.scripted import deployment

PLAIN: list[Message] = [{"role": "user", "content": "x"}]
STRICT = {"type": "function", "function": {"name": "f", "strict": True}}
NOVA = deployment("nova", provider="bedrock", model="us.amazon.nova-2-lite-v1:0")
OWN = deployment("own", api_base="http://127.0.0.1:1/v1", openai_compatible=True)


@pytest.mark.parametrize(
    ("provider", "model", "both"),
    [
        ("anthropic", "claude-3-5-haiku-20241022", True),
        ("anthropic", "claude-sonnet-4-20250514", True),
        ("bedrock", "us.anthropic.claude-opus-4-20250514-v1:0", True),
        ("anthropic", "claude-opus-4-1-20250805", False),
        ("anthropic", "claude-haiku-4-5", False),
        ("anthropic", "claude-sonnet-4-6", False),
        ("bedrock", "us.anthropic.claude-haiku-4-5-20251001-v1:0", False),
        ("bedrock", "us.amazon.nova-2-lite-v1:0", True),
        ("openai", "gpt-4o", True),
    ],
)
def test_claude_since_opus_4_1_takes_temperature_or_top_p(provider: str, model: str, both: bool) -> None:
    place = deployment("x", provider=provider, model=model)
    params = {"temperature": 0.5, "top_p": 0.9}
    expected = (params, ()) if both else ({"temperature": 0.5}, ("top_p dropped",))
    assert adjust_params(place, params) == expected
    assert adjust_params(place, {"top_p": 0.9}) == ({"top_p": 0.9}, ())


def test_a_model_without_sampling_takes_the_default_temperature_only() -> None:
    place = deployment("x", provider="anthropic", model="claude-haiku-5-5", info=ModelInfo(sampling=False))
    assert adjust_params(place, {"temperature": 0.5, "top_p": 0.9, "top_k": 5}) == (
        {},
        ("temperature dropped", "top_p dropped", "top_k dropped"),
    )
    assert adjust_params(place, {"temperature": 1}) == ({"temperature": 1}, ())


@pytest.mark.parametrize(
    ("model", "effort", "sent"),
    [
        ("gpt-5-mini", "none", "minimal"),
        ("gpt-5", "max", "high"),
        ("gpt-5.1", "xhigh", "high"),
        ("gpt-5.4", "minimal", "low"),
        ("gpt-5.4-mini-2026-03-17", "max", "xhigh"),
        ("gpt-5.4", "none", "none"),
        ("gpt-5.6", "max", "xhigh"),
        ("gpt-6-sol", "minimal", "low"),
        ("gpt-6-astra", "none", "low"),
        ("gpt-6-astra", "max", "max"),
        ("gpt-5.1-codex", "xhigh", "high"),
        ("gpt-5.3-codex", "max", "xhigh"),
        ("gpt-5-pro", "low", "high"),
    ],
)
def test_gpt_5_reasons_as_much_as_it_can(model: str, effort: str, sent: str) -> None:
    kept, report = adjust_params(deployment("x", provider="openai", model=model), {"reasoning_effort": effort})
    assert kept == {"reasoning_effort": sent}
    assert report == (() if effort == sent else (f"reasoning_effort sent as {sent}",))


def test_gpt_5_takes_sampling_only_where_it_does_not_reason() -> None:
    place, sampling = deployment("x", provider="openai", model="gpt-5.4"), {"temperature": 0.2, "top_p": 0.9}
    assert adjust_params(place, sampling) == (sampling, ())
    assert adjust_params(place, {**sampling, "reasoning_effort": "none"})[1] == ()
    assert adjust_params(place, {**sampling, "reasoning_effort": "low"}) == (
        {"reasoning_effort": "low"},
        ("top_p dropped", "temperature dropped"),
    )
    assert adjust_params(place, {"temperature": 1, "reasoning_effort": "low"})[1] == ()


@pytest.mark.parametrize("provider", ["openai", "azure"])
def test_models_that_reason_unasked_take_sampling_only_where_they_are_told_not_to(provider: str) -> None:
    place, sampling = deployment("x", provider=provider, model="gpt-5.5"), {"temperature": 0.2, "top_p": 0.9}
    assert adjust_params(place, sampling) == ({}, ("top_p dropped", "temperature dropped"))
    unthinking = {**sampling, "reasoning_effort": "none", "logprobs": True}
    assert adjust_params(place, unthinking) == (unthinking, ())


@pytest.mark.parametrize(
    ("params", "code"), [({"n": 2}, "n"), ({"moderation": {}}, "moderation"), ({"function_call": "auto"}, "functions")]
)
def test_functions_that_are_sent_by_the_responses_api_stand_beside_less(params: dict[str, Any], code: str) -> None:
    place, tools = deployment("x", provider="openai", model="gpt-5.4"), {"tools": [STRICT]}
    with pytest.raises(UnfitError, match="beside functions") as unfit:
        adjust_params(place, {**tools, **params})
    assert unfit.value.code == code
    assert adjust_params(place, {**tools, "seed": 7})[1] == ("seed dropped",)
    by_chat = {**tools, **params, "seed": 7, "reasoning_effort": "none"}
    assert adjust_params(place, by_chat) == (by_chat, ())
    assert adjust_params(deployment("x", provider="openai", model="gpt-5.2"), {**tools, **params})[1] == ()


@pytest.mark.parametrize(("model", "params"), [("gpt-5.5", {}), ("gpt-5.4", {"reasoning_effort": "low"})])
def test_log_probabilities_beside_reasoning_pass_a_model_over(model: str, params: dict[str, Any]) -> None:
    with pytest.raises(UnfitError, match="only where it does not reason") as unfit:
        adjust_params(deployment("x", provider="openai", model=model), {"logprobs": True, **params})
    assert unfit.value.code == "logprobs"


def test_tools_that_must_not_be_called_are_left_out_where_that_cannot_be_said() -> None:
    params = {"tools": [STRICT], "tool_choice": "none"}
    assert adjust_params(NOVA, params) == ({}, ("tools dropped", "tool_choice dropped"))
    assert adjust_params(deployment("gpt-4o"), params) == (params, ())


def test_strictness_is_dropped_from_tools_without_touching_the_callers_own() -> None:
    kept, report = adjust_params(NOVA, {"tools": [STRICT]})
    assert kept == {"tools": [{"type": "function", "function": {"name": "f"}}]}
    assert report == ("tools strict dropped",)
    assert STRICT["function"] == {"name": "f", "strict": True}


def test_another_server_of_openais_api_gets_everything_as_it_came() -> None:
    marked: list[Message] = [
        {"role": "user", "name": "Zoe", "content": [{"type": "text", "text": "x", "cache_control": {}}]},
        {"role": "assistant", "content": "x", "reasoning_content": "y"},
    ]
    params = {"top_k": 5, "thinking": {"type": "enabled"}, "tool_choice": "auto", "metadata": {"a": "b"}, "user": "u"}
    assert adjust_params(OWN, params) == (params, ())
    assert adjust_messages(OWN, marked, MessageFeatures.of(marked)) == (marked, ())
