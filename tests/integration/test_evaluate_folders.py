"""`fallback-router evaluate` with an `--out` that is no folder, or none to write to."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fallback_router_evaluation.answers import read_answers
from fallback_router_evaluation.folder import LocalFolder
from local.simulator import SimulatorControl
from tests.support.documents import REPOSITORY

DATASET = REPOSITORY / "docs" / "evaluations" / "capitals.jsonl"
RUN = ("run", "--dataset", DATASET, "--models", "openai-gpt4o-mini")
LIMIT = 90


def told(simulator: SimulatorControl, *arguments: object, lines: str = "--") -> str:
    """What the command says on stderr as it refuses, which is one line. `lines`: what is only in that one."""
    command = [sys.executable, "-m", "litellm_fallback_router.cli", "evaluate", *map(str, arguments)]
    environment = {**os.environ, "ROUTER_SIMULATOR_URL": simulator.url}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=LIMIT, check=False)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert len([line for line in done.stderr.splitlines() if lines in line]) == 1
    return done.stderr


@pytest.mark.parametrize("place", ["file", "file/below", "blocked", "/proc/nothing"])
def test_run_asks_nothing_where_answers_cannot_be_kept(tmp_path: Path, simulator: SimulatorControl, place: str) -> None:
    simulator.reset()
    (tmp_path / "file").write_text("mine")
    (tmp_path / "blocked").mkdir()
    (tmp_path / "blocked" / "answers").write_text("mine")

    said = told(simulator, *RUN, "--out", tmp_path / place)

    assert "--out: " in said
    assert "name a folder" in said
    assert simulator.requests() == []
    assert (tmp_path / "file").read_text() == "mine"


def test_run_asks_nothing_where_a_file_of_anothers_has_the_manifests_name(
    tmp_path: Path, simulator: SimulatorControl
) -> None:
    simulator.reset()
    (tmp_path / "evaluation.json").write_text("{}")

    assert "name another --out" in told(simulator, *RUN, "--out", tmp_path)
    assert simulator.requests() == []


def test_report_on_a_file_names_the_option(tmp_path: Path, simulator: SimulatorControl) -> None:
    (tmp_path / "file").write_text("mine")

    assert "--out: " in told(simulator, "report", "--local", "--out", tmp_path / "file")


def test_report_that_cannot_be_written_names_the_option(tmp_path: Path, simulator: SimulatorControl) -> None:
    command = [sys.executable, "-m", "litellm_fallback_router.cli", "evaluate", *map(str, RUN), "--out", str(tmp_path)]
    environment = {**os.environ, "ROUTER_SIMULATOR_URL": simulator.url}
    subprocess.run(command, env=environment, capture_output=True, timeout=LIMIT, check=True)

    said = told(simulator, "report", "--local", "--out", tmp_path, "--to", "/proc/nothing")

    assert "--to: cannot write to /proc/nothing" in said


@pytest.fixture
def kept(tmp_path: Path, simulator: SimulatorControl) -> Path:
    """The folder of an evaluation that was run."""
    simulator.reset()
    command = [sys.executable, "-m", "litellm_fallback_router.cli", "evaluate", *map(str, RUN), "--out", str(tmp_path)]
    environment = {**os.environ, "ROUTER_SIMULATOR_URL": simulator.url}
    subprocess.run(command, env=environment, capture_output=True, timeout=LIMIT, check=True)
    simulator.clear_requests()
    return tmp_path


@pytest.mark.parametrize("name", ["evaluation.json", "answers/openai-gpt4o-mini.jsonl"])
def test_file_that_is_no_utf8_or_cannot_be_read_is_named_before_anything_is_asked(
    kept: Path, simulator: SimulatorControl, name: str
) -> None:
    file = kept / name
    text = file.read_bytes()
    file.write_bytes(text + b'{"\xff": 1}\n')
    line = text.count(b"\n") + 1

    assert f"{file}, line {line}: not UTF-8; save the file" in told(simulator, *RUN, "--out", kept, lines="line")
    assert f"{file}, line {line}: not UTF-8" in told(simulator, "report", "--local", "--out", kept, lines="line")

    file.unlink()
    file.mkdir()
    assert f"{file}: cannot be read or written (Is a directory)" in told(simulator, *RUN, "--out", kept, lines=name)
    assert simulator.requests() == []


@pytest.mark.parametrize("wrong", [b"\xff\n", b"{\n", b"[]\n", b'{"modelResponses": [{}], "referenceResponse": "a"}\n'])
def test_report_names_the_line_that_is_no_response(kept: Path, simulator: SimulatorControl, wrong: bytes) -> None:
    file = kept / "responses" / "openai-gpt4o-mini-001.jsonl"
    with file.open("ab") as stream:
        stream.write(wrong)

    assert f"{file}, line 5: no" in told(simulator, "report", "--local", "--out", kept, lines="line 5")


def test_dataset_that_is_no_utf8_is_told_with_its_line(tmp_path: Path, simulator: SimulatorControl) -> None:
    dataset = tmp_path / "latin.jsonl"
    dataset.write_bytes(b'{"prompt": "one"}\n{"prompt": "caf\xe9"}\n')
    run = ("run", "--dataset", dataset, "--models", "openai-gpt4o-mini", "--out", tmp_path / "out")

    assert "latin.jsonl, line 2: not UTF-8; save the file as UTF-8" in told(simulator, *run, lines="latin")


def test_half_a_character_of_a_killed_process_is_half_a_line(kept: Path) -> None:
    log = kept / "answers" / "openai-gpt4o-mini.jsonl"
    log.write_bytes(log.read_bytes() + '{"prompt_id": "x", "response": "é'.encode()[:-1] + b"\n")

    assert len(read_answers(LocalFolder(kept), "openai-gpt4o-mini").latest) == 4
