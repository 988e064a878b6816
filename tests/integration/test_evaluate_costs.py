"""What `fallback-router evaluate run` books for tries of which nobody knows what they cost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fallback_router_evaluation.asking import TRIES
from local.simulator import Fault, SimulatorControl

LIMIT = 90
MOST = (len("Hello") + 20) * 1e-5 + 100 * 1e-4
"""USD of the prompt and 100 tokens of an answer, at the prices below."""


def asked(folder: Path, simulator: SimulatorControl, usd: float | None = None, **settings: object) -> dict[str, Any]:
    """The log's line of one question to one model. `usd`: of a token, in the place of the prices below."""
    info = {"input_usd_per_token": usd or 1e-5, "output_usd_per_token": usd or 1e-4}
    params = {"model": "gpt-4o-mini", "api_key": "sk-1", "answer_timeout": 1, "model_info": info}
    model = {"model_name": "m", "litellm_provider": "openai", "params": params}
    mapping = {"model_list": [model], "settings": settings}
    (folder / "mapping.json").write_text(json.dumps(mapping))
    (folder / "prompts.jsonl").write_text('{"prompt": "Hello"}\n')
    files = ["--dataset", folder / "prompts.jsonl", "--config", folder / "mapping.json", "--out", folder]
    command = [sys.executable, "-m", "litellm_fallback_router.cli", "evaluate", "run", "--models", "m", *files]
    environment = {**os.environ, "ROUTER_SIMULATOR_URL": simulator.url}
    command += ["--max-tokens", "100"]
    done = subprocess.run(
        [*map(str, command)], env=environment, capture_output=True, text=True, timeout=LIMIT, check=False
    )
    lines = (folder / "answers" / "m.jsonl").read_text().splitlines()
    assert len(lines) == 1, done.stderr
    line: dict[str, Any] = json.loads(lines[0])
    return line


@pytest.mark.parametrize(
    ("fault", "times", "tries"),
    [
        (Fault(kind="silence"), 1, 1),
        (Fault(kind="cut"), TRIES, TRIES),
        (Fault(kind="status", status=503), TRIES, 0),
        (Fault(kind="rejected"), 1, 0),
        (Fault(kind="reset"), TRIES, 0),
    ],
    ids=["timeout", "cut", "unavailable", "rejected", "no connection"],
)
def test_a_failure_counts_as_the_dearest_answer_unless_no_answer_had_begun(
    tmp_path: Path, simulator: SimulatorControl, fault: Fault, times: int, tries: int
) -> None:
    simulator.reset()
    simulator.inject(fault, provider="openai", times=times)

    found = asked(tmp_path, simulator)

    assert found["response"] is None
    assert found["cost_usd"] == pytest.approx(tries * MOST)
    simulator.reset()


def test_an_answer_after_a_broken_connection_counts_both(tmp_path: Path, simulator: SimulatorControl) -> None:
    simulator.reset()
    simulator.inject(Fault(kind="cut"), provider="openai", times=1)

    found = asked(tmp_path, simulator)

    assert found["response"]
    assert MOST < found["cost_usd"] < 2 * MOST
    simulator.reset()


@pytest.mark.parametrize("usd", [1e-9, 1e-4], ids=["lower", "higher"])
def test_an_answer_costs_what_the_mapping_says_which_is_what_was_reserved(
    tmp_path: Path, simulator: SimulatorControl, usd: float
) -> None:
    simulator.reset()

    found = asked(tmp_path, simulator, usd=usd)

    tokens = found["input_tokens"] + found["output_tokens"]
    assert found["cost_usd"] == pytest.approx(tokens * usd, abs=1e-12)
    assert found["cost_usd"] <= (len("Hello") + 20 + 100) * usd


def test_an_answer_withheld_by_a_content_filter_costs_what_was_reported(
    tmp_path: Path, simulator: SimulatorControl
) -> None:
    simulator.reset()
    simulator.inject(Fault(kind="content_filter", as_finish=True), provider="openai", times=1)

    found = asked(tmp_path, simulator, content_policy_fallback=True)

    assert found["response"] is None
    assert 0 < found["cost_usd"] < MOST
    simulator.reset()
