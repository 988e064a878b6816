"""`fallback-router serve` as a process of its own, against the simulator."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest
from openai import APIError, AuthenticationError, OpenAI

from local.simulator import Fault, SimulatorControl
from tests.support.commands import ANSWER, DOWN, QUESTION
from tests.support.waiting import wait_until

START_SECONDS = 60.0
STOP_SECONDS = 30.0
OF_OTHER_CONFIGURATIONS = {
    "rich": "tables of other commands",
    "pygments": "httpx's own command",
    "sqlite3": "a file of callers' keys",
    "prometheus_client": "ROUTER_METRICS_PORT",
    "opentelemetry.sdk": "OTEL_EXPORTER_OTLP_ENDPOINT",
    "aws_lambda_powertools": "AWS",
    "mangum": "AWS",
    "matplotlib": "the extra for evaluation",
    "jsonschema": "tests",
    "tokenizers": "tokens, which nobody counts",
    "litellm_fallback_router.adapters.cloudwatch": "AWS",
    "litellm_fallback_router.adapters.dynamodb": "AWS",
    "litellm_fallback_router.adapters.guardrails": "a mapping with a guardrail",
    "litellm_fallback_router.adapters.prompts": "a mapping with prompts",
    "litellm_fallback_router.adapters.secrets_manager": "AWS",
    "litellm_fallback_router.drill": "fallback-router drill",
    "litellm_fallback_router.operations": "commands for a deployed gateway",
    "litellm_fallback_router.preflight": "fallback-router preflight",
    "litellm_fallback_router.replay": "fallback-router replay",
}
"""Modules, and what they are for: a gateway without that holds none of them in memory."""


class Serving:
    """`fallback-router serve` as a process."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self.process = process
        self.log = log
        assert process.stdout is not None
        # Ends by itself: the process dies with the context, and its end of the pipe with it.
        self.url = process.stdout.readline().strip().removeprefix("gateway ready on ")
        self.words = ""
        while not self.words.rstrip().endswith("}'") and (line := process.stdout.readline()):
            self.words += line

    def client(self, **options: str) -> OpenAI:
        return OpenAI(base_url=f"{self.url}/v1", api_key=options.get("api_key", "none"), max_retries=0, timeout=30)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        return self.process.wait(STOP_SECONDS)


@contextmanager
def serving(folder: Path, *options: str, **variables: str) -> Iterator[Serving]:
    log = folder / "stderr.log"
    command = [sys.executable, "-m", "litellm_fallback_router.cli", "serve", "--port", "0", *options]
    with log.open("w") as stderr:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=stderr, text=True, env={**os.environ, **variables}
        )
        overdue = threading.Timer(START_SECONDS, process.kill)
        overdue.start()
        try:
            gateway = Serving(process, log)
            overdue.cancel()
            yield gateway
        finally:
            overdue.cancel()
            process.kill()
            process.wait(STOP_SECONDS)
            assert process.stdout is not None
            process.stdout.close()


def ask(client: OpenAI, question: str = QUESTION) -> str | None:
    completion = client.chat.completions.create(model="openai-gpt4o", messages=[{"role": "user", "content": question}])
    return completion.choices[0].message.content


def imported(log: Path) -> list[str]:
    """Of a process with PYTHONPROFILEIMPORTTIME, which writes each module that it has imported to stderr."""
    lines = [line for line in log.read_text().splitlines() if line.startswith("import time:")]
    return [line.rpartition("|")[2].strip() for line in lines]


def test_a_gateway_that_is_ready_holds_nothing_of_other_configurations(tmp_path: Path) -> None:
    assert all(find_spec(name) for name in OF_OTHER_CONFIGURATIONS)
    with serving(tmp_path, "--simulate", PYTHONPROFILEIMPORTTIME="1") as gateway:
        ready = imported(gateway.log)
        assert ask(gateway.client()) == ANSWER
        assert not OF_OTHER_CONFIGURATIONS.keys() & ready
        # What LiteLLM's import leaves free is taken by what comes behind it.
        assert ready.index("litellm") < ready.index("fastapi") < ready.index("uvicorn")
        later = imported(gateway.log)[len(ready) :]
        assert not [name for name in later if name.startswith(("litellm", "openai", "pydantic"))]


