"""One deployment for all of it: the slowest part, and an operator has only one too."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from openai import OpenAI

from litellm_fallback_router.adapters.secrets_manager import RETRY
from tests.support.deployed import Deployed, deployed_gateway
from tests.support.live_stage import LiveStage, live_stage

ENVIRONMENTS = 2
"""How many there are at most, with so many requests at the same time."""
USED_WITHIN = 30.0
"""Seconds in which a secret that is due is read, behind a request."""


@pytest.fixture(scope="session")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """Deployed a moment ago: no provider's key is stored yet."""
    with deployed_gateway(tmp_path_factory.mktemp("aws")) as gateway:
        yield gateway


@pytest.fixture(scope="session")
def stored(fresh: Deployed) -> tuple[Deployed, float]:
    """With the providers' keys, and when they were stored. An environment may have seen that there was none."""
    fresh.store_keys()
    return fresh, time.monotonic()


@pytest.fixture(scope="session")
def deployed(stored: tuple[Deployed, float]) -> Deployed:
    """With the providers' keys, which every environment knows: one that found none looks again after RETRY."""
    gateway, since = stored
    time.sleep(max(0.0, since + RETRY - time.monotonic()))
    client, until = gateway.client(gateway.new_key()), time.monotonic() + USED_WITHIN
    while time.monotonic() < until:
        with ThreadPoolExecutor(ENVIRONMENTS) as pool:
            providers = set(pool.map(_provider, [client] * ENVIRONMENTS))
        if providers == {"openai"}:
            return gateway
    raise AssertionError(f"a stored key was not used within {RETRY + USED_WITHIN:g} s")


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveStage]:
    """A stage whose mapping can be changed without a deployment, with the providers' keys."""
    with live_stage(tmp_path_factory.mktemp("live")) as stage:
        yield stage


def _provider(client: OpenAI) -> str:
    """Who answered."""
    raw = client.chat.completions.with_raw_response.create(
        model="openai-gpt4o", messages=[{"role": "user", "content": "What is the capital of France?"}]
    )
    return str(raw.headers["x-router-provider"])
