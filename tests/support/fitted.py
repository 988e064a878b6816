"""What providers really get of requests that their APIs do not take as they come: made fit before LiteLLM sees it,
and said. Each case is sent whole and streamed to each kind of deployment that ships."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, replace
from typing import Any

from litellm_fallback_router.adapters.price_map import describe
from litellm_fallback_router.engine import Engine
from litellm_fallback_router.mapping import ROUTER_STYLE_MAPPING
from litellm_fallback_router.routing.mapping import load_config
from litellm_fallback_router.routing.plan.health import Health
from litellm_fallback_router.routing.plan.planner import Candidate, plan
from litellm_fallback_router.routing.types import ChatRequest, Message
from litellm_fallback_router.simulated import simulated
from local.simulator import SimulatorControl

CLAUDE, CLAUDE_ON_BEDROCK = "anthropic-claude-sonnet", "bedrock-claude-sonnet"
HAIKU, HAIKU_ON_BEDROCK = "anthropic-claude-haiku", "bedrock-claude-haiku"
NOVA, LLAMA, OPENAI = "bedrock-nova", "bedrock-llama", "openai-gpt4o"
TURNS = (CLAUDE, CLAUDE_ON_BEDROCK, HAIKU, HAIKU_ON_BEDROCK, NOVA, LLAMA)
BEDROCK = (CLAUDE_ON_BEDROCK, HAIKU_ON_BEDROCK, NOVA, LLAMA)
INVENTED = ("sanitised", "Please continue", "dummy_tool", "Operator note", "litellm_unnamed")
"""Words that LiteLLM puts into requests."""
ASK: Message = {"role": "user", "content": "What is the weather in Ulm?"}
PLACE = {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]}


def says(content: Any, **more: Any) -> Message:
    return {"role": "assistant", "content": content, **more}


def calls(arguments: str = '{"place": "Ulm"}', *, name: str = "look_up", call_id: str = "call_1") -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def result(content: Any = "Rain", *, call_id: str = "call_1") -> Message:
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def tool(schema: Any = PLACE, *, name: str = "look_up") -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": schema}}


def called(**more: Any) -> list[Message]:
    return [ASK, says(None, tool_calls=[calls(**more)]), result(call_id=more.get("call_id", "call_1"))]


@dataclass(frozen=True)
class SentAnswer:
    bodies: list[Any]
    adjusted: tuple[str, ...]

    @property
    def body(self) -> Any:
        first, *others = self.bodies
        assert all({**other, "stream": None} == {**first, "stream": None} for other in others)
        return first

    @property
    def text(self) -> str:
        return json.dumps(self.body, ensure_ascii=False)


def candidate(simulator: SimulatorControl, name: str, messages: list[Message], params: dict[str, Any]) -> Candidate:
    """Raises ValueError with the reason where the deployment is passed over."""
    config = simulated(load_config(ROUTER_STYLE_MAPPING, describe), simulator.url)
    config = replace(config, chains={name: (name,)})
    decided = plan(ChatRequest(name, messages, params), config, Health(), random.Random(1))
    if not decided.candidates:
        raise ValueError(decided.dropped[0].reason)
    return decided.candidates[0]


async def sent(simulator: SimulatorControl, name: str, messages: list[Message], **params: Any) -> SentAnswer:
    """What the deployment got, whole and streamed; the provider accepted both."""
    chosen = candidate(simulator, name, messages, params)
    provider = Engine(lambda place: place.api_key)
    simulator.clear_requests()
    await provider.complete(chosen.deployment, chosen.messages, chosen.params)
    assert [chunks async for chunks in provider.stream(chosen.deployment, chosen.messages, chosen.params)]
    bodies = [request.body for request in simulator.requests()]
    assert bodies
    written = json.dumps(bodies)
    assert [words for words in INVENTED if words in written] == []
    return SentAnswer([{k: v for k, v in body.items() if k != "stream_options"} for body in bodies], chosen.adjusted)
