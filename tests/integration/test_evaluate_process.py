"""`fallback-router evaluate` as a process: interrupted, on a terminal, in a pipe; and what becomes of its proposal."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.simulator import SimulatorControl
from tests.support.gateway import gateway_of
from tests.support.waiting import wait_until

MINI, NOVA = "openai-gpt4o-mini", "bedrock-nova"
COUNT = 30
LIMIT = 90.0


@pytest.fixture(autouse=True)
def _clean(simulator: SimulatorControl) -> Iterator[None]:
    simulator.reset()
    yield
    simulator.reset()


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    file = tmp_path / "prompts.jsonl"
    prompts = [{"prompt": f"Count to {n}", "referenceResponse": f"1 to {n}"} for n in range(1, COUNT + 1)]
    file.write_text("".join(f"{json.dumps(one)}\n" for one in prompts))
    return file


def started(simulator: SimulatorControl, *arguments: object, stderr: int = subprocess.PIPE) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "litellm_fallback_router.cli", "evaluate", *map(str, arguments)]
    environment = {**os.environ, "ROUTER_SIMULATOR_URL": simulator.url, "TERM": "xterm"}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=stderr, text=True)


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Exit code, stdout and stderr."""
    try:
        said, told = process.communicate(timeout=LIMIT)
    finally:
        process.kill()
    return process.returncode, said, told


def wait_for_requests(simulator: SimulatorControl, count: int) -> None:
    wait_until(lambda: len(simulator.requests()) >= count, LIMIT)


def answers(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for file in (folder / "answers").iterdir() for line in file.read_text().splitlines()]


def test_ctrl_c_keeps_what_is_paid_for_and_the_next_run_asks_only_the_rest(
    dataset: Path, tmp_path: Path, simulator: SimulatorControl
) -> None:
    simulator.settings(latency=0.3)
    command = ("run", "--dataset", dataset, "--models", f"{MINI},{NOVA}", "--out", tmp_path)
    process = started(simulator, *command)
    wait_for_requests(simulator, 6)
    process.send_signal(signal.SIGINT)
    code, said, told = ended(process)

    asked = simulator.requests()
    assert code == 1, told
    assert "waiting for the answers on their way" in told
    assert "Traceback" not in told
    assert len(answers(tmp_path)) == len(asked) < 2 * COUNT, "every question that was sent is in the log"
    assert f"Run it again to ask the {2 * COUNT - len(asked)} that are missing" in said
    simulator.clear_requests()
    simulator.settings(latency=0.0)

    code, said, told = ended(started(simulator, *command))

    assert (code, told) == (0, "")
    assert len(simulator.requests()) == 2 * COUNT - len(asked)
    assert len((tmp_path / "responses" / f"{NOVA}-001.jsonl").read_text().splitlines()) == COUNT


def test_second_ctrl_c_does_not_wait(dataset: Path, tmp_path: Path, simulator: SimulatorControl) -> None:
    simulator.settings(latency=30)
    process = started(simulator, "run", "--dataset", dataset, "--models", MINI, "--out", tmp_path)
    wait_for_requests(simulator, 1)
    process.send_signal(signal.SIGINT)
    time.sleep(1)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    began = time.monotonic()

    assert ended(process)[0] != 0
    assert time.monotonic() - began < 20


def test_in_a_pipe_there_is_no_progress_bar_and_on_a_terminal_there_is(
    dataset: Path, tmp_path: Path, simulator: SimulatorControl
) -> None:
    command = ("run", "--dataset", dataset, "--models", MINI)

    assert ended(started(simulator, *command, "--out", tmp_path / "a"))[2] == ""

    ours, theirs = pty.openpty()
    process = started(simulator, *command, "--out", tmp_path / "b", stderr=theirs)
    os.close(theirs)
    shown = b""
    try:
        while chunk := os.read(ours, 4096):
            shown += chunk
    except OSError:  # how Linux says that the other end was closed
        pass
    os.close(ours)
    assert ended(process)[0] == 0
    assert f"{COUNT}/{COUNT}".encode() in shown


def test_gateway_runs_on_the_mapping_that_was_proposed(
    dataset: Path, tmp_path: Path, simulator: SimulatorControl
) -> None:
    run = ("run", "--dataset", dataset, "--models", f"{NOVA},{MINI}", "--out", tmp_path)
    assert ended(started(simulator, *run))[0] == 0
    code, said, told = ended(started(simulator, "report", "--local", "--out", tmp_path))
    assert code == 0, told
    assert f"ROUTER_CONFIG={tmp_path / 'mapping.yaml'} fallback-router chains" in said

    with gateway_of(tmp_path / "mapping.yaml", simulator_url=simulator.url) as running, running.client() as client:
        question: Any = [{"role": "user", "content": "What is the capital of France?"}]
        raw = client.chat.completions.with_raw_response.create(model="evaluated-cost", messages=question)
        names = {model.id for model in client.models.list()}

    assert raw.headers["x-router-model"] == "gpt-4o-mini"
    assert {"evaluated-quality", "evaluated-cost", "evaluated-latency", "cost-optimized"} <= names
