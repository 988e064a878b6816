"""A late answer is raced on real sockets: the next candidate answers, and the provider that was late is hung up on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI

from litellm_fallback_router.routing.execution.latencies import ENOUGH
from local.simulator import Fault, SimulatorControl
from tests.support.gateway import Gateway, gateway_process
from tests.support.waiting import wait_until

SLOW = Fault(kind="silence")
"""Nothing comes until the client goes."""
HANGS_UP_WITHIN = 10.0


@pytest.fixture
def gateway(simulator: SimulatorControl, tmp_path: Path) -> Iterator[Gateway]:
    models = [
        {"model_name": "first", "litellm_provider": "openai", "params": {"model": "gpt-4o"}},
        {"model_name": "second", "litellm_provider": "anthropic", "params": {"model": "claude-sonnet-4-6"}},
    ]
    mapping = {
        "model_list": models,
        "fallbacks": {"first": ["second"]},
        "strategies": {"patient": ["first", "second"]},
        "hedge": {"patient": None},
        "settings": {"hedge": {"at_most": 0.05}},
    }
    simulator.reset()
    with gateway_process(tmp_path, mapping, simulator_url=simulator.url) as running:
        yield running
    simulator.reset()


def asked(client: OpenAI, *, stream: bool, model: str = "first") -> tuple[str, dict[str, Any]]:
    """The text, and what the router says of it."""
    question: list[Any] = [{"role": "user", "content": "Count to 5"}]
    explain = {"router": {"explain": True}}
    if not stream:
        answer = client.chat.completions.create(model=model, messages=question, extra_body=explain)
        return answer.choices[0].message.content or "", (answer.model_extra or {})["router"]
    text = ""
    told: dict[str, Any] = {}
    for chunk in client.chat.completions.create(model=model, messages=question, stream=True, extra_body=explain):
        text += "".join(choice.delta.content or "" for choice in chunk.choices)
        told = (chunk.model_extra or {}).get("router") or told
    return text, told


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
def test_the_next_candidate_answers_and_the_late_one_is_hung_up_on(
    gateway: Gateway, simulator: SimulatorControl, *, stream: bool
) -> None:
    with gateway.client() as client:
        for _ in range(ENOUGH):
            usual, told = asked(client, stream=stream)
            assert [one["outcome"] for one in told["attempts"]] == ["answered"]
        simulator.inject(SLOW, provider="openai", times=1)
        text, told = asked(client, stream=stream)

    assert text == usual, "nothing of two answers is mixed"
    assert [(one["deployment"], one["outcome"]) for one in told["attempts"]] == [
        ("first", "hedged"),
        ("second", "answered"),
    ]
    late, answered = told["attempts"]
    assert (late["wasted"], late["usage"]["estimated"], late["cost_usd"] > 0) == (True, True, True)
    assert told["wasted_usd"] == late["cost_usd"]
    assert told["cost_usd"] == pytest.approx(late["cost_usd"] + answered["cost_usd"])
    wait_until(lambda: simulator.health()["in_flight"] == 0, HANGS_UP_WITHIN)
    seen = [(one.provider, one.disconnected) for one in simulator.requests()[-2:]]
    assert seen == [("openai", True), ("anthropic", False)]


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
def test_a_chain_without_hedges_waits_for_what_another_one_races(
    gateway: Gateway, simulator: SimulatorControl, *, stream: bool
) -> None:
    with gateway.client() as client:
        for _ in range(ENOUGH):
            asked(client, stream=stream)
        simulator.inject(Fault(kind="slow_first_token", seconds=3.0), provider="openai")
        _, patient = asked(client, stream=stream, model="patient")
        _, raced = asked(client, stream=stream)

    assert [(one["deployment"], one["outcome"]) for one in patient["attempts"]] == [("first", "answered")]
    assert [one["outcome"] for one in raced["attempts"]] == ["hedged", "answered"]
