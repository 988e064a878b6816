"""What changes in a body of Anthropic's on its way to Claude, and that nothing else does."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest

from litellm_fallback_router.routing.adaptation.native import continued, fitted_native, speaks
from litellm_fallback_router.routing.adaptation.report import Report, UnfitError
from litellm_fallback_router.routing.types import Deployment, ModelInfo, NativeRequest
from tests.support.scripted import deployment

CLAUDE = replace(
    deployment("claude"), provider="anthropic", model="claude-sonnet-4-6", info=ModelInfo(max_output_tokens=4000)
)
USER = {"role": "user", "content": "hi"}
SIGNED = {"type": "thinking", "thinking": "hm", "signature": "c2ln"}
CALL = {"type": "tool_use", "id": "t1", "name": "f", "input": {}}
RESULT = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "r"}]}
BUDGET = {"type": "enabled", "budget_tokens": 1024}


def fitted(
    body: dict[str, Any], *, to: Deployment = CLAUDE, headers: Mapping[str, str] = MappingProxyType({})
) -> tuple[dict[str, Any], dict[str, str], tuple[str, ...]]:
    given = {"max_tokens": 2000, "messages": [USER], **body}
    before = copy.deepcopy(given)
    report = Report()
    native = fitted_native(to, NativeRequest("messages", given, headers), report)
    assert given == before, "what others are asked too was changed"
    return dict(native.body), dict(native.headers), report.lines


def turn(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


@pytest.mark.parametrize(
    "body",
    [
        {"system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}], "top_k": 3},
        {"tools": [{"type": "web_search_20250305", "name": "web_search"}], "container": "c"},
        {"messages": [USER, turn(SIGNED, CALL), RESULT], "thinking": BUDGET},
        {"messages": [USER, turn({"type": "redacted_thinking", "data": "d"}, CALL), RESULT], "thinking": BUDGET},
        {"messages": [USER, turn(CALL), RESULT], "thinking": {"type": "adaptive"}},
        {"messages": [USER, turn(CALL), RESULT, turn({"type": "text", "text": "t"}), USER], "thinking": BUDGET},
        {"fallback_credit_token": {"token": "x", "mode": "best_effort"}},
    ],
)
def test_goes_on_as_it_came(body: dict[str, Any]) -> None:
    sent, _, lines = fitted(body)
    assert sent == {"max_tokens": 2000, "messages": [USER], **body}
    assert lines == ()


def test_a_limit_beyond_the_models_is_clamped() -> None:
    sent, _, lines = fitted({"max_tokens": 5000})
    assert (sent["max_tokens"], lines) == (4000, ("max_tokens clamped to 4000",))


@pytest.mark.parametrize(
    "foreign",
    [
        {"type": "thinking", "thinking": "hm", "signature": ""},
        {"type": "thinking", "thinking": "hm"},
        {"type": "thinking", "thinking": "hm", "signature": "fallback-router:gpt-5.4"},
    ],
)
def test_thoughts_that_claude_did_not_sign_are_left_out(foreign: dict[str, Any]) -> None:
    sent, _, lines = fitted({"messages": [USER, turn(foreign, SIGNED, CALL), RESULT]})
    assert sent["messages"][1] == turn(SIGNED, CALL)
    assert lines == ("thinking blocks dropped",)


def test_a_turn_of_nothing_but_foreign_thoughts_is_left_out() -> None:
    sent, _, lines = fitted({"messages": [USER, turn({"type": "thinking", "thinking": "hm"}), USER]})
    assert sent["messages"] == [USER, USER]
    assert lines == ("thinking blocks dropped",)


def test_a_loop_that_another_model_began_goes_on_without_a_budget_for_thoughts() -> None:
    body = {"messages": [USER, turn(CALL), RESULT], "thinking": BUDGET, "context_management": {"edits": []}}
    sent, _, lines = fitted(body)
    assert sent.keys() == {"max_tokens", "messages"}
    assert lines == ("thinking dropped", "context_management dropped")


def test_fallbacks_around_the_mapping_are_dropped() -> None:
    sent, _, lines = fitted({"fallbacks": [{"model": "claude-opus-5"}]})
    assert ("fallbacks" in sent, lines) == (False, ("fallbacks dropped",))


def test_betas_of_accounts_and_nonsense_are_dropped() -> None:
    _, headers, lines = fitted({}, headers={"anthropic-beta": "context-1m-2025-08-07,oauth-2025-04-20,<b>"})
    assert (headers, lines) == ({"anthropic-beta": "context-1m-2025-08-07"}, ("anthropic-beta dropped",))
    assert fitted({}, headers={"anthropic-beta": "webhooks-2026-10-07"})[1] == {}


def test_the_rest_of_an_answer_is_asked_for_after_what_there_is() -> None:
    native = NativeRequest("messages", {"max_tokens": 100, "messages": [USER]})
    rest = continued(native, "So far", {"max_tokens": 90}, "Go on.")
    assert rest.body == {
        "max_tokens": 90,
        "messages": [USER, {"role": "assistant", "content": "So far"}, {"role": "user", "content": "Go on."}],
    }
    assert continued(native, "So far", {}, None).body["messages"][1:] == [{"role": "assistant", "content": "So far"}]
    assert continued(native, " ", {}, None).body == native.body
    thinking = {**native.body, "thinking": BUDGET, "context_management": {"edits": []}}
    middle = continued(replace(native, body=thinking), "So far", {}, None).body
    assert middle == continued(native, "So far", {}, None).body, "Claude thinks before an answer, not in its middle"
    assert continued(replace(native, body=thinking), " ", {}, None).body == thinking


def test_others_than_claudes_makers_do_not_speak_it() -> None:
    native = NativeRequest("messages", {"max_tokens": 1, "messages": [USER]})
    assert speaks(CLAUDE, native)
    assert not speaks(deployment("gpt"), native)
    assert not speaks(CLAUDE, None)


HAIKU = replace(CLAUDE, model="claude-haiku-4-5", info=ModelInfo(prefill=True))
OPUS = replace(CLAUDE, model="claude-opus-5", info=ModelInfo(sampling=False, prefill=False))
BEDROCK = replace(
    deployment("bedrock"),
    provider="bedrock",
    model="us.anthropic.claude-sonnet-4-6",
    litellm_model="bedrock/converse/us.anthropic.claude-sonnet-4-6",
    region="us-east-1",
)


@pytest.mark.parametrize(
    ("to", "body", "changed", "lines"),
    [
        (
            HAIKU,
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}},
            {"thinking": {"type": "enabled", "budget_tokens": 1999}},
            ("output_config.effort dropped", "thinking sent as thinking of 1999 tokens"),
        ),
        (
            HAIKU,
            {"output_config": {"effort": "low", "format": {"type": "json_schema", "schema": {}}}},
            {
                "output_config": {"format": {"type": "json_schema", "schema": {}}},
                "thinking": {"type": "enabled", "budget_tokens": 1024},
            },
            ("output_config.effort sent as thinking of 1024 tokens",),
        ),
        (
            CLAUDE,
            {"output_config": {"effort": "xhigh"}, "thinking": {"type": "adaptive"}},
            {"output_config": {"effort": "high"}, "thinking": {"type": "adaptive"}},
            ("output_config.effort sent as high",),
        ),
        (
            OPUS,
            {"thinking": BUDGET, "temperature": 0.5, "top_p": 0.9},
            {"thinking": {"type": "adaptive"}},
            ("temperature dropped", "top_p dropped", "thinking budget_tokens sent as effort"),
        ),
        (
            CLAUDE,
            {"thinking": {"type": "adaptive"}, "tools": [{"name": "f"}], "tool_choice": {"type": "any"}},
            {"tools": [{"name": "f"}], "tool_choice": {"type": "any"}},
            ("thinking dropped",),
        ),
        (CLAUDE, {"temperature": 0.5, "top_p": 0.9}, {"temperature": 0.5}, ("top_p dropped",)),
        (
            HAIKU,
            {"max_tokens": 500, "thinking": BUDGET, "context_management": {"edits": []}},
            {"max_tokens": 500},
            ("thinking dropped", "context_management dropped"),
        ),
    ],
)
def test_what_another_claude_takes_otherwise_is_changed_and_said(
    to: Deployment, body: dict[str, Any], changed: dict[str, Any], lines: tuple[str, ...]
) -> None:
    sent, _, said = fitted(body, to=to)
    assert sent == {"max_tokens": 2000, "messages": [USER], **changed}
    assert said == lines


def test_a_model_that_continues_nothing_is_passed_over_but_with_a_credit() -> None:
    begun = [USER, turn({"type": "text", "text": "So"})]
    with pytest.raises(UnfitError, match="does not continue"):
        fitted({"messages": begun}, to=OPUS)
    assert fitted({"messages": begun, "fallback_credit_token": "t"}, to=OPUS)[2] == ()
    assert fitted({"messages": begun}, to=HAIKU)[2] == ()


def test_bedrock_gets_the_fields_and_betas_that_it_has() -> None:
    mark = {"type": "ephemeral", "ttl": "1h", "scope": "global"}
    text = {"type": "text", "text": "t", "cache_control": mark}
    result = {"type": "tool_result", "tool_use_id": "t1", "content": [text]}
    body = {
        "messages": [USER, turn(CALL), {"role": "user", "content": [result]}],
        "system": [text],
        "tools": [{"name": "f", "eager_input_streaming": True, "cache_control": mark}],
        "metadata": {"user_id": "u"},
        "service_tier": "auto",
        "fallback_credit_token": "t",
    }
    betas = "advanced-tool-use-2025-11-20,claude-code-20250219,context-1m-2025-08-07"
    sent, headers, lines = fitted(
        body, to=BEDROCK, headers={"anthropic-beta": betas, "anthropic-version": "2023-06-01"}
    )
    marked = {"type": "text", "text": "t", "cache_control": {"type": "ephemeral"}}
    assert sent == {
        "max_tokens": 2000,
        "messages": [USER, turn(CALL), {"role": "user", "content": [{**result, "content": [marked]}]}],
        "system": [marked],
        "tools": [{"name": "f", "cache_control": {"type": "ephemeral"}}],
        "metadata": {"user_id": "u"},
    }
    assert headers == {"anthropic-beta": "tool-search-tool-2025-10-19,context-1m-2025-08-07"}
    assert set(lines) == {
        "service_tier dropped",
        "fallback_credit_token dropped",
        "cache_control ttl dropped",
        "cache_control scope dropped",
        "tools eager_input_streaming dropped",
        "anthropic-beta dropped",
    }


@pytest.mark.parametrize(
    ("native", "to", "taken"),
    [
        (NativeRequest("messages", {"messages": [USER]}), BEDROCK, True),
        (NativeRequest("messages", {"messages": [USER]}, only=("tools[0] (bash_20250124)",)), BEDROCK, True),
        (NativeRequest("messages", {"messages": [USER]}, only=("tools[0] (web_search_20250305)",)), BEDROCK, False),
        (NativeRequest("messages", {"messages": [USER]}, only=("container (a container)",)), BEDROCK, False),
        (NativeRequest("messages", {"messages": [USER]}), replace(BEDROCK, extra={"guardrailConfig": {}}), False),
        (NativeRequest("messages", {"messages": [USER]}), replace(BEDROCK, extra={"aws_role_name": "r"}), True),
        (NativeRequest("messages", {"messages": [USER]}), replace(BEDROCK, model="us.amazon.nova-pro-v1:0"), False),
        (NativeRequest("messages", {"messages": [USER]}), replace(BEDROCK, litellm_model="bedrock/invoke/x"), False),
        (
            NativeRequest(
                "messages",
                {"messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "url", "url": "u"}}]}]},
            ),
            BEDROCK,
            False,
        ),
    ],
)
def test_what_bedrock_is_asked_natively(native: NativeRequest, to: Deployment, taken: bool) -> None:
    assert speaks(to, native) is taken


BRIEF = {"role": "system", "content": [{"type": "text", "text": "Be brief."}], "output_config": {"effort": "low"}}
ADDED = {"role": "system", "content": [{"type": "tool_addition", "tool": {"name": "f"}}]}
NEWER = replace(CLAUDE, model="claude-opus-5-5")


@pytest.mark.parametrize("model", ["claude-opus-4-8", "claude-sonnet-5", "claude-opus-5-5", "claude-fable-5-1"])
def test_instructions_among_the_messages_stay_where_the_model_takes_them(model: str) -> None:
    given = {"messages": [USER, BRIEF, turn({"type": "text", "text": "yes"}), USER, ADDED]}
    body, _, lines = fitted(given, to=replace(CLAUDE, model=model))

    assert (body["messages"], lines) == (given["messages"], ())


@pytest.mark.parametrize(
    "model", ["claude-sonnet-4-6", "claude-opus-4-7", "claude-opus-4-20250514", "claude-haiku-4-5", "claude-3-5-haiku"]
)
@pytest.mark.parametrize("system", [None, "s", [{"type": "text", "text": "s"}]])
def test_instructions_among_the_messages_go_to_the_front_where_it_does_not(model: str, system: Any) -> None:
    given = {"messages": [USER, BRIEF, USER, ADDED], **({} if system is None else {"system": system})}
    body, _, lines = fitted(given, to=replace(CLAUDE, model=model))

    first = [] if system is None else [{"type": "text", "text": "s"}]
    assert body["messages"] == [USER, USER]
    assert body["system"] == [*first, *BRIEF["content"]]
    said = ("system messages moved to the front", "messages output_config dropped", "messages tool_addition dropped")
    assert lines == said


def test_an_effort_alone_leaves_no_empty_instruction() -> None:
    body, _, _ = fitted({"messages": [USER, {"role": "system", "content": [], "output_config": {"effort": "low"}}]})

    assert body["messages"] == [USER]
    assert "system" not in body


@pytest.mark.parametrize(
    ("beta", "line"),
    [
        ("mid-conversation-output-config-2026-07-01", None),
        ("per-turn-control-2026-07-01", "messages output_config dropped"),
    ],
)
def test_bedrock_takes_an_effort_among_the_messages_with_its_beta_alone(beta: str, line: str | None) -> None:
    newer = replace(BEDROCK, model="us.anthropic.claude-opus-5-5")
    effort_alone = {"role": "system", "content": [], "output_config": {"effort": "low"}}
    body, _, lines = fitted({"messages": [USER, BRIEF, effort_alone]}, to=newer, headers={"anthropic-beta": beta})

    plain = {name: value for name, value in BRIEF.items() if name != "output_config"}
    assert body["messages"] == ([USER, BRIEF, effort_alone] if line is None else [USER, plain])
    assert ("messages output_config dropped" in lines) is (line is not None)
