"""A stage on a local AWS drills itself, with its own role and its keys of Secrets Manager: a part of `make e2e`.

MiniStack's EventBridge fires `rate` and hands the rule's input to the function. The shortest rate is a minute, so the
rule is set to that for one test, outside of the product.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from litellm_fallback_router.drill import EVENT
from litellm_fallback_router.routing.observe import NAMESPACE
from tests.support.deployed import STACK, Deployed

pytestmark = pytest.mark.timeout(420)

SCHEDULED_SECONDS = 90.0


@pytest.fixture(autouse=True)
def _no_faults_left(deployed: Deployed) -> Iterator[None]:
    yield
    deployed.simulator.reset()


def drill(deployed: Deployed) -> tuple[int, dict[str, Any]]:
    """Exit code and report."""
    done = deployed.run("drill", "--stack", STACK, "--config", str(deployed.mapping), "--json")
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def reports(deployed: Deployed) -> int:
    """How many are in a row, sealed."""
    return int(deployed.command("drill", "--verify", "--stack", STACK).split()[0])


def test_every_hop_is_proven_by_the_stages_own_role_and_keys_and_the_report_is_kept_sealed(deployed: Deployed) -> None:
    code, report = drill(deployed)
    assert {hop["verdict"] for hop in report["hops"]} == {"proven"}, report["findings"]
    assert (code, report["max_usd"]) == (0, 0.25)
    assert deployed.command("drill", "--verify", "--stack", STACK).endswith(report["digest"])
    assert "0 h ago" in deployed.command("chains", "--stack", STACK)
    log = deployed.log()
    assert '"HopsUnproven":[0.0]' in log
    assert NAMESPACE in log
    assert report["digest"] in log
    assert "capital of France" not in log


def test_a_revoked_key_in_secrets_manager_is_found_with_its_fix(deployed: Deployed) -> None:
    deployed.simulator.settings(openai_keys=["sim-openai-key-of-another"])
    code, report = drill(deployed)
    assert code == 1
    assert {("openai-gpt4o", "key"), ("openai-gpt4o-mini", "key")} <= {
        (one["deployment"], one["subject"]) for one in report["findings"]
    }
    hops = {one["deployment"]: one for one in report["hops"] if one["chain"] == "openai-gpt4o"}
    assert (hops["openai-gpt4o"]["verdict"], hops["openai-gpt4o"]["holds"]) == ("failed", True)
    assert hops["anthropic-claude-sonnet"]["verdict"] == "proven"
    # It was proven by the drill before, which counts for 7 days.
    assert report["proofs"]["openai-gpt4o"]["at"] < report["at"]
    said = deployed.run("drill", "--stack", STACK, "--chain", "openai-gpt4o", "--config", str(deployed.mapping))
    assert said.returncode == 1
    assert "set a key that works" in said.stdout


def test_no_caller_can_start_one(deployed: Deployed) -> None:
    key, before = deployed.new_key(), reports(deployed)
    headers = {"Authorization": f"Bearer {key}", "x-api-key": deployed.usage_key(key) or "none"}
    for path in ("events", "v1/chat/completions"):
        response = httpx.post(f"{deployed.url}{path}", json={EVENT: {}}, headers=headers, timeout=60)
        assert response.status_code in (400, 404), response.text
    assert reports(deployed) == before


def test_the_rule_of_eventbridge_starts_one(deployed: Deployed) -> None:
    events, before = deployed.aws.client("events"), reports(deployed)
    (rule,) = (one for one in events.list_rules()["Rules"] if one.get("ScheduleExpression") == "rate(1 day)")
    events.put_rule(Name=rule["Name"], ScheduleExpression="rate(1 minute)", State="ENABLED")
    try:
        until = time.monotonic() + SCHEDULED_SECONDS
        while reports(deployed) == before:
            assert time.monotonic() < until, "no drill came of the rule"
    finally:
        events.put_rule(Name=rule["Name"], ScheduleExpression="rate(1 day)", State="ENABLED")
