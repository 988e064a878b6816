"""Responses that OpenAI keeps are gone on from at OpenAI; one that nobody has is the caller's mistake."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from openai import OpenAI

from local.simulator import SimulatorControl
from tests.support.gateway import Gateway
from tests.support.responses_native import (
    QUESTION,
    WEATHER,
    sent,
)


@pytest.mark.parametrize("stream", [False, True])
def test_a_stored_response_is_gone_on_from_at_openai(
    *, client: OpenAI, simulator: SimulatorControl, stream: bool
) -> None:
    first = client.responses.create(model="thinker", input=QUESTION)
    assert client.responses.create(model="thinker", input="And of Spain?", previous_response_id=first.id).output_text
    assert sent(simulator, "gpt-5.4")["previous_response_id"] == first.id
    reference: Any = {"type": "item_reference", "id": first.output[-1].id}
    again: list[Any] = [{"role": "user", "content": QUESTION}, reference, {"role": "user", "content": "Why?"}]
    assert client.responses.create(model="thinker", input=again).output_text


def test_what_is_nothing_but_stored_is_asked_of_openai(client: OpenAI) -> None:
    first = client.responses.create(model="thinker", input="What is the weather in Ulm?", tools=[WEATHER])
    call = first.output[-1]
    assert call.type == "function_call"
    result: Any = {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}
    asked: dict[str, Any] = {"model": "thinker", "tools": [WEATHER]}
    assert "sunny" in client.responses.create(input=[result], previous_response_id=first.id, **asked).output_text
    references: Any = [{"type": "item_reference", "id": item.id} for item in first.output]
    assert "sunny" in client.responses.create(input=[*references, result], **asked).output_text


@pytest.mark.parametrize(
    "lost",
    [
        {"input": [{"type": "item_reference", "id": "msg_model_lost"}]},
        {"input": QUESTION, "conversation": "conv_lost"},
    ],
    ids=["item", "conversation"],
)
def test_what_a_caller_names_and_nobody_has_is_the_callers_mistake(
    gateway: Gateway, simulator: SimulatorControl, lost: dict[str, Any]
) -> None:
    """A deployment that seemed broken by it would have its circuit opened for every caller."""
    simulator.reset()
    answer = httpx.post(f"{gateway.url}/v1/responses", json={"model": "plain", **lost}, timeout=30)
    assert answer.status_code == 400, answer.text
    [attempt] = answer.json()["router"]["attempts"]
    assert (attempt["outcome"], attempt["status"]) == ("rejected", 404)
