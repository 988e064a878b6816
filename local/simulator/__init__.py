"""OpenAI, Anthropic and Bedrock on loopback: real wire formats, strict requests, faults on command.

    async with Simulator() as simulator:
        simulator.inject(Fault(kind="status", status=503), provider="openai", times=2)

or as a process: `with simulator_process() as control: control.inject(...)`.

Point clients at `URL/openai/v1`, `URL/anthropic` and `URL/bedrock`. Each provider takes the keys in `Settings`.
"""

from local.simulator.client import SimulatorControl, simulator_process
from local.simulator.faults import Fault, Rule
from local.simulator.record import RequestRecord
from local.simulator.server import Simulator
from local.simulator.settings import AWS_ACCESS_KEY_ID, Settings

__all__ = [
    "AWS_ACCESS_KEY_ID",
    "Fault",
    "RequestRecord",
    "Rule",
    "Settings",
    "Simulator",
    "SimulatorControl",
    "simulator_process",
]
