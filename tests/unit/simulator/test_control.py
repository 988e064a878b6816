"""The control interface, and the simulator as a process of its own."""

import json
import signal
import subprocess
import sys
import time
from typing import Any

import httpx
import pytest

from local.simulator import Fault, Simulator, SimulatorControl, simulator_process
from tests.support.waiting import eventually

ASK: dict[str, Any] = {
    "json": {"model": "gpt-4o", "messages": [{"role": "user", "content": "Count to 3"}]},
    "headers": {"authorization": "Bearer sim-openai-key"},
    "timeout": 10,
}


def ask(control: SimulatorControl) -> httpx.Response:
    return httpx.post(f"{control.url}/openai/v1/chat/completions", **ASK)


def test_a_process_is_steered_and_stopped() -> None:
    with simulator_process() as control:
        rule = control.inject(Fault(kind="status", status=503, retry_after="1"), provider="openai")
        assert ask(control).status_code == 503
        assert control.faults() == [
            {
                "id": rule,
                "used": 1,
                "provider": "openai",
                "fault": {"kind": "status", "status": 503, "retry_after": "1"},
            }
        ]
        control.remove(rule)
        assert ask(control).status_code == 200
        first, second = control.requests()
        assert (first.fault, first.rule, first.status) == ("status", rule, 503)
        assert (second.fault, second.model, second.body) == (None, "gpt-4o", ASK["json"])
        assert first.arrived <= second.arrived
        assert abs(second.arrived_at - time.time()) < 60
        assert "sim-openai-key" not in first.model_dump_json()
        assert first.headers["authorization"] == "(hidden)"
        control.clear_requests()
        assert control.requests() == []
        health = control.health()
        assert (health["in_flight"], health["requests"]) == (0, 0)
    with pytest.raises(httpx.TransportError):
        ask(control)


def test_settings_change_and_reset_goes_back_to_the_start() -> None:
    with simulator_process(latency=0.01) as control:
        assert control.settings()["latency"] == 0.01
        assert control.settings(openai_keys=["other"], continuation="restart")["continuation"] == "restart"
        assert ask(control).status_code == 401
        with pytest.raises(ValueError, match="continuation"):
            control.settings(continuation="telepathy")
        control.reset()
        assert control.settings()["openai_keys"] == ["sim-openai-key"]
        assert control.settings()["latency"] == 0.01
        assert ask(control).status_code == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_even_with_a_client_waiting(number: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "local.simulator"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        control = SimulatorControl(json.loads(process.stdout.readline())["url"])
        control.inject(Fault(kind="silence"))
        with httpx.Client() as client:
            request = client.build_request("POST", f"{control.url}/openai/v1/chat/completions", **ASK)
            request.extensions["timeout"] = {"read": 0.3}
            with pytest.raises(httpx.ReadTimeout):
                client.send(request)
            process.send_signal(number)
            _, errors = process.communicate(timeout=10)
        assert process.returncode == 0
        assert errors == b""
    finally:
        process.kill()
        process.wait(timeout=10)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--latency", "-1"], "seconds between 0 and 60"),
        (["--host", "192.0.2.1"], "cannot listen on 192.0.2.1:0"),
        (["--port", "99999"], "cannot listen on 127.0.0.1:99999"),
    ],
)
def test_a_start_that_fails_says_why(arguments: list[str], complaint: str) -> None:
    command = [sys.executable, "-m", "local.simulator", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 2
    assert complaint in ended.stderr
    assert "Traceback" not in ended.stderr


WRONG: list[tuple[str, str, Any, int, str]] = [
    ("POST", "/_sim/faults", {"fault": {"kind": "status"}}, 400, "a 'status' fault needs status"),
    ("POST", "/_sim/faults", {"fault": {"kind": "reset"}, "foo": 1}, 400, "Extra inputs are not permitted"),
    ("POST", "/_sim/faults", None, 400, "Field required"),
    ("DELETE", "/_sim/faults/77", None, 404, "there is no fault '77'"),
    ("GET", "/_sim/nothing", None, 404, "No such page."),
    ("PUT", "/_sim/settings", None, 404, "No such page."),
    ("GET", "/", None, 404, "No such page."),
    ("GET", "/openai", None, 404, "No such page."),
]


@pytest.mark.parametrize("wrong", WRONG, ids=[f"{wrong[0]} {wrong[1]} {wrong[4]}" for wrong in WRONG])
async def test_a_wrong_control_request_is_explained(
    http: httpx.AsyncClient, sim: Simulator, wrong: tuple[str, str, Any, int, str]
) -> None:
    method, path, body, status, message = wrong
    response = await http.request(method, f"{sim.url}{path}", json=body)
    assert response.status_code == status
    assert message in response.text


async def test_faults_can_all_be_dropped(http: httpx.AsyncClient, sim: Simulator) -> None:
    sim.inject(Fault(kind="reset"))
    assert (await http.delete(f"{sim.url}/_sim/faults")).status_code == 200
    assert (await http.get(f"{sim.url}/_sim/faults")).json() == []


async def test_health_counts_work_in_flight(http: httpx.AsyncClient, sim: Simulator) -> None:
    sim.inject(Fault(kind="silence"), times=1)
    reader_failed = pytest.raises(httpx.ReadTimeout)
    with reader_failed:
        await http.post(f"{sim.url}/openai/v1/chat/completions", **{**ASK, "timeout": httpx.Timeout(20, read=0.2)})
    await eventually(lambda: sim.in_flight == 0)
    health = (await http.get(f"{sim.url}/_sim/health")).json()
    assert health == {"status": "ok", "connections": 1, "in_flight": 0, "requests": 1}
