from __future__ import annotations

from collections.abc import Iterator

import pytest
from openai import OpenAI

from litellm_fallback_router.engine import provider
from litellm_fallback_router.engine.acompletion import pieces
from local.simulator import SimulatorControl, simulator_process
from tests.support.gateway import Gateway


@pytest.fixture(scope="session")
def simulator() -> Iterator[SimulatorControl]:
    with simulator_process() as control:
        yield control


@pytest.fixture
def client(gateway: Gateway, simulator: SimulatorControl) -> Iterator[OpenAI]:
    """OpenAI's client for the gateway of the file; the providers have no faults and no past."""
    simulator.reset()
    with gateway.client() as made:
        yield made
    simulator.reset()


@pytest.fixture
def late_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for the usage behind an answer for as long as a busy machine takes."""
    for module in (provider, pieces):
        monkeypatch.setattr(module, "USAGE_SECONDS", 60.0)
