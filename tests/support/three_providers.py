"""The real gateway with models of every provider, what the tests ask them, and what its log must not say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from local.simulator import SimulatorControl
from tests.support.gateway import Gateway, gateway_process

PROVIDERS = ("openai", "anthropic", "bedrock")
PARIS: Any = [{"role": "user", "content": "What is the capital of France?"}]
SECRETS = ("capital of France", "Paris is", "sim-openai-key", "sim-anthropic-key", "sim-bedrock-secret")
LLAMA = "us.meta.llama3-3-70b-instruct-v1:0"


def mapping() -> dict[str, Any]:
    entries = [
        ("openai", "openai", {"model": "gpt-4o"}),
        ("anthropic", "anthropic", {"model": "claude-sonnet-4-6"}),
        ("bedrock", "bedrock", {"model": "us.anthropic.claude-sonnet-4-6", "region": "us-east-1"}),
        ("invoked", "bedrock", {"model": "us.anthropic.claude-sonnet-4-6", "region": "us-east-1"}),
        ("prefill", "anthropic", {"model": "claude-haiku-4-5"}),
        ("llama", "bedrock", {"model": LLAMA, "region": "us-west-2", "model_info": {"json_schema": False}}),
        ("nova", "bedrock", {"model": "us.amazon.nova-2-lite-v1:0", "region": "us-east-1"}),
        ("doomed", "openai", {"model": "sim-doomed"}),
        ("mute", "openai", {"model": "sim-mute"}),
        ("flaky", "openai", {"model": "sim-flaky"}),
        ("limited", "openai", {"model": "sim-limited", "rpm": 1}),
        ("solid", "anthropic", {"model": "sim-solid"}),
    ]
    return {
        "model_list": [{"model_name": n, "litellm_provider": p, "params": params} for n, p, params in entries],
        "fallbacks": {"flaky": ["solid"], "openai": ["prefill"], "mute": ["solid"], "invoked": ["prefill"]},
        "strategies": {"thrifty": ["llama", "anthropic"]},
        "settings": {"circuit_open_seconds": 1.0},
    }


@contextmanager
def gateway_to_all(simulator: SimulatorControl, folder: Path) -> Iterator[Gateway]:
    """Whatever the tests made of it, in the end its log tells nothing that was said."""
    with gateway_process(folder, mapping(), simulator_url=simulator.url) as running:
        yield running
        assert told_by(running.log.read_text()) == []


def told_by(log: str) -> list[str]:
    """The prompts, answers and keys in it."""
    return [secret for secret in SECRETS if secret in log]
