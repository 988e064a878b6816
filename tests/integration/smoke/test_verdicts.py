"""What `fallback-router smoke` says: a stage that is well, and what is wrong with its fix."""

from __future__ import annotations

import pytest

from local.simulator import SimulatorControl
from local.simulator.faults import Fault
from tests.support.staged import DEPLOYMENTS, Staged, usage_key_of

pytestmark = pytest.mark.timeout(180)
AROUND = {"a key of its own", "the door", "the door, without a key", "the mapping", "streaming"}
STAGE = {"state table", "alarms", "metrics"}


def test_stage_that_answers_as_it_should_is_well(staged: Staged) -> None:
    staged.subscribe()
    code, found = staged.checks("--wait", "30")
    assert {name: one for name, one in found.items() if one["status"] != "ok"} == {}
    assert code == 0
    assert found.keys() == DEPLOYMENTS | AROUND | STAGE
    assert len(staged.door.keys) == 2 * len(DEPLOYMENTS)
    assert staged.no_key_is_left()
    assert "on plan standard" in found["a key of its own"]["seen"], "the plan that allows the most"
    assert usage_key_of(staged.door.keys[0]) is None


def test_what_is_wrong_is_told_with_its_fix(staged: Staged, simulator: SimulatorControl) -> None:
    simulator.settings(openai_keys=["another"])
    simulator.inject(Fault(kind="access_denied"), provider="bedrock", model="us.amazon.nova-2-lite-v1:0")
    simulator.inject(Fault(kind="status", status=503), provider="anthropic", stream=True)
    code, found = staged.checks("--wait", "30")
    assert code == 1
    failed = {name: one["fix"] for name, one in found.items() if one["status"] == "failed"}
    assert failed.keys() == {
        *("openai-gpt4o", "openai-gpt4o-mini", "bedrock-nova"),
        *("anthropic-claude-sonnet", "anthropic-claude-haiku", "alarms"),
    }
    assert "fallback-router secrets set openai" in failed["openai-gpt4o"]
    assert "fallback-router preflight" in failed["bedrock-nova"]
    assert "status page" in failed["anthropic-claude-haiku"]
    assert f"--topic-arn {staged.topic}" in failed["alarms"]
    assert "streamed: 503 unavailable" in found["anthropic-claude-sonnet"]["seen"]
    assert found["bedrock-llama"]["status"] == "ok"
    assert staged.no_key_is_left()


def test_table_ends_with_every_fix_once(staged: Staged, simulator: SimulatorControl) -> None:
    simulator.settings(openai_keys=["another"])
    code, out, _ = staged.smoke("--wait", "30")
    assert code == 1
    assert "openai-gpt4o, openai-gpt4o-mini\n  fix: `fallback-router secrets set openai`" in out
    assert "3 of 17 checks failed." in out
