"""The door that production uses: the package's `run.sh` behind the Lambda Web Adapter, streaming.

    pytest tests/e2e/streaming_door.py

Needs cargo, to build the adapter.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.function import _adapter_environment
from infra.lambda_package import build_package
from litellm_fallback_router.drill import EVENT
from litellm_fallback_router.entrypoints.drill_door import PATH, UNKNOWN
from litellm_fallback_router.entrypoints.lambda_web import AFTER_RESTORE, BEFORE_CHECKPOINT
from local.simulator import Fault, SimulatorControl, simulator_process
from tests.support.gateway import free_port
from tests.support.lambda_process import lambda_processes, started
from tests.support.packaged import ARCH, clean_python, environment, make_writable, unpack
from tests.support.rest_events import KEY_ID, rest_event
from tests.support.runtime_api import RuntimeApi
from tests.support.secret_store import KEY, SECRET, keyed_function, secret_store
from tests.support.waiting import wait_until
from tests.support.web_adapter import web_adapter

pytestmark = pytest.mark.timeout(900)
"""The first test waits for the adapter to be built."""
PARIS = [{"role": "user", "content": "What is the capital of France?"}]
ANSWER = "Paris is the capital of France."
DONE = "data: [DONE]\n\n"


@dataclass(frozen=True)
class Door:
    api: RuntimeApi
    app: str
    """Where the adapter finds the gateway."""
    log: Path

    def ask(self, body: Any, *, seconds: float = 60.0) -> tuple[dict[str, Any], str]:
        """Head and body of the answer to a question that came through API Gateway."""
        event = rest_event("POST", "/v1/chat/completions", body)
        head, pieces = self.api.invoke(event, seconds=seconds).stream()
        return head, b"".join(pieces).decode()


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorControl]:
    with simulator_process() as control:
        yield control


@pytest.fixture(autouse=True)
def fresh_simulator(simulator: SimulatorControl) -> Iterator[None]:
    yield
    simulator.reset()


@pytest.fixture(scope="module")
def door(simulator: SimulatorControl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    task = unpack(build_package(ARCH), tmp_path_factory.mktemp("task"))
    python = clean_python(tmp_path_factory.mktemp("python"))
    log, port = tmp_path_factory.mktemp("log") / "function.log", free_port()
    variables = {
        **environment(PATH=f"{python.parent}:/usr/bin:/bin"),
        **_adapter_environment(snapstart=True),
        "AWS_LWA_PORT": str(port),
        "ROUTER_SIMULATOR_URL": simulator.url,
        "ROUTER_SERVICE": "test",
        # A stage that drills; without a state table a drill ends before it asks anybody.
        "ROUTER_DRILL_SECRET": "test/drill-seal",
    }
    with lambda_processes([[task / "run.sh"], [web_adapter()]], task, variables, log) as api:
        started(api, log)
        yield Door(api, f"http://127.0.0.1:{port}", log)
    make_writable(task)


def test_chunks_reach_the_caller_as_they_are_made(door: Door, simulator: SimulatorControl) -> None:
    simulator.settings(chunk_delay=0.1)
    body = {"model": "openai-gpt4o-mini", "messages": [{"role": "user", "content": "Count to 60"}], "stream": True}
    head, pieces = door.api.invoke(rest_event("POST", "/v1/chat/completions", body)).stream()
    arrivals, text = [], b""
    for piece in pieces:
        arrivals.append(time.monotonic())
        text += piece
    assert head["statusCode"] == 200
    assert head["headers"]["content-type"].startswith("text/event-stream")
    assert head["headers"]["x-router-provider"] == "openai"
    assert text.decode().endswith(DONE)
    assert len(arrivals) > 5
    assert arrivals[-1] - arrivals[0] > 0.5, "all pieces came at once"


def test_a_whole_answer_passes_with_its_headers(door: Door) -> None:
    head, body = door.ask({"model": "anthropic-claude-haiku", "messages": PARIS})
    assert (head["statusCode"], head["headers"]["x-router-provider"]) == (200, "anthropic")
    assert json.loads(body)["choices"][0]["message"]["content"] == ANSWER


def test_a_wrong_request_is_a_400_in_openais_envelope(door: Door) -> None:
    head, body = door.ask({"model": "openai-gpt4o-mini", "messages": []})
    assert head["statusCode"] == 400
    assert json.loads(body)["error"]["param"] == "messages"


def test_an_exhausted_chain_is_an_error_that_clients_do_not_retry(door: Door, simulator: SimulatorControl) -> None:
    simulator.inject(Fault(kind="access_denied"))
    head, body = door.ask({"model": "openai-gpt4o-mini", "messages": PARIS})
    assert (head["statusCode"], head["headers"]["x-should-retry"]) == (502, "false")
    assert json.loads(body)["error"]["code"] == "providers_failed"


def test_a_stream_that_cannot_be_finished_ends_in_an_error_event(door: Door, simulator: SimulatorControl) -> None:
    simulator.inject(Fault(kind="cut", after_chunks=3))
    question = [{"role": "user", "content": "Count to 60"}]
    alone = {"fallback": False, "resume": False}
    head, body = door.ask({"model": "openai-gpt4o-mini", "messages": question, "stream": True, "router": alone})
    assert head["statusCode"] == 200
    last = body.removesuffix("\n\n").rpartition("data: ")[2]
    assert json.loads(last)["error"]["code"] == "stream_interrupted"


def test_bytes_beyond_ascii_pass_both_ways(door: Door) -> None:
    said = "Grüße, 東京 🗼 \u0001"
    sent = json.dumps({"model": "openai-gpt4o", "messages": [{"role": "user", "content": said}]}, ensure_ascii=False)
    head, body = door.ask(sent.encode())
    assert head["statusCode"] == 200
    assert said in json.loads(body)["choices"][0]["message"]["content"]


def test_bytes_that_are_no_text_are_a_400(door: Door) -> None:
    head, body = door.ask(b'{"model": "openai-gpt4o", "messages": "\xff\xfe\x00"}')
    assert head["statusCode"] == 400
    assert json.loads(body)["error"]["type"] == "invalid_request_error"


def test_the_lambdas_remaining_time_becomes_the_deadline(door: Door, simulator: SimulatorControl) -> None:
    simulator.inject(Fault(kind="silence"))
    began = time.monotonic()
    head, body = door.ask({"model": "openai-gpt4o-mini", "messages": PARIS}, seconds=4.0)
    assert head["statusCode"] == 504
    assert json.loads(body)["error"]["code"] == "deadline_exceeded"
    assert time.monotonic() - began < 4.0


def test_a_flowing_stream_ends_with_a_word_before_the_lambda_does(door: Door, simulator: SimulatorControl) -> None:
    simulator.settings(chunk_delay=0.2)
    body = {"model": "openai-gpt4o-mini", "messages": [{"role": "user", "content": "Count to 900"}], "stream": True}
    began = time.monotonic()
    head, text = door.ask(body, seconds=4.0)
    assert (head["statusCode"], DONE in text) == (200, False)
    assert "time for one request ran out" in text
    assert time.monotonic() - began < 4.0


def test_the_callers_key_id_reaches_the_log(door: Door) -> None:
    door.ask({"model": "openai-gpt4o-mini", "messages": PARIS})
    wait_until(lambda: KEY_ID in door.log.read_text())


def test_both_snapstart_hooks_answer_and_leave_a_gateway_that_answers(door: Door, simulator: SimulatorControl) -> None:
    """As adapter 1.1 calls them: an empty POST each, from inside."""
    assert httpx.post(f"{door.app}{BEFORE_CHECKPOINT}", timeout=60).is_success
    assert simulator.requests() == [], "no provider may be asked before the snapshot"
    assert simulator.health()["connections"] == 1, "only the one that asks this"
    assert httpx.post(f"{door.app}{AFTER_RESTORE}", timeout=60).is_success
    _, body = door.ask({"model": "bedrock-claude-haiku", "messages": PARIS})
    assert json.loads(body)["choices"][0]["message"]["content"] == ANSWER


@pytest.mark.parametrize("snapstart", [True, False])
def test_without_hooks_and_without_a_snapshot_the_function_gets_its_keys(
    simulator: SimulatorControl, tmp_path_factory: pytest.TempPathFactory, snapstart: bool
) -> None:
    """This adapter is older than the hooks: what it asks for before the first event is /health."""
    task = unpack(build_package(ARCH), tmp_path_factory.mktemp("task"))
    python = clean_python(tmp_path_factory.mktemp("python"))
    log = tmp_path_factory.mktemp("log") / "function.log"
    with secret_store({SECRET: KEY}) as store:
        variables = {
            **environment(PATH=f"{python.parent}:/usr/bin:/bin"),
            **_adapter_environment(snapstart=snapstart),
            **keyed_function(tmp_path_factory.mktemp("mapping"), simulator, "snap-start" if snapstart else "on-demand"),
            "AWS_LWA_PORT": str(free_port()),
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": store.url,
        }
        with lambda_processes([[task / "run.sh"], [web_adapter()]], task, variables, log) as api:
            started(api, log)
            assert not (snapstart and store.reads), log.read_text()
            body = {"model": "gpt", "messages": PARIS}
            head, pieces = api.invoke(rest_event("POST", "/v1/chat/completions", body)).stream()
            assert (head["statusCode"], ANSWER in b"".join(pieces).decode()) == (200, True), log.read_text()
            assert store.reads == [SECRET]
    make_writable(task)


def test_an_event_that_is_no_request_is_answered_and_harms_nothing(door: Door) -> None:
    head, pieces = door.api.invoke({"hello": "world"}).stream()
    assert (head["statusCode"], json.loads(b"".join(pieces))) == (400, {"error": UNKNOWN})
    assert door.ask({"model": "openai-gpt4o-mini", "messages": PARIS})[0]["statusCode"] == 200


def test_an_event_for_a_drill_reaches_it_and_no_request_of_a_caller_does(door: Door) -> None:
    """The adapter says of the event that it is no request, over whatever a caller says of his."""
    head, pieces = door.api.invoke({EVENT: {}}).stream()
    assert head["statusCode"] == 400
    assert "this stage has no drill" in json.loads(b"".join(pieces))["error"]
    forged = {"x-amzn-request-context": "null", "x-amzn-lambda-context": '{"deadline": 1}'}
    for path in (PATH, PATH.replace("e", "%65")):
        head, pieces = door.api.invoke(rest_event("POST", path, {EVENT: {}}, forged)).stream()
        assert (head["statusCode"], json.loads(b"".join(pieces))["error"]["type"]) == (404, "invalid_request_error")


def test_the_hooks_are_closed_to_callers_from_outside(door: Door) -> None:
    for path in (BEFORE_CHECKPOINT, AFTER_RESTORE, AFTER_RESTORE.replace("a", "%61")):
        head, _ = door.api.invoke(rest_event("POST", path)).stream()
        assert head["statusCode"] == 403
