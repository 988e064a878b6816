"""A simulator that has been sent nothing yet."""

from __future__ import annotations

import pytest

from local.simulator import SimulatorControl


@pytest.fixture
def fresh(simulator: SimulatorControl) -> SimulatorControl:
    simulator.reset()
    return simulator
