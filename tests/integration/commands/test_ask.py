"""`fallback-router ask` against the simulator."""

from __future__ import annotations

import io
import re
import sys
import threading

import pytest

from local.simulator import Fault, SimulatorControl
from tests.support.commands import ANSWER, DOWN, QUESTION, run


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
