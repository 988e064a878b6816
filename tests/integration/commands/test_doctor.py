"""`fallback-router doctor` against the simulator."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from litellm_fallback_router.mapping import ROUTER_STYLE_MAPPING
from local.simulator import Fault, SimulatorControl
from tests.support.commands import run


def test_doctor_finds_everything_healthy_with_one_small_request_each(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], simulator: SimulatorControl
) -> None:
    assert run(monkeypatch, "doctor", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["dead_chains"] == []
    assert [one["status"] for one in report["deployments"]] == ["ok"] * len(ROUTER_STYLE_MAPPING["model_list"])
    asked = simulator.requests()
    assert len(asked) == len(ROUTER_STYLE_MAPPING["model_list"])
    assert {(one.model, one.region) for one in asked} >= {("gpt-4o", None)}


def test_doctor_says_the_fix_for_each_failure_and_names_the_dead_chains(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], simulator: SimulatorControl
) -> None:
    simulator.inject(Fault(kind="wrong_key"), provider="openai")
    simulator.inject(Fault(kind="access_denied"), provider="bedrock", region="us-east-1")
    simulator.inject(Fault(kind="model_not_found"), model="us.meta.llama3-3-70b-instruct-v1:0")
    simulator.inject(Fault(kind="quota"), model="claude-haiku-4-5")
    assert run(monkeypatch, "doctor", "--json") == 1
    report = json.loads(capsys.readouterr().out)
    by_name = {one["deployment"]: one for one in report["deployments"]}
    assert by_name["anthropic-claude-sonnet"]["status"] == "ok"
    expected = {
        "openai-gpt4o": ("401", "OPENAI_API_KEY"),
        "openai-gpt4o-mini": ("401", "OPENAI_API_KEY"),
        "bedrock-nova": ("403", "bedrock:InvokeModel"),
        "bedrock-llama": ("404", "us-west-2"),
        "anthropic-claude-haiku": ("out of quota or credit", "credit"),
    }
    for deployment, (problem, remedy) in expected.items():
        assert problem in by_name[deployment]["problem"]
        assert remedy in by_name[deployment]["fix"]
    assert set(report["dead_chains"]) == {
        "openai-gpt4o-mini",
        "anthropic-claude-haiku",
        "bedrock-claude-haiku",
        "bedrock-nova",
        "bedrock-llama",
        "performance-optimized",
    }
    assert Counter(one.model for one in simulator.requests())["gpt-4o"] == 1


def test_doctor_prints_each_fix_once_for_all_it_concerns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], simulator: SimulatorControl
) -> None:
    simulator.inject(Fault(kind="wrong_key"), provider="openai")
    assert run(monkeypatch, "doctor") == 0
    report = capsys.readouterr().out
    assert report.count("set a key that works") == 1
    assert "openai-gpt4o, openai-gpt4o-mini: 401" in report
    assert "Every chain has a healthy member." in report
