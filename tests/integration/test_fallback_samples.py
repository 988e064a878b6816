"""Answers of fallbacks, through the running gateway into S3; and never more than was asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from litellm_fallback_router.mapping import ROUTER_STYLE_MAPPING
from litellm_fallback_router.simulated import s3
from local.simulator import Fault, SimulatorControl
from tests.support.gateway import Gateway, gateway_process
from tests.support.waiting import wait_until

FOLDER = "s3://sim-bucket/fallbacks"
QUESTION = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is the capital of France?"}]
ANSWER = "Paris is the capital of France."
TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}}
DOWN = Fault(kind="status", status=503)


@contextmanager
def gateway(folder: Path, simulator: SimulatorControl, share: float) -> Iterator[Gateway]:
    mapping = {**ROUTER_STYLE_MAPPING, "settings": {"sample_fallbacks": share, "circuit_failures": 100}}
    env = {"ROUTER_SAMPLES": FOLDER}
    with gateway_process(folder, mapping, simulator_url=simulator.url, env=env) as running:
        yield running


@pytest.fixture(scope="module")
def sampling(simulator: SimulatorControl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Keeps every answer of a fallback."""
    with gateway(tmp_path_factory.mktemp("samples"), simulator, 1.0) as running:
        yield running


@pytest.fixture(autouse=True)
def _clean(simulator: SimulatorControl) -> None:
    simulator.reset()


def kept(simulator: SimulatorControl) -> dict[str, list[dict[str, Any]]]:
    """What is in the bucket: key -> its lines."""
    make: Any = boto3.client
    config = Config(s3={"addressing_style": "path"}, read_timeout=10)
    client = make("s3", region_name="us-east-1", config=config, **s3(simulator.url))
    found = client.list_objects_v2(Bucket="sim-bucket").get("Contents", [])
    texts = {one["Key"]: client.get_object(Bucket="sim-bucket", Key=one["Key"])["Body"].read() for one in found}
    return {key: [json.loads(line) for line in text.splitlines()] for key, text in texts.items()}


def wait_for_samples(simulator: SimulatorControl, count: int = 1) -> dict[str, list[dict[str, Any]]]:
    wait_until(lambda: sum(map(len, kept(simulator).values())) >= count)
    return kept(simulator)


def ask(running: Gateway, **more: Any) -> Any:
    with running.client() as client:
        return client.chat.completions.create(**{"model": "openai-gpt4o", "messages": QUESTION, **more})


def stream(running: Gateway, **more: Any) -> str:
    with running.client() as client:
        chunks = client.chat.completions.create(
            **{"model": "openai-gpt4o", "messages": QUESTION, "stream": True, **more}
        )
        return "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
def test_answer_of_a_fallback_is_kept_in_bedrocks_format(
    sampling: Gateway, simulator: SimulatorControl, streamed: bool
) -> None:
    simulator.inject(DOWN, provider="openai")

    said = stream(sampling) if streamed else ask(sampling).choices[0].message.content

    assert said == ANSWER
    ((key, lines),) = wait_for_samples(simulator).items()
    assert key.startswith("fallbacks/anthropic-claude-sonnet/20")
    assert lines == [
        {
            "prompt": "Be brief.\n\nWhat is the capital of France?",
            "category": "openai-gpt4o",
            "modelResponses": [{"response": ANSWER, "modelIdentifier": "anthropic-claude-sonnet"}],
        }
    ]


def test_nothing_else_is_kept(sampling: Gateway, simulator: SimulatorControl) -> None:
    stream(sampling)
    ask(sampling)
    simulator.inject(Fault(kind="cut", after_chunks=2), provider="openai", stream=True)
    assert stream(sampling) == ANSWER, "continued by another model: nobody's own answer"
    simulator.inject(DOWN, provider="openai")
    weather = [{"role": "user", "content": "What is the weather in Rome?"}]
    assert ask(sampling, messages=weather, tools=[TOOL]).choices[0].finish_reason == "tool_calls"
    # Asked last, so that whatever came before it would be there too.
    ask(sampling, messages=[{"role": "user", "content": "Count to 3"}])

    found = wait_for_samples(simulator)

    assert [line["prompt"] for lines in found.values() for line in lines] == ["Count to 3"]


def test_without_the_setting_nothing_is_kept(tmp_path: Path, simulator: SimulatorControl) -> None:
    with gateway(tmp_path, simulator, 0.0) as running:
        simulator.inject(DOWN, provider="openai")
        ask(running)

    assert kept(simulator) == {}


def test_a_gateway_that_stops_keeps_what_it_still_has(tmp_path: Path, simulator: SimulatorControl) -> None:
    with gateway(tmp_path, simulator, 1.0) as running:
        simulator.inject(DOWN, provider="openai")
        simulator.inject(Fault(kind="slow_first_token", seconds=0.5), provider="s3")
        ask(running)

    assert len(kept(simulator)) == 1


def test_a_bucket_out_of_reach_costs_no_request_anything_and_is_told_without_the_text(
    tmp_path: Path, simulator: SimulatorControl
) -> None:
    with gateway(tmp_path, simulator, 1.0) as running:
        simulator.inject(DOWN, provider="openai")
        simulator.inject(Fault(kind="access_denied"), provider="s3")
        assert ask(running).choices[0].message.content == ANSWER
        wait_until(lambda: "samples of fallbacks are lost" in running.log.read_text())
        log = running.log.read_text()

    assert "samples of fallbacks are lost: AccessDenied" in log
    assert "Paris" not in log
    assert "France" not in log
