"""The real gateway under one of the simulator's guardrails, and what went back and forth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from openai import OpenAI

from litellm_fallback_router.mapping import ROUTER_STYLE_MAPPING
from local.simulator import SimulatorControl
from tests.support.gateway import Gateway, gateway_process

BOTH = pytest.mark.parametrize("streaming", [False, True], ids=["whole", "stream"])
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


@contextmanager
def guarded(
    simulator: SimulatorControl,
    folder: Any,
    *,
    settings: Mapping[str, Any] | None = None,
    env: Mapping[str, str] | None = None,
    **guardrail: Any,
) -> Iterator[Gateway]:
    own = {"id": "simguard", "version": 1, "region": "us-east-1", "stream_window": 200, **guardrail}
    mapping = {**ROUTER_STYLE_MAPPING, "settings": {"circuit_failures": 2, **(settings or {})}, "guardrail": own}
    with gateway_process(folder, mapping, simulator_url=simulator.url, env=env) as running:
        yield running


def ask(client: OpenAI, text: str, model: str = "openai-gpt4o", **more: Any) -> Any:
    return client.chat.completions.with_raw_response.create(
        model=model, messages=[{"role": "user", "content": text}], **more
    )


def streamed(client: OpenAI, text: str, model: str = "openai-gpt4o", **more: Any) -> tuple[str, list[str], Any]:
    """Text, finish reasons and the last chunk's `router`."""
    chunks = list(
        client.chat.completions.create(model=model, messages=[{"role": "user", "content": text}], stream=True, **more)
    )
    said = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    reasons = [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason]
    return said, reasons, (chunks[-1].model_extra or {}).get("router")


def asked(simulator: SimulatorControl) -> list[Any]:
    """The bodies that providers got."""
    return [
        r.body
        for r in simulator.requests()
        if r.provider != "s3" and "/guardrail/" not in r.path and "/prompts/" not in r.path
    ]


def verdicts(simulator: SimulatorControl) -> list[Any]:
    return [r.body for r in simulator.requests() if "/guardrail/" in r.path]


def said_to(
    client: OpenAI, messages: Any, model: str = "openai-gpt4o", *, streaming: bool, **more: Any
) -> tuple[str, str]:
    """The first choice's text and finish reason."""
    answer: Any = client.chat.completions.create(model=model, messages=messages, stream=streaming, **more)
    if not streaming:
        choice = answer.choices[0]
        return choice.message.content or "", choice.finish_reason
    choices = [c.choices[0] for c in answer if c.choices]
    (reason,) = [c.finish_reason for c in choices if c.finish_reason]
    return "".join(c.delta.content or "" for c in choices), reason


def user(content: Any) -> list[Any]:
    return [{"role": "user", "content": content}]
