"""The command line against the simulator: `serve` as a process, `ask` and `doctor` in this one."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from openai import APIError, AuthenticationError, OpenAI

from litellm_fallback_router import cli
from litellm_fallback_router.mapping import ROUTER_STYLE_MAPPING
from local.simulator import Fault, SimulatorControl

QUESTION = "What is the capital of France?"
ANSWER = "Paris is the capital of France."
DOWN = Fault(kind="status", status=503)
START_SECONDS = 60.0
STOP_SECONDS = 30.0


@pytest.fixture(autouse=True)
def only_the_simulator(simulator: SimulatorControl, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("ROUTER_CONFIG", "ROUTER_LOG_LEVEL", "GATEWAY_API_KEYS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ROUTER_SIMULATOR_URL", simulator.url)
    simulator.reset()
    yield
    simulator.reset()


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """The exit code of `fallback-router ARGUMENTS`, run in this process: LiteLLM is imported once for all tests."""
    monkeypatch.setattr(sys, "argv", ["fallback-router", *arguments])
    with pytest.raises(SystemExit) as left:
        cli.main()
    return int(left.value.code or 0)


# ask


def test_ask_prints_the_answer_alone_on_stdout_and_its_story_on_stderr(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "ask", QUESTION) == 0
    said = capsys.readouterr()
    assert said.out == f"{ANSWER}\n"
    assert re.fullmatch(r"answered by openai:gpt-4o in [\d.]+ s for \$0\.\d+\n", said.err)


def test_ask_knows_a_model_by_its_providers_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "ask", QUESTION, "--model", "us.amazon.nova-2-lite-v1:0") == 0
    said = capsys.readouterr()
    assert said.out == f"{ANSWER}\n"
    assert "bedrock:us.amazon.nova-2-lite-v1:0" in said.err
    assert run(monkeypatch, "ask", QUESTION, "--model", "claude-3-5-sonnet-20241022") != 0
    assert "did you mean 'anthropic-claude-sonnet'?" in capsys.readouterr().err


def test_ask_tells_a_fallback_and_what_failed_before_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], simulator: SimulatorControl
) -> None:
    simulator.inject(DOWN, provider="openai")
    assert run(monkeypatch, "ask", QUESTION) == 0
    said = capsys.readouterr()
    assert said.out == f"{ANSWER}\n"
    assert "answered by anthropic:claude-sonnet-4-6 as a fallback" in said.err
    assert "openai-gpt4o x2: 503 unavailable" in said.err


def test_ask_streams_an_answer_that_breaks_and_goes_on_elsewhere(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], simulator: SimulatorControl
) -> None:
    simulator.inject(Fault(kind="cut", after_chunks=5), provider="openai")
    assert run(monkeypatch, "ask", "Count to 30", "--stream") == 0
    said = capsys.readouterr()
    assert said.out == ", ".join(str(number) for number in range(1, 31)) + ".\n"
    assert "answered by openai:gpt-4o, then anthropic:claude-sonnet-4-6" in said.err


def test_ask_sends_what_it_was_told_and_reads_standard_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], simulator: SimulatorControl
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("Grüß dich\n".encode())))
    arguments = ("-", "--model", "openai-gpt4o-mini", "--system", "Be kind.", "--temperature", "0.5")
    assert run(monkeypatch, "ask", *arguments, "--max-tokens", "77") == 0
    assert "Grüß dich" in capsys.readouterr().out
    (request,) = simulator.requests()
    assert request.model == "gpt-4o-mini"
    assert request.body["messages"][0] == {"role": "system", "content": "Be kind."}
    assert (request.body["temperature"], request.body["max_tokens"]) == (0.5, 77)


@pytest.mark.parametrize("stream", [(), ("--stream",)], ids=["whole", "stream"])
def test_ask_fails_with_every_attempt_when_everything_is_down(
    stream: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    simulator: SimulatorControl,
) -> None:
    simulator.inject(DOWN)
    assert run(monkeypatch, "ask", QUESTION, "--timeout", "20", *stream) == 1
    said = capsys.readouterr()
    assert said.out.strip() == ""
    for deployment in ("openai-gpt4o", "anthropic-claude-sonnet", "bedrock-llama"):
        assert f"{deployment}: 503 unavailable" in said.err
    assert "Traceback" not in said.err


def test_ask_simulates_without_anything_running(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], simulator: SimulatorControl
) -> None:
    monkeypatch.delenv("ROUTER_SIMULATOR_URL")
    assert run(monkeypatch, "ask", QUESTION, "--simulate", "--model", "bedrock-nova") == 0
    assert capsys.readouterr().out == f"{ANSWER}\n"
    assert simulator.requests() == []
    assert "simulator" not in {thread.name for thread in threading.enumerate()}


# doctor


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


# serve


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
        until = time.monotonic() + 20
        while simulator.health()["in_flight"] == 0 and time.monotonic() < until:
            time.sleep(0.05)
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