def test_serve_answers_logs_json_without_the_question_and_stops_cleanly(
    tmp_path: Path, simulator: SimulatorControl
) -> None:
    with serving(tmp_path) as gateway:
        simulator.inject(DOWN, provider="openai")
        with gateway.client() as client:
            assert ask(client, "Say 4711") == "You said: Say 4711\n" + ask_tail()
        assert gateway.stop() == 0
        lines = [json.loads(line) for line in gateway.log.read_text().splitlines()]
    assert [line["event"] for line in lines] == ["attempt_failed", "attempt_failed", "request_answered"]
    assert lines[0]["deployment"] == "openai-gpt4o"
    assert "4711" not in json.dumps(lines)


def ask_tail() -> str:
    return "That is all I have to answer to it. Ask me something else whenever you like."


def test_serve_lets_an_answer_under_way_finish_when_it_is_told_to_stop(
    tmp_path: Path, simulator: SimulatorControl
) -> None:
    simulator.settings(chunk_delay=0.05)
    with serving(tmp_path) as gateway, gateway.client() as client:
        stream = client.chat.completions.create(
            model="openai-gpt4o", messages=[{"role": "user", "content": "Count to 40"}], stream=True
        )
        text = ""
        for chunk in stream:
            if not text:
                gateway.process.send_signal(signal.SIGTERM)
            text += "".join(choice.delta.content or "" for choice in chunk.choices)
        assert text == ", ".join(str(number) for number in range(1, 41)) + "."
        assert gateway.process.wait(STOP_SECONDS) == 0


def told_to_go_away(client: OpenAI) -> None:
    with pytest.raises(APIError):
        ask(client)


def test_serve_stops_within_seconds_though_a_provider_is_silent(tmp_path: Path, simulator: SimulatorControl) -> None:
    simulator.inject(Fault(kind="silence"))
    with serving(tmp_path) as gateway, gateway.client() as client:
        waiting = threading.Thread(target=told_to_go_away, args=(client,))
        waiting.start()
        wait_until(lambda: simulator.health()["in_flight"] > 0)
        assert simulator.health()["in_flight"] == 1
        assert gateway.stop() == 0
        waiting.join(20)
        assert not waiting.is_alive()


def test_serve_simulates_says_so_and_takes_the_simulator_down_with_it(tmp_path: Path) -> None:
    with serving(tmp_path, "--simulate") as gateway:
        shown = re.search(r"simulator +(http://\S+)", gateway.words)
        assert shown is not None
        with gateway.client() as client:
            assert ask(client) == ANSWER
        assert httpx.get(f"{shown[1]}/_sim/requests", timeout=10).json()[0]["model"] == "gpt-4o"
        assert gateway.stop(signal.SIGINT) == 0
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{shown[1]}/_sim/health", timeout=10)


def test_serve_names_what_has_no_key_and_asks_callers_for_theirs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "AWS_BEARER_TOKEN_BEDROCK", "AWS_PROFILE", "AWS_ACCESS_KEY_ID"):
        monkeypatch.delenv(name, raising=False)
    nowhere = {"ROUTER_SIMULATOR_URL": "", "HOME": str(tmp_path), "GATEWAY_API_KEYS": "key-of-mine"}
    with serving(tmp_path, "--host", "0.0.0.0", **nowhere) as gateway:  # noqa: S104 - what it says of it is tested
        assert gateway.url.startswith("http://127.0.0.1:")
        assert "openai-gpt4o: no key: set OPENAI_API_KEY" in gateway.words
        assert "No deployment has a key" in gateway.words
        assert "authorization: Bearer" in gateway.words
        assert "key-of-mine" not in gateway.words
        with gateway.client() as client, pytest.raises(AuthenticationError):
            ask(client)
        with gateway.client(api_key="key-of-mine") as client:
            assert "openai-gpt4o" in [model.id for model in client.models.list()]
        assert gateway.log.read_text() == ""
