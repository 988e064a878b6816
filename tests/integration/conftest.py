from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.simulator import SimulatorControl, simulator_process


@pytest.fixture(scope="session")
def simulator() -> Iterator[SimulatorControl]:
    with simulator_process() as control:
        yield control
