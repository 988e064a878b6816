"""`fallback-router drill` against the simulator."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import pytest

from litellm_fallback_router.adapters.drill_files import DrillFiles
from litellm_fallback_router.drill import UNPROVEN_AFTER
from litellm_fallback_router.mapping import ROUTER_STYLE_MAPPING
from local.simulator import Fault, SimulatorControl
from tests.support.commands import run
from tests.support.documents import REPOSITORY

WAYS = ["whole", "streamed", "tool call"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ROUTER_DRILLS", str(tmp_path / "drills"))
    return tmp_path / "drills"


def drilled(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *options: str, code: int = 0
) -> dict[str, Any]:
    assert run(monkeypatch, "drill", "--json", *options) == code
    report: dict[str, Any] = json.loads(capsys.readouterr().out)
    return report


def hops_of(report: dict[str, Any], chain: str) -> dict[str, Any]:
    return {one["deployment"]: one for one in report["hops"] if one["chain"] == chain}


def test_every_hop_of_every_chain_answers_whole_and_streamed_and_calls_a_tool_with_all_before_it_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path, simulator: SimulatorControl
) -> None:
    report = drilled(monkeypatch, capsys)
    assert {one["chain"] for one in report["hops"]} >= {"openai-gpt4o", "cost-optimized", "bedrock-llama"}
    chain = [one for one in report["hops"] if one["chain"] == "openai-gpt4o"]
    assert [one["deployment"] for one in chain] == [
        "openai-gpt4o",
        "anthropic-claude-sonnet",
        "bedrock-claude-sonnet",
        "bedrock-claude-sonnet-west",
        "bedrock-llama",
    ]
    for hop in report["hops"]:
        assert hop["verdict"] == "proven"
        assert [answer["way"] for answer in hop["answers"]] == WAYS
        assert {answer["answered_by"] for answer in hop["answers"]} == {hop["deployment"]}
    assert set(report["proofs"]) == {one["model_name"] for one in ROUTER_STYLE_MAPPING["model_list"]}
    assert 0 < report["cost_usd"] < report["max_usd"]
    # What chains have in common at their ends is asked once.
    cases = {(one["deployment"], tuple(behind(report, one))) for one in report["hops"]}
    assert len(simulator.requests()) == len(WAYS) * len(cases)
    page = (REPOSITORY / "docs" / "before-the-night.md").read_text("utf-8")
    assert f"the shipped mapping's drill is {len(simulator.requests())} requests" in " ".join(page.split())


def behind(report: dict[str, Any], hop: dict[str, Any]) -> list[str]:
    return [one["deployment"] for one in report["hops"] if one["chain"] == hop["chain"] and one["place"] > hop["place"]]


def test_a_revoked_key_a_used_up_quota_a_missing_permission_and_a_model_that_is_gone_are_found_with_their_fixes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path, simulator: SimulatorControl
) -> None:
    simulator.inject(Fault(kind="wrong_key"), provider="openai")
    simulator.inject(Fault(kind="access_denied"), provider="bedrock", region="us-east-1")
    simulator.inject(Fault(kind="model_not_found"), model="us.meta.llama3-3-70b-instruct-v1:0")
    simulator.inject(Fault(kind="quota"), model="claude-haiku-4-5")
    report = drilled(monkeypatch, capsys, code=1)
    found = {(one["deployment"], one["subject"]) for one in report["findings"]}
    assert found >= {
        ("openai-gpt4o", "key"),
        ("bedrock-claude-sonnet", "permission"),
        ("bedrock-llama", "model"),
        ("anthropic-claude-haiku", "quota"),
    }
    chain = hops_of(report, "openai-gpt4o")
    # The first is out by its key and the rest answers: the chain holds there, the hop is not proven.
    assert (chain["openai-gpt4o"]["verdict"], chain["openai-gpt4o"]["holds"]) == ("failed", True)
    assert chain["openai-gpt4o"]["answers"][0]["answered_by"] == "anthropic-claude-sonnet"
    assert chain["anthropic-claude-sonnet"]["verdict"] == "proven"
    assert (chain["bedrock-llama"]["verdict"], chain["bedrock-llama"]["holds"]) == ("failed", False)
    assert "openai-gpt4o" not in report["proofs"]
    assert "anthropic-claude-sonnet" in report["proofs"]
    assert run(monkeypatch, "drill", "--chain", "openai-gpt4o") == 1
    said = capsys.readouterr().out
    assert "set a key that works" in said
    assert "Nobody answers for openai-gpt4o without openai-gpt4o, anthropic-claude-sonnet" in said


def test_a_drill_asks_nothing_that_its_budget_does_not_pay_for_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path, simulator: SimulatorControl
) -> None:
    report = drilled(monkeypatch, capsys, "--max-usd", "0.000001", code=1)
    assert {one["verdict"] for one in report["hops"]} == {"not asked"}
    assert {answer["code"] for one in report["hops"] for answer in one["answers"]} == {"budget"}
    assert report["cost_usd"] == 0
    assert not simulator.requests()
    assert not report["findings"]


def test_what_a_drill_reserves_never_adds_up_to_more_than_its_budget(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path, simulator: SimulatorControl
) -> None:
    report = drilled(monkeypatch, capsys, "--max-usd", "0.03", code=1)
    verdicts = {one["verdict"] for one in report["hops"]}
    assert verdicts == {"proven", "not asked"}
    assert 0 < report["cost_usd"] <= 0.03


def test_an_answer_to_another_question_proves_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path, simulator: SimulatorControl
) -> None:
    monkeypatch.setattr(
        "litellm_fallback_router.drill.questions.QUESTION", [{"role": "user", "content": "Say something."}]
    )
    report = drilled(monkeypatch, capsys, "--chain", "bedrock-llama", code=1)
    (hop,) = report["hops"]
    assert [(a["way"], a["status"], a["code"]) for a in hop["answers"]] == [
        ("whole", "failed", "wrong_answer"),
        ("streamed", "failed", "wrong_answer"),
        ("tool call", "proven", ""),
    ]
    assert not hop["holds"]


def test_embeddings_are_drilled_by_embedding(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path, tmp_path: Path
) -> None:
    mapping = {"model_list": [{"model_name": "e", "params": {"model": "openai/text-embedding-3-small"}}]}
    path = tmp_path / "mapping.json"
    path.write_text(json.dumps(mapping))
    report = drilled(monkeypatch, capsys, "--config", str(path))
    assert [(a["way"], a["status"]) for a in report["hops"][0]["answers"]] == [("embedding", "proven")]


def test_members_of_a_group_are_hops_of_their_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path, tmp_path: Path
) -> None:
    gpt = {"model": "openai/gpt-4o"}
    mapping = {
        "model_list": [
            {"model_name": "a", "params": gpt},
            {"model_name": "a", "params": gpt},
            {"model_name": "b", "params": {"model": "anthropic/claude-haiku-4-5"}},
        ],
        "fallbacks": {"a": ["b"]},
    }
    path = tmp_path / "mapping.json"
    path.write_text(json.dumps(mapping))
    report = drilled(monkeypatch, capsys, "--config", str(path), "--chain", "a")
    assert [one["deployment"] for one in report["hops"]] == ["a", "a#2", "b"]
    assert {one["verdict"] for one in report["hops"]} == {"proven"}


def test_a_proof_outlives_a_later_failure_and_its_age_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path, simulator: SimulatorControl
) -> None:
    first = drilled(monkeypatch, capsys, "--chain", "openai-gpt4o")
    simulator.inject(Fault(kind="wrong_key"), provider="openai")
    second = drilled(monkeypatch, capsys, "--chain", "openai-gpt4o", code=1)
    assert second["proofs"]["openai-gpt4o"] == first["proofs"]["openai-gpt4o"]
    assert second["previous"] == first["digest"]
    assert run(monkeypatch, "chains", "--json") == 0
    chains = {one["name"]: one for one in json.loads(capsys.readouterr().out)}
    assert chains["openai-gpt4o"]["proven_hours_ago"]["openai-gpt4o"] == pytest.approx(0, abs=1)
    assert chains["cost-optimized"]["proven_hours_ago"]["bedrock-claude-haiku"] is None
    assert run(monkeypatch, "chains") == 0
    said = capsys.readouterr().out
    assert "never" in said
    assert f"proven within {UNPROVEN_AFTER // 24} days" in said


def test_the_reports_of_a_folder_are_verified(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    for _ in range(2):
        drilled(monkeypatch, capsys, "--chain", "bedrock-llama")
    assert run(monkeypatch, "drill", "--verify") == 0
    assert "2 reports in a row" in capsys.readouterr().out
    newest = sorted(folder.glob("drill-*.json"))[-1]
    newest.write_text(newest.read_text().replace('"max_usd": 0.25', '"max_usd": 0.5'))
    assert run(monkeypatch, "drill", "--verify") == 1
    assert "was changed after it was sealed" in capsys.readouterr().err
    # A drill does not go on from a report that cannot be trusted.
    assert run(monkeypatch, "drill", "--chain", "bedrock-llama") == 2


def test_an_unknown_chain_is_refused_with_the_known_ones(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    assert run(monkeypatch, "drill", "--chain", "openai-gpt5") == 2
    said = capsys.readouterr().err
    assert "--chain: unknown openai-gpt5; known: openai-gpt4o" in said


def test_a_folder_that_cannot_be_used_is_told_before_anything_is_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, simulator: SimulatorControl
) -> None:
    (tmp_path / "file").write_text("")
    folder = str(tmp_path / "file" / "drills")
    assert run(monkeypatch, "drill", "--reports", folder) == 2
    assert "cannot be used: Not a directory" in " ".join(capsys.readouterr().err.split())
    assert not simulator.requests()


def test_a_report_that_no_disk_takes_is_shown_all_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path, simulator: SimulatorControl
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    DrillFiles(folder).key()
    monkeypatch.setattr("litellm_fallback_router.adapters.drill_files.os.link", full)
    report = drilled(monkeypatch, capsys, "--chain", "bedrock-llama")
    assert {one["verdict"] for one in report["hops"]} == {"proven"}
    assert [path.name for path in folder.iterdir()] == ["key"]
