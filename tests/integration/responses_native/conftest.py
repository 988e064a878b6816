"""OpenAI's client and the real gateway to OpenAI's own Responses API, with Claude behind it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.simulator import SimulatorControl
from tests.support.gateway import Gateway, gateway_process
from tests.support.responses_native import mapping


@pytest.fixture(scope="session")
def gateway(simulator: SimulatorControl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with gateway_process(tmp_path_factory.mktemp("native"), mapping(), simulator_url=simulator.url) as running:
        yield running
