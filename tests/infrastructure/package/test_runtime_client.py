"""The zip under Lambda's own runtime interface client, with nothing else beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.simulator import Fault, SimulatorControl
from tests.support.lambda_process import lambda_processes, started
from tests.support.packaged import environment
from tests.support.rest_events import rest_event
from tests.support.runtime_api import RuntimeApi

HANDLER = "litellm_fallback_router.entrypoints.lambda_handler.handler"
PARIS = [{"role": "user", "content": "What is the capital of France?"}]
ANSWER = "Paris is the capital of France."


@pytest.fixture(scope="module")
def function(
    unpacked: Path, runtime: Path, simulator: SimulatorControl, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RuntimeApi]:
    log = tmp_path_factory.mktemp("log") / "function.log"
    variables = environment(PYTHONPATH=str(unpacked), ROUTER_SIMULATOR_URL=simulator.url)
    with lambda_processes([[runtime, "-m", "awslambdaric", HANDLER]], unpacked, variables, log) as api:
        started(api, log)
        yield api


@pytest.fixture(autouse=True)
def no_faults(simulator: SimulatorControl) -> Iterator[None]:
    yield
    simulator.reset()


def test_the_first_answer_comes_from_the_zip_alone(function: RuntimeApi) -> None:
    event = rest_event("POST", "/v1/chat/completions", {"model": "openai-gpt4o-mini", "messages": PARIS})
    answer = function.invoke(event).answer()
    assert (answer["statusCode"], answer["isBase64Encoded"]) == (200, False)
    assert json.loads(answer["body"])["choices"][0]["message"]["content"] == ANSWER
    assert answer["headers"]["x-router-provider"] == "openai"


def test_a_second_invocation_uses_the_connections_of_the_first(
    function: RuntimeApi, simulator: SimulatorControl
) -> None:
    event = rest_event("POST", "/ask", {"question": PARIS[0]["content"], "primary_model": "anthropic-claude-haiku"})
    assert function.invoke(event).answer()["statusCode"] == 200
    connections = simulator.health()["connections"]
    assert function.invoke(event).answer()["statusCode"] == 200
    assert simulator.health()["connections"] == connections


def test_a_stream_is_answered_whole(function: RuntimeApi) -> None:
    body = {"model": "bedrock-claude-haiku", "messages": PARIS, "stream": True}
    answer = function.invoke(rest_event("POST", "/v1/chat/completions", body)).answer()
    assert answer["headers"]["content-type"].startswith("text/event-stream")
    assert answer["body"].endswith("data: [DONE]\n\n")


def test_an_error_is_in_openais_envelope(function: RuntimeApi) -> None:
    answer = function.invoke(rest_event("POST", "/v1/chat/completions", b"\x00\xff not JSON")).answer()
    assert answer["statusCode"] == 400
    assert json.loads(answer["body"])["error"]["type"] == "invalid_request_error"


def test_the_lambdas_remaining_time_becomes_the_deadline(function: RuntimeApi, simulator: SimulatorControl) -> None:
    simulator.inject(Fault(kind="silence"))
    event = rest_event("POST", "/v1/chat/completions", {"model": "openai-gpt4o-mini", "messages": PARIS})
    answer = function.invoke(event, seconds=3.0).answer()
    assert answer["statusCode"] == 504
    assert json.loads(answer["body"])["error"]["code"] == "deadline_exceeded"


def test_a_callers_own_context_header_is_ignored(function: RuntimeApi) -> None:
    forged = {"x-amzn-lambda-context": '{"deadline": 1}'}
    event = rest_event("POST", "/v1/chat/completions", {"model": "openai-gpt4o-mini", "messages": PARIS}, forged)
    assert function.invoke(event).answer()["statusCode"] == 200


def test_both_hooks_run_around_a_snapshot_and_the_restored_function_answers(
    unpacked: Path, runtime: Path, simulator: SimulatorControl, tmp_path: Path
) -> None:
    log = tmp_path / "function.log"
    variables = environment(
        PYTHONPATH=str(unpacked), ROUTER_SIMULATOR_URL=simulator.url, AWS_LAMBDA_INITIALIZATION_TYPE="snap-start"
    )
    with lambda_processes([[runtime, "-m", "awslambdaric", HANDLER]], unpacked, variables, log) as api:
        assert api.snapshot_taken.wait(60), log.read_text()[-4000:]
        assert not api.ready.is_set()
        assert simulator.requests() == [], "no provider may be asked before the snapshot"
        api.restored.set()
        started(api, log)
        event = rest_event("POST", "/v1/chat/completions", {"model": "openai-gpt4o-mini", "messages": PARIS})
        assert json.loads(api.invoke(event).answer()["body"])["choices"][0]["message"]["content"] == ANSWER
    assert "Traceback" not in log.read_text()
