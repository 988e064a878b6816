"""`fallback-router evaluate` with an `--out` that is no folder, or none to write to."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.simulator import SimulatorControl
from tests.support.documents import REPOSITORY

DATASET = REPOSITORY / "docs" / "evaluations" / "capitals.jsonl"
RUN = ("run", "--dataset", DATASET, "--models", "openai-gpt4o-mini")
LIMIT = 90


def told(simulator: SimulatorControl, *arguments: object) -> str:
    """What the command says on stderr as it refuses, which is one line."""
    command = [sys.executable, "-m", "litellm_fallback_router.cli", "evaluate", *map(str, arguments)]
    environment = {**os.environ, "ROUTER_SIMULATOR_URL": simulator.url}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=LIMIT, check=False)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert len([line for line in done.stderr.splitlines() if "--" in line]) == 1
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
