"""AgentCore's events through the zip under Lambda's own runtime interface client, with nothing else beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from infra.function import TOOL_DOOR
from infra.lambda_package import build_package
from local.simulator import Fault, SimulatorControl
from tests.support.agentcore_events import EVENTS
from tests.support.lambda_process import lambda_processes, started
from tests.support.packaged import ARCH, environment, make_writable, unpack
from tests.support.runtime_api import RuntimeApi

PARIS = "Paris is the capital of France."


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The package of the tools, as /var/task."""
    tree = unpack(build_package(ARCH, agent_tools=True), tmp_path_factory.mktemp("tools"))
    yield tree
    make_writable(tree)


@pytest.fixture(scope="module")
def function(
    unpacked: Path, runtime: Path, simulator: SimulatorControl, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RuntimeApi]:
    log = tmp_path_factory.mktemp("log") / "function.log"
    variables = environment(PYTHONPATH=str(unpacked), ROUTER_SIMULATOR_URL=simulator.url)
    with lambda_processes([[runtime, "-m", "awslambdaric", TOOL_DOOR.handler]], unpacked, variables, log) as api:
        started(api, log)
        yield api


@pytest.fixture(autouse=True)
def no_faults(simulator: SimulatorControl) -> Iterator[None]:
    simulator.reset()
    yield
    simulator.reset()


def replay(function: RuntimeApi, name: str, **changed: Any) -> dict[str, Any]:
    """What AgentCore gets for the event in that file, with some arguments `changed`."""
    call: Mapping[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return function.invoke({**call["event"], **changed}, client_context=call["client_context"]).answer()


def test_ask_is_answered(function: RuntimeApi) -> None:
    given = replay(function, "ask")
    assert given["response"] == PARIS
    assert given["provider"].startswith("bedrock:")


def test_chat_completion_is_answered(function: RuntimeApi) -> None:
    given = replay(function, "chat-completion")
    assert given["choices"][0]["message"]["content"] == PARIS
    assert given["router"]["attempts"][0]["outcome"] == "answered"


def test_chain_answers_when_its_first_model_is_down(function: RuntimeApi, simulator: SimulatorControl) -> None:
    simulator.inject(Fault(kind="status", status=503), provider="bedrock")
    given = replay(function, "ask")
    assert (given["response"], given["provider"]) == (PARIS, "openai:gpt-4o-mini")


def test_refusal_is_an_answer_and_no_failure_of_the_function(function: RuntimeApi) -> None:
    assert replay(function, "missing-question")["error"]["param"] == "question"
    assert replay(function, "unknown-tool")["error"]["status"] == 400
    assert replay(function, "ask", max_tokens="many")["error"]["code"] == "invalid_type"


def test_half_of_a_surrogate_pair_is_refused(function: RuntimeApi) -> None:
    assert replay(function, "ask", question="\ud83d")["error"]["code"] == "invalid_json"


def test_both_hooks_run_around_a_snapshot_and_the_restored_function_answers(
    unpacked: Path, runtime: Path, simulator: SimulatorControl, tmp_path: Path
) -> None:
    log = tmp_path / "function.log"
    variables = environment(
        PYTHONPATH=str(unpacked), ROUTER_SIMULATOR_URL=simulator.url, AWS_LAMBDA_INITIALIZATION_TYPE="snap-start"
    )
    with lambda_processes([[runtime, "-m", "awslambdaric", TOOL_DOOR.handler]], unpacked, variables, log) as api:
        assert api.snapshot_taken.wait(60), log.read_text()[-4000:]
        assert simulator.requests() == [], "no provider may be asked before the snapshot"
        api.restored.set()
        started(api, log)
        assert replay(api, "ask")["response"] == PARIS
    assert "Traceback" not in log.read_text()
