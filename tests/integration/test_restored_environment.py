"""The streaming door as Lambda starts it for a snapshot: a real process, whose keys are in Secrets Manager.

What the Lambda Web Adapter does is done here by hand: it asks for /health until the gateway is ready, calls the hook
before the snapshot, the hook after a restore (1.1.0 and later; older ones know no hooks), and passes events on with
two headers that say what Lambda told it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from litellm_fallback_router.entrypoints.lambda_web import AFTER_RESTORE, BEFORE_CHECKPOINT
from local.simulator import SimulatorControl
from tests.support.gateway import STOP_TIMEOUT, _wait_until_ready, free_port
from tests.support.rest_events import rest_event
from tests.support.secret_store import KEY, SECRET, SecretStore, keyed_function, secret_store

QUESTION = {"model": "gpt", "messages": [{"role": "user", "content": "What is the capital of France?"}]}
ANSWER = "Paris is the capital of France."


@dataclass(frozen=True)
class Environment:
    """One execution environment of the function."""

    url: str
    store: SecretStore
    log: Path

    def hook(self, path: str) -> None:
        assert httpx.post(f"{self.url}{path}", timeout=60).status_code == 204

    def invoke(self, path: str = "/v1/chat/completions") -> httpx.Response:
        """As the adapter passes an event on."""
        told = {
            "x-amzn-lambda-context": json.dumps({"deadline": int((time.time() + 60) * 1000)}),
            "x-amzn-request-context": json.dumps({"authorizer": {"principalId": "key-7f3a"}}),
        }
        if path == "/health":
            return httpx.get(f"{self.url}{path}", headers=told, timeout=60)
        return httpx.post(f"{self.url}{path}", headers=told, json=QUESTION, timeout=60)


def configured(folder: Path, simulator: SimulatorControl, initialization: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "OPENAI_"))}
    return {**inherited, **keyed_function(folder, simulator, initialization)}


@contextmanager
def environment(folder: Path, simulator: SimulatorControl, initialization: str) -> Iterator[Environment]:
    variables, log, port = configured(folder, simulator, initialization), folder / "function.log", free_port()
    with secret_store({SECRET: KEY}) as store, log.open("wb") as output:
        variables["AWS_ENDPOINT_URL_SECRETS_MANAGER"] = store.url
        app = "litellm_fallback_router.entrypoints.lambda_web:app"
        command = [sys.executable, "-m", "uvicorn", app, "--host", "127.0.0.1", "--port", str(port)]
        process = subprocess.Popen(command, env=variables, stdout=output, stderr=subprocess.STDOUT)
        try:
            _wait_until_ready(f"http://127.0.0.1:{port}", process, log)
            yield Environment(f"http://127.0.0.1:{port}", store, log)
        finally:
            process.terminate()
            process.wait(STOP_TIMEOUT)


@pytest.fixture
def frozen(tmp_path: Path, simulator: SimulatorControl) -> Iterator[Environment]:
    """Ready for its snapshot."""
    with environment(tmp_path, simulator, "snap-start") as started:
        yield started
    simulator.reset()


def answer_of(response: httpx.Response) -> str:
    assert response.status_code == 200, response.text
    content: str = response.json()["choices"][0]["message"]["content"]
    return content


def test_no_key_is_read_before_the_snapshot_and_the_hook_reads_it_after(frozen: Environment) -> None:
    frozen.hook(BEFORE_CHECKPOINT)
    assert frozen.store.reads == []
    frozen.hook(AFTER_RESTORE)
    assert frozen.store.reads == [SECRET]
    assert answer_of(frozen.invoke()) == ANSWER
    assert frozen.store.reads == [SECRET]


def test_without_any_hook_the_first_request_reads_the_keys(frozen: Environment) -> None:
    assert httpx.get(f"{frozen.url}/health").status_code == 200
    assert frozen.store.reads == [], "the adapter asks that before the snapshot"
    assert answer_of(frozen.invoke()) == ANSWER
    assert frozen.store.reads == [SECRET]


def test_a_hook_that_is_called_only_before_the_snapshot_leaves_the_rest_to_the_first_request(
    frozen: Environment,
) -> None:
    frozen.hook(BEFORE_CHECKPOINT)
    assert frozen.store.reads == []
    assert answer_of(frozen.invoke()) == ANSWER


def test_a_caller_who_asks_for_health_first_counts_as_a_request(frozen: Environment) -> None:
    assert frozen.invoke("/health").status_code == 200
    assert frozen.store.reads == [SECRET]


def test_first_requests_at_once_and_a_late_hook_share_one_reading(frozen: Environment) -> None:
    with ThreadPoolExecutor(9) as together:
        answers = [together.submit(frozen.invoke) for _ in range(8)]
        hook = together.submit(frozen.hook, AFTER_RESTORE)
        assert [answer_of(one.result()) for one in answers] == [ANSWER] * 8
        hook.result()
    frozen.hook(AFTER_RESTORE)
    assert frozen.store.reads == [SECRET]


def test_a_secret_out_of_reach_is_said_and_looked_for_again(frozen: Environment) -> None:
    frozen.store.refusal = "AccessDeniedException"
    refused = frozen.invoke()
    assert refused.status_code == 503
    assert f"secret {SECRET} could not be read (AccessDeniedException)" in refused.text
    assert "secrets set" not in refused.text, "it is set"


def test_without_a_snapshot_keys_are_read_at_the_start_and_never_twice(
    tmp_path: Path, simulator: SimulatorControl
) -> None:
    with environment(tmp_path, simulator, "on-demand") as started:
        assert started.store.reads == [SECRET]
        assert answer_of(started.invoke()) == ANSWER
        assert started.store.reads == [SECRET]
    simulator.reset()


@pytest.mark.parametrize(
    "door", ["litellm_fallback_router.entrypoints.lambda_handler", "fallback_router_agentcore.handler"]
)
def test_a_plain_handler_without_hooks_reads_the_keys_at_its_first_event(
    tmp_path: Path, simulator: SimulatorControl, door: str
) -> None:
    """Here, as in an emulator, nothing brings the module that hooks are registered with."""
    variables = configured(tmp_path, simulator, "snap-start")
    event = json.dumps(EVENTS[door])
    with secret_store({SECRET: KEY}) as store:
        variables["AWS_ENDPOINT_URL_SECRETS_MANAGER"] = store.url
        command = [sys.executable, "-c", ONE_EVENT, door, event]
        with subprocess.Popen(
            command, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            assert process.stdout.readline() == "started\n"
            assert store.reads == []
            said, _ = process.communicate("go on\n", timeout=60)
        assert store.reads == [SECRET]
    assert ANSWER in said
    simulator.reset()


EVENTS = {
    "litellm_fallback_router.entrypoints.lambda_handler": rest_event("POST", "/v1/chat/completions", QUESTION),
    "fallback_router_agentcore.handler": {"question": QUESTION["messages"][0]["content"]},  # type: ignore[index]
}
ONE_EVENT = """
import importlib, json, sys
from tests.support.agentcore_events import LambdaCall
door = importlib.import_module(sys.argv[1])
print("started", flush=True)
sys.stdin.readline()
print(json.dumps(door.handler(json.loads(sys.argv[2]), LambdaCall("llm___ask"))))
"""
