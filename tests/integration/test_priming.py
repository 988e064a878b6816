"""What a gateway has loaded before its first request: all that the request needs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.simulator import SimulatorControl

HEAVY = ("aiohttp", "boto", "litellm.llms", "openai", "pydantic", "tiktoken")
"""What the requests to some provider import, by the hundred modules."""
ASK_EVERYBODY = """
import asyncio, gc, json, sys
from litellm_fallback_router.bootstrap import build_router
from litellm_fallback_router.priming import prime
from litellm_fallback_router.routing.types import ChatRequest
from litellm_fallback_router.settings import load_settings

settings = load_settings()
asyncio.run(prime(settings))
loaded, frozen = set(sys.modules), gc.get_freeze_count()
bedrock = sys.modules.get("litellm.llms.bedrock.common_utils")
shapes = bedrock and bedrock.get_bedrock_response_stream_shape.cache_info

async def ask():
    async with build_router(settings) as router:
        for name in router.config.chains:
            request = ChatRequest(name, [{"role": "user", "content": "hi"}])
            await router.complete(request)
            async with router.stream(request) as stream:
                async for _ in stream:
                    pass

asyncio.run(ask())
read = shapes and shapes().misses
print(json.dumps([sorted(set(sys.modules) - loaded), frozen, read]))
"""


def model(name: str, provider: str, model: str, **params: str) -> dict[str, object]:
    return {"model_name": name, "litellm_provider": provider, "params": {"model": model, **params}}


@pytest.mark.parametrize("where", ["the provider", "another server"])
def test_the_first_request_loads_next_to_nothing(simulator: SimulatorControl, tmp_path: Path, where: str) -> None:
    simulator.reset()
    models = [
        model("a", "openai", "gpt-4o"),
        model("b", "anthropic", "claude-haiku-4-5"),
        model("c", "bedrock", "us.amazon.nova-2-lite-v1:0", region="us-east-1"),
    ]
    if where == "another server":
        key = "sim-openai-key"
        models = [model("a", "openai", "gpt-4o", api_base=f"{simulator.url}/openai/v1", api_key=key)]
    config = tmp_path / "mapping.json"
    config.write_text(json.dumps({"model_list": models}))
    variables = {**os.environ, "ROUTER_CONFIG": str(config), "ROUTER_SIMULATOR_URL": simulator.url}
    command = [sys.executable, "-c", ASK_EVERYBODY]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    loaded, frozen, read = json.loads(done.stdout)
    assert [name for name in loaded if name.startswith(HEAVY)] == []
    assert len(loaded) < 30
    assert not read, "botocore's model of Bedrock, which no stream needs"
    assert frozen > 100_000, "the collector leaves alone what was loaded"
    simulator.reset()
