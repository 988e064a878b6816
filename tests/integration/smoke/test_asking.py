"""What `fallback-router smoke` asks: every deployment and each member of a group, as its plan allows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from local.simulator import SimulatorControl
from local.simulator.faults import Fault
from tests.support.commands import Run
from tests.support.gateway import gateway_process
from tests.support.staged import DEPLOYMENTS, SERVICE, Staged, stage

pytestmark = pytest.mark.timeout(180)


def test_other_mapping_than_the_deployed_one_is_told(staged: Staged) -> None:
    mapping = json.loads(staged.config.read_text())
    mapping["model_list"].append(
        {"model_name": "mine", "litellm_provider": "openai", "params": {"model": "gpt-4o", "api_key": "k"}}
    )
    staged.config.write_text(json.dumps(mapping))
    code, found = staged.checks("--wait", "0")
    assert code == 1
    assert "only here: mine" in found["the mapping"]["seen"]
    assert "--config" in found["mine"]["fix"]


def test_key_beyond_its_plan_waits_and_goes_on(staged: Staged) -> None:
    staged.door.throttles = 5
    _, found = staged.checks("--wait", "0")
    assert {found[name]["status"] for name in DEPLOYMENTS} == {"ok"}
    assert len(staged.door.keys) == 2 * len(DEPLOYMENTS) + 5


def member(name: str, provider: str, model: str, **params: Any) -> dict[str, Any]:
    return {"model_name": name, "litellm_provider": provider, "params": {"model": model, **params}}


def test_each_member_of_a_group_is_asked(simulator: SimulatorControl, run: Run, tmp_path: Path) -> None:
    """By its Region where that tells it from its siblings, and else until each was chosen."""
    sonnet = "us.anthropic.claude-sonnet-4-6"
    server = {"api_base": f"{simulator.url}/openai/v1", "api_key": "os.environ/OPENAI_API_KEY"}
    mapping: dict[str, Any] = {
        "model_list": [
            member("sonnet", "bedrock", sonnet, region="us-east-1"),
            member("sonnet", "bedrock", sonnet, region="us-west-2"),
            member("any-gpt", "openai", "gpt-4o", **server),
            member("pair", "openai", "gpt-4o", **server),
            member("pair", "openai", "gpt-4o", **server),
            member("lopsided", "openai", "gpt-4o", **server),
            member("lopsided", "openai", "gpt-4o", weight=1e-9, **server),
            member("keyless", "openai", "gpt-4o", **{**server, "api_key": "os.environ/NEVER_SET"}),
            member("any-gpt", "openai", "gpt-4o-mini", weight=3.0, **server),
        ],
        "settings": {"tries_per_deployment": 1, "tries_on_last": 1},
    }
    (tmp_path / "behind").mkdir()
    environment = {"ROUTER_SERVICE": SERVICE, "OPENAI_API_KEY": "sim-openai-key"}
    with gateway_process(tmp_path / "behind", mapping, simulator_url=simulator.url, env=environment) as gateway:
        with stage(gateway, mapping, run, tmp_path) as staged:
            simulator.settings(chunk_delay=0.0)
            simulator.inject(Fault(kind="access_denied"), provider="bedrock", region="us-west-2")
            simulator.inject(Fault(kind="model_not_found"), provider="openai", model="gpt-4o-mini")
            _, found = staged.checks("--wait", "0")
        simulator.reset()
    groups = ("sonnet", "any-gpt", "pair", "lopsided", "keyless")
    members = {name: one["status"] for name, one in found.items() if name.startswith(groups)}
    failed = {"sonnet#2": "failed", "any-gpt#2": "failed", "keyless": "failed"}
    well = dict.fromkeys(("sonnet", "any-gpt", "pair", "pair#2", "lopsided"), "ok")
    assert members == {**well, **failed, "lopsided#2": "warning"}
    assert "never chosen" in found["lopsided#2"]["seen"]
    assert "fallback-router secrets set openai" in found["keyless"]["fix"]
