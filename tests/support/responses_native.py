"""Requests for responses to a chain with OpenAI's own API in it, and what each model was sent."""

from __future__ import annotations

import json
from typing import Any

from openai import OpenAI
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from local.simulator import SimulatorControl

EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
QUESTION = "What is the capital of France?"
PARIS = "Paris is the capital of France."
SEARCH: Any = {"type": "web_search"}
WEATHER: Any = {
    "type": "function",
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    "strict": False,
}
ENCRYPTED: Any = {"include": ["reasoning.encrypted_content"], "store": False, "reasoning": {"effort": "low"}}


def mapping() -> dict[str, Any]:
    def entry(name: str, provider: str, **params: Any) -> dict[str, Any]:
        return {"model_name": name, "litellm_provider": provider, "params": params}

    return {
        "model_list": [
            entry("thinker", "openai", model="gpt-5.4"),
            entry("other", "openai", model="gpt-5.4-mini"),
            entry("plain", "openai", model="gpt-4o"),
            entry("claude", "anthropic", model="claude-sonnet-4-6"),
        ],
        "fallbacks": {"thinker": ["claude", "other"], "plain": ["claude"]},
        "settings": {"circuit_failures": 100},
    }


def sent(simulator: SimulatorControl, model: str) -> Any:
    return [record.body for record in simulator.requests() if record.model == model][-1]


def adjusted(answer: Any) -> list[list[str]]:
    return [attempt["adjusted"] for attempt in answer.model_extra["router"]["attempts"]]


def checked(client: OpenAI, **body: Any) -> list[Any]:
    events = list(client.responses.create(stream=True, **body))
    for event in events:
        EVENT.validate_python(json.loads(event.to_json()), strict=True)
    assert [event.sequence_number for event in events] == list(range(len(events)))
    return events


def loop(client: OpenAI, model: str, **more: Any) -> list[Any]:
    """A conversation up to the result of a call."""
    history: list[Any] = [{"role": "user", "content": "What is the weather in Ulm?"}]
    answer = client.responses.create(model=model, input=history, tools=[WEATHER], **more)
    call = answer.output[-1]
    assert call.type == "function_call"
    history += [item.to_dict() for item in answer.output]
    return [*history, {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}]
