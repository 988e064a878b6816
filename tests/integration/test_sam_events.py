"""The events of `make sam-invoke`, through the handler that it runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from local.simulator.client import simulator_process

EVENTS = Path(__file__).resolve().parents[1] / "events"
_HANDLE = """
import json, sys
from litellm_fallback_router.entrypoints.lambda_handler import handler
class Context:
    def get_remaining_time_in_millis(self): return 29_000
answers = {name: handler(json.load(open(name)), Context()) for name in sys.argv[1:]}
sys.stdout.write("\\n" + json.dumps(answers))
"""


@pytest.fixture(scope="module")
def answers() -> dict[str, dict[str, Any]]:
    """Name of the event's file -> what API Gateway would get."""
    files = [str(path) for path in sorted(EVENTS.glob("*.json"))]
    with simulator_process() as simulator:
        done = subprocess.run(
            [sys.executable, "-c", _HANDLE, *files],
            env={**os.environ, "ROUTER_SIMULATOR_URL": simulator.url},
            check=False,
            capture_output=True,
            text=True,
            timeout=100,
        )
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return {Path(name).stem: answer for name, answer in found.items()}


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ("ask", '"provider"'),
        ("chat", "chat.completion"),
        ("chat-stream", "data: [DONE]"),
        ("strategy", '"attempts"'),
        ("models", "openai-gpt4o"),
        ("model", "openai-gpt4o"),
        ("health", "ok"),
    ],
)
def test_event_is_answered(event: str, said: str, answers: dict[str, dict[str, Any]]) -> None:
    assert answers[event]["statusCode"] == 200, answers[event]["body"]
    assert said in answers[event]["body"]


def test_every_event_is_tried(answers: dict[str, dict[str, Any]]) -> None:
    assert answers.keys() == {path.stem for path in EVENTS.glob("*.json")}
    assert len(answers) == 9


@pytest.mark.parametrize(("event", "field"), [("bad-json", "JSON"), ("bad-field", "temperature")])
def test_bad_input_is_refused_with_its_field(event: str, field: str, answers: dict[str, dict[str, Any]]) -> None:
    assert answers[event]["statusCode"] == 400
    assert field in json.loads(answers[event]["body"])["error"]["message"]
