"""Which requests a fault hits and how often, and which faults are refused for making no sense."""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from local.simulator import Fault, Simulator

Wire = Any  # see conftest


async def test_flapping_fails_and_recovers_in_turns(wire: Wire) -> None:
    wire.sim.inject(Fault(kind="flapping", down=2, up=1, status=500))
    assert [(await wire.ask()).status for _ in range(6)] == [500, 500, 200, 500, 500, 200]


async def test_a_fault_hits_only_its_model_region_and_form(wire_to: Callable[[str], Wire]) -> None:
    wire = wire_to("bedrock")
    model = "us.anthropic.claude-sonnet-4-6"
    fault = Fault(kind="status", status=500)
    wire.sim.inject(fault, provider="bedrock", model=model, region="us-east-1", stream=False)
    assert (await wire.ask(model=model)).status == 500
    assert (await wire.ask(model=model, region="us-west-2")).status == 200
    assert (await wire.ask(model=model, stream=True)).status == 200
    assert (await wire.ask()).status == 200
    assert (await wire_to("openai").ask()).status == 200


async def test_a_model_is_matched_by_its_decoded_name(wire_to: Callable[[str], Wire]) -> None:
    wire = wire_to("bedrock")
    wire.sim.inject(Fault(kind="quota"), model="us.anthropic.claude-haiku-4-5-20251001-v1:0")
    assert (await wire.ask()).status == 429


async def test_the_first_rule_that_is_not_used_up_acts_alone(wire: Wire) -> None:
    wire.sim.inject(Fault(kind="status", status=500), times=1)
    wire.sim.inject(Fault(kind="status", status=503), times=1)
    assert [(await wire.ask()).status for _ in range(3)] == [500, 503, 200]


async def test_skip_lets_requests_pass_first(wire: Wire) -> None:
    wire.sim.inject(Fault(kind="status", status=500), skip=2, times=1)
    assert [(await wire.ask()).status for _ in range(4)] == [200, 200, 500, 200]


async def test_every_acts_on_the_last_of_so_many(wire: Wire) -> None:
    wire.sim.inject(Fault(kind="status", status=500), skip=1, every=3, times=2)
    assert [(await wire.ask()).status for _ in range(11)] == [200, 200, 200, 500, 200, 200, 500, 200, 200, 200, 200]


async def test_probability_repeats_with_its_seed(wire: Wire) -> None:
    runs = []
    for _ in range(2):
        wire.sim.reset()
        wire.sim.inject(Fault(kind="status", status=500), probability=0.5, seed=7)
        runs.append([(await wire.ask()).status for _ in range(12)])
    assert runs[0] == runs[1]
    assert set(runs[0]) == {200, 500}


async def test_a_refused_request_uses_up_no_fault(wire_to: Callable[[str], Wire]) -> None:
    wire = wire_to("openai")
    wire.sim.inject(Fault(kind="status", status=500), times=1)
    assert (await wire.ask(model="no-such-model")).status == 404
    assert (await wire.ask()).status == 500


async def test_reset_drops_faults_log_and_changed_settings(wire: Wire, sim: Simulator) -> None:
    sim.inject(Fault(kind="quota"))
    sim.settings.latency = 30
    sim.reset()
    assert (await wire.ask()).status == 200
    assert len(sim.requests) == 1
    assert sim.settings.latency == 0


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"kind": "status"}, "a 'status' fault needs status"),
        ({"kind": "reset", "seconds": 1}, "a 'reset' fault does not read seconds; it takes nothing"),
        ({"kind": "flapping", "down": 1}, "a 'flapping' fault needs up"),
        ({"kind": "status", "status": 200}, "greater than or equal to 400"),
        ({"kind": "meteor"}, "Input should be 'status'"),
        ({"kind": "cut", "chunks": 3}, "Extra inputs are not permitted"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(given: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Fault.model_validate(given)
