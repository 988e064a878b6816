"""Anthropic's client and the real gateway to all three providers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from anthropic import Anthropic

from local.simulator import SimulatorControl
from tests.support.gateway import Gateway
from tests.support.three_providers import gateway_to_all


@pytest.fixture(scope="session")
def gateway(simulator: SimulatorControl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with gateway_to_all(simulator, tmp_path_factory.mktemp("messages")) as running:
        yield running


@pytest.fixture
def client(gateway: Gateway, simulator: SimulatorControl) -> Iterator[Anthropic]:
    simulator.reset()
    with Anthropic(base_url=gateway.url, api_key="none", max_retries=0, timeout=60.0) as made:
        yield made
