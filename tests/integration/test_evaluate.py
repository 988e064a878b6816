"""`fallback-router evaluate` as users run it: on this machine, in S3, with Bedrock's jobs; all on the simulator."""

from __future__ import annotations

import json
import shlex
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from litellm_fallback_router import cli
from litellm_fallback_router.adapters.price_map import describe
from litellm_fallback_router.routing.mapping import load_config
from litellm_fallback_router.routing.mapping.file import read_mapping
from local.simulator import Fault, SimulatorControl
from tests.support.documents import REPOSITORY, between_markers, examples

PAGE = REPOSITORY / "docs" / "evaluations.md"
DATASET = REPOSITORY / "docs" / "evaluations" / "capitals.jsonl"
MINI, NOVA = "openai-gpt4o-mini", "bedrock-nova"
S3 = "s3://sim-bucket/chains"
JUDGE = ["--judge", "us.amazon.nova-pro-v1:0", "--role", "arn:aws:iam::123456789012:role/judge"]
PNG = b"\x89PNG\r\n\x1a\n"
Run = Callable[..., int]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, simulator: SimulatorControl) -> Run:
    """Runs a command in this process on the simulator; gives its exit code."""
    simulator.reset()
    monkeypatch.setenv("ROUTER_SIMULATOR_URL", simulator.url)
    monkeypatch.delenv("ROUTER_CONFIG", raising=False)

    def run(*arguments: object) -> int:
        monkeypatch.setattr(sys, "argv", ["fallback-router", "evaluate", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return int(ended.value.code or 0)

    return run


def dataset(folder: Path, count: int) -> Path:
    file = folder / "prompts.jsonl"
    prompts = [{"prompt": f"Count to {n}", "referenceResponse": f"1 to {n}"} for n in range(1, count + 1)]
    file.write_text("".join(f"{json.dumps(one)}\n" for one in prompts))
    return file


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_dataset_of_the_page_is_the_file_beside_it() -> None:
    assert examples(PAGE)["evaluation-dataset"].text == DATASET.read_text(encoding="utf-8")


def test_commands_of_the_page_end_in_a_report(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in examples(PAGE)["evaluation"].text.splitlines():
        program, group, *arguments = shlex.split(command)
        assert (program, group) == ("fallback-router", "evaluate")
        moved = [
            one.replace("build/evaluation", str(tmp_path)).replace("docs/", f"{PAGE.parent}/") for one in arguments
        ]
        assert run(*moved) == 0

    shown = capsys.readouterr().out
    assert "12 of 12 questions answered" in shown
    assert "similarity" in shown
    assert "exact match" in shown
    assert (tmp_path / "report.png").read_bytes().startswith(PNG)
    config = load_config(read_mapping(tmp_path / "mapping.yaml"), describe)
    assert config.chains["evaluated-cost"][0] == MINI
    assert set(config.chains["evaluated-quality"]) == {MINI, NOVA, "anthropic-claude-haiku"}
    assert config.chains["multi-region-bedrock"][0] == "bedrock-claude-sonnet"


def test_short_commands_end_in_a_report(run: Run, tmp_path: Path) -> None:
    text = between_markers(REPOSITORY / "docs" / "command-line.md", "evaluation")
    commands = [line.split() for line in text.splitlines() if line.strip().startswith("fallback-router")]
    assert [command[:3] for command in commands] == [["fallback-router", "evaluate", one] for one in ("run", "report")]
    for command in commands:
        moved = [one.replace("build/evaluation", str(tmp_path)).replace("docs/", f"{PAGE.parent}/") for one in command]
        assert run(*moved[2:]) == 0

    assert (tmp_path / "report.png").read_bytes().startswith(PNG)


def test_responses_are_in_bedrocks_format(run: Run, tmp_path: Path) -> None:
    assert run("run", "--dataset", DATASET, "--models", f"{MINI},{NOVA}", "--out", tmp_path) == 0

    written = lines(tmp_path / "responses" / f"{NOVA}-001.jsonl")
    assert written[0] == {
        "prompt": "What is the capital of France?",
        "referenceResponse": "Paris is the capital of France.",
        "category": "facts",
        "modelResponses": [{"response": "Paris is the capital of France.", "modelIdentifier": NOVA}],
    }
    assert written[3]["prompt"] == "Be brief.\n\nSay good morning."


def test_a_file_has_at_most_a_thousand_lines(run: Run, tmp_path: Path, simulator: SimulatorControl) -> None:
    file = dataset(tmp_path, 1001)

    assert run("run", "--dataset", file, "--models", MINI, "--out", tmp_path, "--max-tokens", 5, "--at-once", 32) == 0

    names = sorted(path.name for path in (tmp_path / "responses").iterdir())
    assert names == [f"{MINI}-001.jsonl", f"{MINI}-002.jsonl"]
    assert [len(lines(tmp_path / "responses" / name)) for name in names] == [1000, 1]
    assert len(simulator.requests()) == 1001


def test_nothing_falls_back_and_a_rerun_asks_only_what_is_missing(
    run: Run, tmp_path: Path, simulator: SimulatorControl, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ("run", "--dataset", dataset(tmp_path, 4), "--models", f"{MINI},{NOVA}", "--out", tmp_path)
    simulator.inject(Fault(kind="rejected"), provider="openai", times=2)

    assert run(*command) == 1
    shown = capsys.readouterr().out
    assert "6 of 8 questions answered" in shown
    assert f"{MINI}: " in shown
    assert {one.provider for one in simulator.requests()} == {"openai", "bedrock"}
    assert len(simulator.requests()) == 8
    simulator.clear_requests()

    assert run(*command) == 0
    assert [one.model for one in simulator.requests()] == ["gpt-4o-mini"] * 2
    assert len(lines(tmp_path / "responses" / f"{MINI}-001.jsonl")) == 4
    simulator.clear_requests()

    assert run(*command) == 0
    assert simulator.requests() == []


def test_no_more_questions_are_on_their_way_than_allowed(run: Run, tmp_path: Path, simulator: SimulatorControl) -> None:
    simulator.inject(Fault(kind="slow_first_token", seconds=0.2))
    ended, seen = threading.Event(), [0]

    def watch() -> None:
        while not ended.wait(0.01):
            seen.append(simulator.health()["in_flight"])

    watcher = threading.Thread(target=watch)
    watcher.start()
    command = ("run", "--dataset", dataset(tmp_path, 6), "--models", f"{MINI},{NOVA}", "--out", tmp_path)
    try:
        assert run(*command, "--at-once", 3) == 0
    finally:
        ended.set()
        watcher.join(10)
    assert max(seen) == 3


def test_an_answer_cut_in_half_by_a_kill_is_asked_again(run: Run, tmp_path: Path, simulator: SimulatorControl) -> None:
    command = ("run", "--dataset", dataset(tmp_path, 3), "--models", MINI, "--out", tmp_path)
    assert run(*command) == 0
    log = tmp_path / "answers" / f"{MINI}.jsonl"
    log.write_bytes(log.read_bytes()[:-40])
    simulator.clear_requests()

    assert run(*command) == 0
    assert len(simulator.requests()) == 1
    assert len(lines(tmp_path / "responses" / f"{MINI}-001.jsonl")) == 3


def test_a_model_that_is_down_is_left_for_the_next_run(run: Run, tmp_path: Path, simulator: SimulatorControl) -> None:
    simulator.inject(Fault(kind="model_not_found"), provider="openai")
    command = ("run", "--dataset", dataset(tmp_path, 20), "--models", f"{MINI},{NOVA}", "--out", tmp_path)

    assert run(*command, "--at-once", 1) == 1
    assert sum(one.provider == "openai" for one in simulator.requests()) == 5
    assert len(lines(tmp_path / "responses" / f"{NOVA}-001.jsonl")) == 20


def test_spending_stops_before_the_limit(
    run: Run, tmp_path: Path, simulator: SimulatorControl, capsys: pytest.CaptureFixture[str]
) -> None:
    limit = 0.003
    command = ("run", "--dataset", dataset(tmp_path, 40), "--models", f"{MINI},{NOVA}", "--out", tmp_path)

    assert run(*command, "--max-usd", limit) == 1

    shown = capsys.readouterr().out
    assert "Stopped before --max-usd 0.003 was exceeded" in shown
    answers = [one for path in (tmp_path / "answers").iterdir() for one in lines(path)]
    assert 0 < sum(one["cost_usd"] for one in answers) <= limit
    assert 0 < len(answers) < 80
    simulator.clear_requests()

    assert run(*command, "--max-usd", limit / 1000) == 1
    assert simulator.requests() == [], "earlier runs count"


@pytest.mark.parametrize("place", ["here", "s3"])
def test_limit_is_the_evaluations_whichever_models_a_run_asks(
    run: Run, tmp_path: Path, simulator: SimulatorControl, capsys: pytest.CaptureFixture[str], place: str
) -> None:
    out = f"{S3}-{place}" if place == "s3" else str(tmp_path / "out")
    command = ("run", "--dataset", DATASET, "--out", out, "--max-tokens", 100)
    assert run(*command, "--models", "openai-gpt4o") == 0
    spent = capsys.readouterr().out.splitlines()[0].partition("4 of 4 questions answered, ")[2]
    simulator.clear_requests()

    assert run(*command, "--models", MINI, "--max-usd", spent.split()[0].removeprefix("$")) == 1

    assert {one.provider for one in simulator.requests()} <= {"s3"}, "enough for this model, had no other been asked"
    assert f"0 of 4 questions answered, {spent}" in capsys.readouterr().out


def test_report_on_litellms_config_with_a_circle_says_which_fallback_it_drops(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    items = [{"model_name": one, "litellm_params": {"model": "openai/gpt-4o", "api_key": "sk-1"}} for one in "ab"]
    config = {"model_list": items, "router_settings": {"fallbacks": [{"a": ["b"]}, {"b": ["a"]}]}}
    (tmp_path / "litellm.json").write_text(json.dumps(config))
    options = ("--out", tmp_path, "--config", tmp_path / "litellm.json")
    assert run("run", "--dataset", DATASET, "--models", "a,b", *options) == 0
    capsys.readouterr()

    assert run("report", "--local", *options) == 0

    assert "b falls back no more to a in mapping.yaml: that would close a circle" in capsys.readouterr().err
    assert load_config(read_mapping(tmp_path / "mapping.yaml"), describe).chains["a"] == ("a", "b")


def test_report_without_the_mapping_of_the_run_asks_for_it(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mapping = tmp_path / "mapping.json"
    mapping.write_text('{"model_list": [{"model_name": "m", "params": {"model": "openai/gpt-4o-mini"}}]}')
    assert run("run", "--dataset", DATASET, "--config", mapping, "--models", "m", "--out", tmp_path) == 0

    assert run("report", "--local", "--out", tmp_path) == 2
    assert "the evaluation asked m, which the mapping lacks; name `run`'s with --config" in capsys.readouterr().err
    assert run("report", "--local", "--out", tmp_path, "--config", mapping) == 0


def test_report_before_any_answer_does_not_blame_the_dataset(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("run", "--dataset", DATASET, "--models", MINI, "--out", tmp_path, "--max-usd", "0") == 1

    assert run("report", "--local", "--out", tmp_path) == 2
    assert "no model has answered yet" in capsys.readouterr().err


def test_judged_by_bedrock_in_s3(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("run", "--dataset", DATASET, "--models", f"{MINI},{NOVA}", "--out", S3) == 0
    assert run("submit", "--out", S3, *JUDGE, "--metrics", "Correctness,Harmfulness") == 0
    assert run("submit", "--out", S3, *JUDGE, "--metrics", "Correctness,Harmfulness") == 0, "the same jobs again"
    assert run("report", "--out", S3, "--to", tmp_path) == 0

    shown = capsys.readouterr().out
    assert "as judged by us.amazon.nova-pro-v1:0" in shown
    assert "Harmfulness" in shown
    assert "4 of 4" in shown
    assert load_config(read_mapping(tmp_path / "mapping.yaml"), describe).chains["evaluated-cost"] == (MINI, NOVA)


def test_a_rerun_in_s3_asks_nothing_twice(run: Run, simulator: SimulatorControl) -> None:
    command = ("run", "--dataset", DATASET, "--models", MINI, "--out", S3)
    assert run(*command) == 0
    simulator.clear_requests()

    assert run(*command) == 0
    assert {one.provider for one in simulator.requests()} == {"s3"}


def test_report_says_which_jobs_are_not_completed(
    run: Run, simulator: SimulatorControl, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    simulator.settings(evaluation_seconds=3600)
    assert run("run", "--dataset", DATASET, "--models", MINI, "--out", S3) == 0
    assert run("submit", "--out", S3, *JUDGE) == 0

    assert run("report", "--out", S3, "--to", tmp_path) == 2
    assert "InProgress" in capsys.readouterr().err


def test_what_aws_refuses_is_told_in_one_line(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("report", "--out", "s3://nobody/x", "--to", "report") == 1
    assert "NoSuchBucket" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "--models", "gpt4"], "--models: unknown model 'gpt4'"),
        (["run", "--models", "cost-optimized"], "is a strategy; name models: bedrock-claude-haiku"),
        (["run", "--models", ","], "--models: empty"),
        (["report", "--local"], "start with `fallback-router evaluate run`"),
        (["submit", *JUDGE], "Bedrock reads the answers from S3"),
    ],
)
def test_wrong_usage_is_told_with_the_fix(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    given = ["--dataset", DATASET] if arguments[0] == "run" else []

    assert run(*arguments, *given, "--out", tmp_path) == 2
    assert said in capsys.readouterr().err


def test_unknown_metric_and_unusable_folder_are_refused(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("submit", "--out", S3, *JUDGE, "--metrics", "Wisdom") == 2
    assert run("submit", "--out", "s3://sim-bucket/a b", *JUDGE) == 2
    told = capsys.readouterr().err
    assert "unknown metric 'Wisdom'" in told
    assert "--out: must be s3://BUCKET/FOLDER" in told
