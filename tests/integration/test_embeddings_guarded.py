"""Embeddings under a guardrail: what it masks is embedded masked, and what it blocks or cannot read is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai import OpenAI

from local.simulator import SimulatorControl
from tests.support.gateway import Gateway, gateway_process


@pytest.fixture(scope="module")
def gateway(simulator: SimulatorControl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    mapping: dict[str, Any] = {
        "model_list": [{"model_name": "vectors", "params": {"model": "openai/text-embedding-3-small"}}],
        "guardrail": {"id": "simguard", "version": 1, "region": "us-east-1"},
    }
    folder = tmp_path_factory.mktemp("guarded-embeddings")
    with gateway_process(folder, mapping, simulator_url=simulator.url) as running:
        yield running


def embedded(simulator: SimulatorControl) -> list[Any]:
    return [record.body["input"] for record in simulator.requests() if record.provider == "openai"]


def test_what_is_masked_is_embedded_masked(client: OpenAI, simulator: SimulatorControl) -> None:
    texts = ["My mail is jane@example.com", "harmless"]
    raw = client.embeddings.with_raw_response.create(model="vectors", input=texts)
    assert len(raw.parse().data) == 2
    assert embedded(simulator) == [["My mail is {EMAIL}", "harmless"]]
    assert raw.headers["x-router-guardrail"] == "masked"


def test_what_is_blocked_is_not_embedded(client: OpenAI, simulator: SimulatorControl) -> None:
    with pytest.raises(openai.BadRequestError) as blocked:
        client.embeddings.create(model="vectors", input="I want forbidden fruit")
    assert blocked.value.code == "content_filter"
    assert embedded(simulator) == []


def test_tokens_cannot_be_read(client: OpenAI, simulator: SimulatorControl) -> None:
    with pytest.raises(openai.BadRequestError, match=r"the guardrail cannot read input \(tokens\)"):
        client.embeddings.create(model="vectors", input=[1, 2, 3])
    assert embedded(simulator) == []
