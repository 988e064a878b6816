"""What callers, the log and the exit code say when the gateway is told to stop while it answers."""

from __future__ import annotations

import json
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from litellm_fallback_router.commands.server import DRAIN_SECONDS
from local.simulator import Fault, SimulatorControl
from tests.support.gateway import Gateway, gateway_process
from tests.support.guarded_gateway import guarded, verdicts
from tests.support.waiting import wait_until

LONG: Any = {
    "model": "openai",
    "messages": [{"role": "user", "content": "Count to 5000"}],
    "stream": True,
}
STOP_SECONDS = 15.0


@pytest.fixture
def gateway(simulator: SimulatorControl, tmp_path: Path) -> Iterator[Gateway]:
    simulator.reset()
    models = [{"model_name": "openai", "litellm_provider": "openai", "params": {"model": "gpt-4o"}}]
    with gateway_process(tmp_path, {"model_list": models}, simulator_url=simulator.url) as running:
        yield running
    simulator.reset()


def log_of(gateway: Gateway) -> list[dict[str, Any]]:
    return [json.loads(line) for line in gateway.log.read_text().splitlines() if line != "stopped"]


@pytest.mark.parametrize("signals", [1, 2], ids=["told once", "told twice"])
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_stream_that_outlasts_the_stop_ends_in_an_error_event_and_the_log_says_why(
    gateway: Gateway, simulator: SimulatorControl, how: signal.Signals, signals: int
) -> None:
    simulator.settings(chunk_delay=0.05)
    events: list[str] = []
    with httpx.stream("POST", f"{gateway.url}/v1/chat/completions", json=LONG, timeout=30) as response:
        for event in filter(None, response.iter_lines()):
            if not events:
                began = time.monotonic()
                gateway.process.send_signal(how)
            if len(events) == 5 and signals == 2:
                gateway.process.send_signal(how)
            events.append(event)
    assert (time.monotonic() - began >= DRAIN_SECONDS) is (signals == 1)
    assert gateway.process.wait(STOP_SECONDS) == 0
    error = json.loads(events[-1].removeprefix("data: "))
    assert error["error"]["code"] == "server_stopping"
    assert [attempt["outcome"] for attempt in error["router"]["attempts"]] == ["server_stopping"]
    (line,) = [line for line in log_of(gateway) if line.get("event") == "request_failed"]
    assert (line["status"], line["code"]) == (503, "server_stopping")
    assert line["cost_usd"] == line["wasted_usd"] > 0
    assert not [line for line in log_of(gateway) if "exception" in line]
    assert len([request for request in simulator.requests() if request.disconnected]) == 1


def test_a_whole_answer_that_outlasts_the_stop_is_a_503(gateway: Gateway, simulator: SimulatorControl) -> None:
    simulator.inject(Fault(kind="silence"))
    answers: list[httpx.Response] = []
    body = {**LONG, "stream": False}

    def ask() -> None:
        answers.append(httpx.post(f"{gateway.url}/v1/chat/completions", json=body, timeout=30))

    asking = threading.Thread(target=ask)
    asking.start()
    wait_for_work(simulator)
    gateway.process.terminate()
    time.sleep(0.3)
    gateway.process.terminate()
    asking.join(STOP_SECONDS)
    (answer,) = answers
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "server_stopping")
    assert answer.headers["retry-after"] == "1"
    assert "x-request-id" in answer.headers
    assert gateway.process.wait(STOP_SECONDS) == 0
    assert [line["code"] for line in log_of(gateway) if line.get("event") == "request_failed"] == ["server_stopping"]
    assert not [line for line in log_of(gateway) if "exception" in line]


def test_a_caller_that_does_not_read_and_one_that_does_not_send_cannot_hold_the_stop_up(
    gateway: Gateway, simulator: SimulatorControl
) -> None:
    # Echoed word by word: far more than the buffers between the gateway and the caller hold.
    content = json.dumps({**LONG, "messages": [{"role": "user", "content": "a " * 150_000}]}).encode()
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: gateway\r\ncontent-length: %d\r\n\r\n" % len(content)
    with connected(gateway) as deaf, connected(gateway) as slow:
        deaf.sendall(head + content)
        slow.sendall(head + content[:10])
        wait_for_work(simulator)
        time.sleep(3)
        gateway.process.terminate()
        time.sleep(0.3)
        gateway.process.terminate()
        assert gateway.process.wait(STOP_SECONDS) == 0
        assert b"server_stopping" in slow.recv(65_536)
    assert not [line for line in log_of(gateway) if "exception" in line]


def test_a_stop_while_the_guardrail_checks_an_answer_is_told_once_with_its_attempt(
    simulator: SimulatorControl, tmp_path: Path
) -> None:
    simulator.reset()
    simulator.inject(Fault(kind="silence"), model="simguard", skip=1)
    with guarded(simulator, tmp_path) as gateway:
        answers: list[httpx.Response] = []
        body = {**LONG, "model": "openai-gpt4o"}
        asking = threading.Thread(
            target=lambda: answers.append(httpx.post(f"{gateway.url}/v1/chat/completions", json=body, timeout=30))
        )
        asking.start()
        wait_until(lambda: len(verdicts(simulator)) >= 2)
        gateway.process.terminate()
        time.sleep(0.3)
        gateway.process.terminate()
        asking.join(STOP_SECONDS)
        assert gateway.process.wait(STOP_SECONDS) == 0
    (answer,) = answers
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "server_stopping")
    (line,) = [line for line in log_of(gateway) if line.get("event") == "request_failed"]
    assert (line["code"], line["attempts"]) == ("server_stopping", 1)
    assert [one["outcome"] for one in log_of(gateway) if one.get("event") == "attempt_failed"] == ["server_stopping"]
    assert not [line for line in log_of(gateway) if "exception" in line]
    simulator.reset()


def connected(gateway: Gateway) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(gateway.url.rsplit(":", 1)[1])), timeout=10)


def wait_for_work(simulator: SimulatorControl) -> None:
    wait_until(lambda: simulator.health()["in_flight"] > 0)
