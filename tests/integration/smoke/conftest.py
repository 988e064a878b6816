"""A stage that `fallback-router smoke` can be run against."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.simulator import SimulatorControl
from local.simulator.client import simulator_process
from tests.support.commands import Run, command_runner
from tests.support.gateway import Gateway, gateway_process
from tests.support.staged import SERVICE, Staged, mapping_at, stage


@pytest.fixture(scope="session")
def simulator() -> Iterator[SimulatorControl]:
    """Slow enough for a stream to be seen as one."""
    with simulator_process(chunk_delay=0.01) as control:
        yield control


@pytest.fixture(scope="session")
def gateway(simulator: SimulatorControl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """What stands behind the door. OpenAI and Anthropic by their address alone, so that a key can be missing."""
    mapping = mapping_at(simulator.url)
    environment = {"ROUTER_SERVICE": SERVICE, "OPENAI_API_KEY": "sim-openai-key", "AWS_EC2_METADATA_DISABLED": "true"}
    folder = tmp_path_factory.mktemp("behind")
    with gateway_process(folder, mapping, simulator_url=simulator.url, env=environment) as running:
        yield running


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN", "ROUTER_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "x", "DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    return command_runner(monkeypatch, capsys)


@pytest.fixture
def staged(
    gateway: Gateway, simulator: SimulatorControl, run: Run, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Staged]:
    """A parameter is the stage's response_mode."""
    with stage(gateway, mapping_at(simulator.url), run, tmp_path, getattr(request, "param", "stream")) as ready:
        yield ready
    simulator.reset()
