"""The command line asks the simulator alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.simulator import SimulatorControl


@pytest.fixture(autouse=True)
def only_the_simulator(simulator: SimulatorControl, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("ROUTER_CONFIG", "ROUTER_LOG_LEVEL", "GATEWAY_API_KEYS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ROUTER_SIMULATOR_URL", simulator.url)
    simulator.reset()
    yield
    simulator.reset()
