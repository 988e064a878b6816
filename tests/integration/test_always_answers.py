"""A gateway under several troubles at once: who could answer does, and in time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai import OpenAI

from local.simulator import Fault, SimulatorControl
from tests.support.gateway import Gateway, gateway_process

PARIS: Any = [{"role": "user", "content": "What is the capital of France?"}]
BEHIND = ("second", "third", "fourth", "fifth")


@pytest.fixture(scope="module")
def gateway(simulator: SimulatorControl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    names = ("first", *BEHIND, "mute", "spare")
    mapping = {
        "model_list": [
            {"model_name": name, "litellm_provider": "openai", "params": {"model": f"sim-{name}"}} for name in names
        ],
        "fallbacks": {"first": list(BEHIND), "mute": ["spare"]},
        "settings": {"circuit_open_seconds": 60.0},
    }
    with gateway_process(tmp_path_factory.mktemp("gateway"), mapping, simulator_url=simulator.url) as running:
        yield running


def test_healthy_models_whose_circuits_are_still_open_answer_when_the_first_one_fails(
    client: OpenAI, simulator: SimulatorControl
) -> None:
    for name in BEHIND:
        simulator.inject(Fault(kind="status", status=503), model=f"sim-{name}")
    for name in BEHIND:
        with pytest.raises(openai.InternalServerError):
            client.chat.completions.create(model=name, messages=PARIS)
    simulator.reset()
    simulator.inject(Fault(kind="status", status=502), model="sim-first")
    raw = client.chat.completions.with_raw_response.create(model="first", messages=PARIS)
    assert raw.headers["x-router-model"] == "sim-second"
    assert [request.model for request in simulator.requests()] == ["sim-first", "sim-first", "sim-second"]


@pytest.mark.parametrize("streaming", [False, True])
def test_a_silent_primary_costs_only_the_first_of_the_callers_in_a_hurry(
    client: OpenAI, simulator: SimulatorControl, streaming: bool
) -> None:
    simulator.inject(Fault(kind="silence"), model="sim-mute")
    for _ in range(4):
        answer = client.chat.completions.create(
            model="mute", messages=PARIS, stream=streaming, extra_headers={"x-router-timeout-ms": "4000"}
        )
        if streaming:
            assert len(list(answer)) > 1
    assert [request.model for request in simulator.requests()] == ["sim-mute", *["sim-spare"] * 4]


def test_limits_of_milliseconds_leave_no_warning_in_the_log(gateway: Gateway, client: OpenAI) -> None:
    for limit in (1, 1, 2, 3, 5, 8, 1, 2, 4, 6):
        for streaming in (False, True):
            try:
                client.chat.completions.create(
                    model="spare", messages=PARIS, stream=streaming, extra_headers={"x-router-timeout-ms": str(limit)}
                )
            except openai.APIStatusError as late:
                assert late.status_code == 504
                assert "within 0.0 s" not in str(late)
    assert "Warning" not in gateway.log.read_text()
