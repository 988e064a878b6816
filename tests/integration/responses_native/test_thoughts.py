"""Reasoning goes back to the model that made it and to no other."""

from __future__ import annotations

import json

import pytest
from openai import OpenAI

from local.simulator import SimulatorControl
from tests.support.responses_native import (
    ENCRYPTED,
    WEATHER,
    adjusted,
    loop,
    sent,
)


def test_encrypted_reasoning_goes_back_to_who_made_it(client: OpenAI, simulator: SimulatorControl) -> None:
    history = loop(client, "thinker", **ENCRYPTED)
    (thought,) = [item for item in history if item.get("type") == "reasoning"]
    assert thought["encrypted_content"].startswith("gw1.")
    answer = client.responses.create(
        model="thinker", input=history, tools=[WEATHER], **ENCRYPTED, extra_body={"router": {"explain": True}}
    )
    assert answer.output_text
    assert adjusted(answer) == [[]]
    (back,) = [item for item in sent(simulator, "gpt-5.4")["input"] if item.get("type") == "reasoning"]
    assert back["encrypted_content"].startswith("gAAAA")


@pytest.mark.parametrize(("model", "line"), [("other", "input[1] dropped"), ("claude", "input[1].encrypted_content")])
def test_encrypted_reasoning_of_others_is_left_out_and_said(
    client: OpenAI, simulator: SimulatorControl, model: str, line: str
) -> None:
    history = loop(client, "thinker", **ENCRYPTED)
    simulator.clear_requests()
    answer = client.responses.create(
        model=model, input=history, tools=[WEATHER], **ENCRYPTED, extra_body={"router": {"explain": True}}
    )
    assert answer.output_text
    (lines,) = adjusted(answer)
    assert any(one.startswith(line) for one in lines), lines
    (record,) = simulator.requests()
    assert "gAAAA" not in json.dumps(record.body)


def test_thoughts_of_claude_never_reach_openai(client: OpenAI, simulator: SimulatorControl) -> None:
    history = loop(client, "claude", **ENCRYPTED)
    assert any(item.get("encrypted_content") for item in history)
    answer = client.responses.create(
        model="thinker", input=history, tools=[WEATHER], **ENCRYPTED, extra_body={"router": {"explain": True}}
    )
    assert answer.output_text
    assert any("not this model's reasoning" in line for line in adjusted(answer)[0])
    assert "_gw_" not in json.dumps(sent(simulator, "gpt-5.4"))
    again = client.responses.create(
        model="claude", input=history, tools=[WEATHER], **ENCRYPTED, extra_body={"router": {"explain": True}}
    )
    assert not any("encrypted_content" in line for line in adjusted(again)[0])
    assert "thinking" in json.dumps(sent(simulator, "claude-sonnet-4-6")["messages"])
