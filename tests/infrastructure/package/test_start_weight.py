"""What the built package loads: at its start, by priming, and nothing after it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from local.simulator import SimulatorControl
from tests.support.packaged import environment

SCRIPT = """
import asyncio, json, sys
task, url = sys.argv[1:]
sys.path.insert(0, task)
from litellm_fallback_router.entrypoints import lambda_web as door, snapstart
stages = [set(sys.modules)]
import httpx

MODELS = ("openai-gpt4o-mini", "anthropic-claude-haiku",
          "bedrock-claude-haiku", "bedrock-nova", "bedrock-llama")

async def main():
    gateway = door._gateway
    async with gateway.router.lifespan_context(gateway):
        stages.append(set(sys.modules))
        await snapstart.before_checkpoint(door._settings)
        stages.append(set(sys.modules))
        transport = httpx.ASGITransport(gateway)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway", timeout=60) as client:
            for model in MODELS:
                for stream in (False, True):
                    messages = [{"role": "user", "content": "What is the capital of France?"}]
                    body = {"model": model, "messages": messages, "stream": stream, "router": {"fallback": False}}
                    answer = await client.post("/v1/chat/completions", json=body)
                    assert answer.status_code == 200, answer.text
        stages.append(set(sys.modules))

asyncio.run(main())
print(json.dumps([sorted(stage) for stage in stages]))
"""


@pytest.fixture(scope="module")
def stages(unpacked: Path, python: Path, simulator: SimulatorControl) -> list[set[str]]:
    """Modules loaded: by the import of the door, with LiteLLM, when primed, after a question to each model."""
    variables = environment(AWS_LAMBDA_FUNCTION_NAME="gateway", ROUTER_SIMULATOR_URL=simulator.url)
    command = [str(python), "-I", "-c", SCRIPT, str(unpacked), simulator.url]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr[-4000:]
    return [set(stage) for stage in json.loads(done.stdout)]


def libraries(modules: Iterable[str]) -> set[str]:
    return {module.partition(".")[0] for module in modules}


def others(modules: set[str]) -> set[str]:
    """Those of other people's: our own are many small files, and each that is divided would count."""
    return {module for module in modules if not module.startswith("litellm_fallback_router")}


def test_the_door_loads_no_sdk_and_nothing_for_a_terminal(stages: list[set[str]]) -> None:
    unasked = {
        "litellm",
        "openai",
        "boto3",
        "botocore",
        "aiohttp",
        "requests",
        "rich",
        "pygments",
        "matplotlib",
        "typer",
    }
    assert not libraries(stages[0]) & unasked
    assert len(others(stages[0])) <= 540, "512 with Python 3.13"


def test_litellm_loads_neither_aws_nor_all_of_openais_api(stages: list[set[str]]) -> None:
    assert not libraries(stages[1]) & {
        "boto3",
        "botocore",
        "rich",
        "pygments",
        "tokenizers",
        "prisma",
        "starlette.testclient",
    }
    assert sum(module.startswith("openai.") for module in stages[1]) <= 430, "372 with openai 2.54"
    assert len(others(stages[1])) <= 2400, "2,309 with litellm 1.106.2"


def test_priming_leaves_next_to_nothing_to_load_for_any_provider(stages: list[set[str]]) -> None:
    assert {"boto3", "tiktoken"} <= libraries(stages[2])
    # The end of a stream, which no closed port reaches.
    streams_end = {"litellm.types.litellm_core_utils", "litellm.types.litellm_core_utils.streaming_chunk_builder_utils"}
    assert {name for name in stages[3] - stages[2] if not name.startswith("anyio._backends")} <= streams_end
