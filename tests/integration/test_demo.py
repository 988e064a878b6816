"""The demo, as `make demo` runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from local.demo.questions import Outcome, ask, client_of
from local.demo.scenarios import SCENARIOS
from local.gateway import gateway_process
from local.simulator import SimulatorControl

KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "AWS_BEARER_TOKEN_BEDROCK", "AWS_PROFILE", "AWS_ACCESS_KEY_ID")


def demo(*options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ROUTER_")}
    for name in KEYS:
        environment.pop(name, None)
    command = [sys.executable, "-m", "local.demo", *options]
    return subprocess.run(
        command, env={**environment, **variables}, capture_output=True, text=True, timeout=110, check=False
    )


def outcome(text: str = "", responders: tuple[str, ...] = (), region: str | None = None, **fields: object) -> Outcome:
    attempts: list[Mapping[str, object]] = [{"deployment": "x", "region": region, "reason": ""}]
    known = {"seconds": 0.1, "text": text, "responders": responders, "report": {"attempts": attempts}}
    return Outcome(**{**known, **fields})  # type: ignore[arg-type] # fields of Outcome, as the tests name them


def test_every_scenario_ends_as_it_should_and_the_table_tells_who_answered(tmp_path: Path) -> None:
    """Keys and settings of the user's own are left alone: they are neither used nor in the way."""
    done = demo(GATEWAY_API_KEYS="mine", OPENAI_API_KEY="not used", HOME=str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All 7 scenarios ended as they should" in done.stdout
    words = " ".join(done.stdout.replace("│", " ").split())
    for scenario in SCENARIOS:
        assert scenario.title in done.stdout
    for line in ("openai-gpt4o x2: 503 unavailable", "bedrock-llama: answered", "nobody: InternalServerError 502"):
        assert line in words


def test_it_waits_until_somebody_watches() -> None:
    command = [sys.executable, "-m", "local.demo", "--watch"]
    done = subprocess.run(command, input="\n\n", capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    asked, _, rest = done.stdout.partition("/console in a browser, then press Enter here")
    assert "Open http://127.0.0.1:" in asked
    assert "ok: A normal answer" not in asked
    assert rest.index("ok: A normal answer") < rest.index("Enter ends the gateway")


def test_without_keys_the_real_demo_says_which_to_set(tmp_path: Path) -> None:
    done = demo("--providers", "real", HOME=str(tmp_path))
    assert done.returncode == 2
    assert "set OPENAI_API_KEY" in done.stdout
    assert "--providers simulated" in done.stdout


def test_the_real_demo_asks_each_model_once_and_fails_when_one_fails(
    simulator: SimulatorControl, tmp_path: Path
) -> None:
    simulator.reset()
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text(
        f"""
        model_list:
          - model_name: good
            params: {{model: openai/gpt-4o, api_base: "{simulator.url}/openai/v1", api_key: sim-openai-key}}
          - model_name: bad
            params: {{model: openai/gpt-4o, api_base: "{simulator.url}/openai/v1", api_key: wrong}}
          - model_name: keyless
            params: {{model: anthropic/claude-haiku-4-5}}
        """
    )
    done = demo("--providers", "real", ROUTER_CONFIG=str(mapping), HOME=str(tmp_path))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "not asked: keyless: no key: set ANTHROPIC_API_KEY" in done.stdout
    assert "Paris is the capital of France." in done.stdout
    assert "bad: " in done.stdout
    assert "401" in done.stdout
    assert [request.status for request in simulator.requests()] == [200, 401]
    simulator.reset()


def test_a_wrong_configuration_stops_the_demo_with_its_mistakes(tmp_path: Path) -> None:
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text("typo: 1\n")
    done = demo("--providers", "real", ROUTER_CONFIG=str(mapping))
    assert done.returncode == 2
    assert "typo: unknown field" in done.stdout


@pytest.mark.parametrize(
    ("title", "seen"),
    [
        ("A normal answer", outcome("Paris", ("anthropic:claude-sonnet-4-6",))),
        ("OpenAI is down", outcome(error="InternalServerError 502: every candidate failed")),
        ("Bedrock us-east-1 is down", outcome("Paris", ("bedrock:us.anthropic.claude-sonnet-4-6",), "us-east-1")),
        ("A stream is cut in the middle", outcome("1, 2, 3", ("openai:gpt-4o", "anthropic:claude-sonnet-4-6"))),
        ("Everything is down", outcome("Paris", ("openai:gpt-4o",))),
        ("Everything is down", outcome(error="APITimeoutError: timed out", seconds=9.0)),
    ],
)
def test_a_scenario_that_ends_otherwise_is_told(title: str, seen: Outcome) -> None:
    (scenario,) = (one for one in SCENARIOS if one.title.startswith(title))
    assert scenario.wrong(seen)


def test_the_gateway_stops_with_its_context_and_a_failed_start_says_why(simulator: SimulatorControl) -> None:
    with gateway_process(simulator_url=simulator.url) as url, client_of(url) as client:
        assert ask(client, "openai-gpt4o", "What is the capital of France?").text == "Paris is the capital of France."
    with client_of(url) as client:
        assert "APIConnectionError" in ask(client.with_options(max_retries=0), "openai-gpt4o", "hi").error
    with pytest.raises(RuntimeError, match="no address of this machine"), gateway_process(["--host", "203.0.113.7"]):
        raise AssertionError("it started")
