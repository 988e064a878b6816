"""Run by a clean interpreter in which the package is the only thing there is: `python -I questions.py TASK URL`.

Asks every provider in every way through the packaged code and prints what came of it, as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

task, url = sys.argv[1:]
sys.path.insert(0, task)

from litellm_fallback_router.bootstrap import build_router  # noqa: E402 - the path comes first
from litellm_fallback_router.routing.router import Router  # noqa: E402 - the path comes first
from litellm_fallback_router.routing.types import ChatRequest, RoutingConstraints  # noqa: E402 - the path comes first
from litellm_fallback_router.settings import Settings  # noqa: E402 - the path comes first

MODELS = {
    "openai": "openai-gpt4o-mini",
    "anthropic": "anthropic-claude-haiku",
    "bedrock": "bedrock-claude-haiku",
    "llama": "bedrock-llama",
    "nova": "bedrock-nova",
}
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = [{"type": "function", "function": {"name": "weather", "description": "Weather now", "parameters": CITY}}]
SCHEMA = {"type": "json_schema", "json_schema": {"name": "place", "schema": CITY}}
WAYS: dict[str, tuple[str, dict[str, Any]]] = {
    "text": ("What is the capital of France?", {}),
    "tools": ("What is the weather in Paris?", {"tools": TOOLS}),
    "schema": ("Name a city.", {"response_format": SCHEMA}),
}
CANNOT = {("llama", "schema")}


async def ask(router: Router, model: str, question: str, params: dict[str, Any], *, stream: bool) -> dict[str, Any]:
    messages = [{"role": "user", "content": question}]
    request = ChatRequest(model, messages, params, constraints=RoutingConstraints(fallback=False))
    if not stream:
        result = await router.complete(request)
        said = [choice["message"] for choice in result.choices]
    else:
        async with router.stream(request) as chunks:
            said = [choice["delta"] async for chunk in chunks for choice in chunk.choices]
        result = chunks.result
    calls = [call["function"] for part in said for call in part.get("tool_calls") or ()]
    return {
        "text": "".join(part.get("content") or "" for part in said),
        "tool": "".join(call.get("name") or "" for call in calls),
        "arguments": "".join(call.get("arguments") or "" for call in calls),
        "cost_usd": result.cost_usd,
        "tokens": result.usage.total_tokens,
        "estimated": result.usage.estimated,
    }


async def main() -> dict[str, Any]:
    router = build_router(Settings(simulator_url=url))
    answers = {
        f"{provider} {way} {'stream' if stream else 'whole'}": await ask(router, model, *WAYS[way], stream=stream)
        for provider, model in MODELS.items()
        for way in WAYS
        if (provider, way) not in CANNOT
        for stream in (False, True)
    }
    await router.aclose()
    return answers


def foreign_modules() -> list[str]:
    """Modules that came from neither the package nor the interpreter itself."""
    own = (task, str(Path(json.__file__).parents[1]), "/var/task")
    files = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    return sorted(file for file in files if file and not file.startswith(own) and file != __file__)


answers = asyncio.run(main())
findings = {"answers": answers, "foreign": foreign_modules()}
print(json.dumps(findings))  # noqa: T201 - what the test reads
