"""What `litellm.Router` does by itself, as docs/comparison.md has it: `python -m tests.support.litellm_alone URL`.

A process of its own, because the adapter changes the library for its whole process. Prints one JSON object.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from typing import Any

from local.simulator import Fault, SimulatorControl

MESSAGES = [{"role": "user", "content": "Count to 20"}]
CALL_TIMEOUT = 0.5
LIMIT = 40.0


def main() -> None:
    # Without this the import asks the internet for a price map.
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    import litellm  # noqa: PLC0415 - after the line above

    simulator = SimulatorControl(sys.argv[1])
    findings = asyncio.run(asyncio.wait_for(_findings(litellm, simulator), LIMIT))
    sys.stdout.write(json.dumps(findings))


async def _findings(litellm: Any, simulator: SimulatorControl) -> dict[str, Any]:
    return {
        "silent": await _silent(litellm, simulator),
        "cut_before_text": await _cut(litellm, simulator, after_chunks=0),
        "cut_after_text": await _cut(litellm, simulator, after_chunks=8),
    }


def _router(litellm: Any, url: str, **options: Any) -> Any:
    openai = {"model": "openai/gpt-4o", "api_base": f"{url}/openai/v1", "api_key": "sim-openai-key"}
    claude = {"model": "anthropic/claude-sonnet-4-6", "api_base": f"{url}/anthropic", "api_key": "sim-anthropic-key"}
    models = [{"model_name": "first", "litellm_params": openai}, {"model_name": "second", "litellm_params": claude}]
    return litellm.Router(model_list=models, fallbacks=[{"first": ["second"]}], **options)


async def _silent(litellm: Any, simulator: SimulatorControl) -> dict[str, Any]:
    simulator.reset()
    simulator.inject(Fault(kind="silence"))
    began, error = time.monotonic(), ""
    try:
        router = _router(litellm, simulator.url, num_retries=0)
        await router.acompletion(model="first", messages=MESSAGES, timeout=CALL_TIMEOUT)
    except litellm.Timeout as late:
        error = type(late).__name__
    return {"error": error, "seconds": time.monotonic() - began, "requests": len(simulator.requests())}


async def _cut(litellm: Any, simulator: SimulatorControl, *, after_chunks: int) -> dict[str, Any]:
    simulator.reset()
    simulator.inject(Fault(kind="cut", after_chunks=after_chunks), provider="openai")
    text, error = "", ""
    stream = await _router(litellm, simulator.url).acompletion(model="first", messages=MESSAGES, stream=True)
    try:
        async for chunk in stream:
            text += chunk.choices[0].delta.content or ""
    except litellm.APIConnectionError as broken:
        error = type(broken).__name__
    return {"error": error, "text": text, "asked": [record.provider for record in simulator.requests()]}


if __name__ == "__main__":
    main()
