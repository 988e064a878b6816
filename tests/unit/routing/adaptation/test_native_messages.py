"""What changes in a body of Anthropic's on its way to Claude, and that nothing else does."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest

from litellm_fallback_router.routing.adaptation.native import continued, fitted_native, speaks
from litellm_fallback_router.routing.adaptation.report import Report
from litellm_fallback_router.routing.types import ModelInfo, NativeRequest
from tests.support.scripted import deployment

CLAUDE = replace(deployment("claude"), provider="anthropic", info=ModelInfo(max_output_tokens=1000))
USER = {"role": "user", "content": "hi"}
SIGNED = {"type": "thinking", "thinking": "hm", "signature": "c2ln"}
CALL = {"type": "tool_use", "id": "t1", "name": "f", "input": {}}
RESULT = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "r"}]}
BUDGET = {"type": "enabled", "budget_tokens": 1024}


def fitted(body: dict[str, Any], **headers: str) -> tuple[dict[str, Any], dict[str, str], tuple[str, ...]]:
    given = {"max_tokens": 100, "messages": [USER], **body}
    before = copy.deepcopy(given)
    report = Report()
    native = fitted_native(CLAUDE, NativeRequest("messages", given, headers), report)
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
    assert sent == {"max_tokens": 100, "messages": [USER], **body}
    assert lines == ()


def test_a_limit_beyond_the_models_is_clamped() -> None:
    sent, _, lines = fitted({"max_tokens": 5000})
    assert (sent["max_tokens"], lines) == (1000, ("max_tokens clamped to 1000",))


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
    _, headers, lines = fitted({}, **{"anthropic-beta": "context-1m-2025-08-07,oauth-2025-04-20,<b>"})
    assert (headers, lines) == ({"anthropic-beta": "context-1m-2025-08-07"}, ("anthropic-beta dropped",))
    assert fitted({}, **{"anthropic-beta": "webhooks-2026-10-07"})[1] == {}


def test_the_rest_of_an_answer_is_asked_for_after_what_there_is() -> None:
    native = NativeRequest("messages", {"max_tokens": 100, "messages": [USER]})
    rest = continued(native, "So far", {"max_tokens": 90}, "Go on.")
    assert rest.body == {
        "max_tokens": 90,
        "messages": [USER, {"role": "assistant", "content": "So far"}, {"role": "user", "content": "Go on."}],
    }
    assert continued(native, "So far", {}, None).body["messages"][1:] == [{"role": "assistant", "content": "So far"}]
    assert continued(native, " ", {}, None).body == native.body


def test_others_than_claudes_makers_do_not_speak_it() -> None:
    native = NativeRequest("messages", {"max_tokens": 1, "messages": [USER]})
    assert speaks(CLAUDE, native)
    assert not speaks(deployment("gpt"), native)
    assert not speaks(CLAUDE, None)
