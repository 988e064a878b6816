"""Native streams that break: gone on with elsewhere in the same ids, or failed in OpenAI's grammar."""

from __future__ import annotations

import json
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI

from local.simulator import Fault, SimulatorControl
from tests.support.gateway import Gateway
from tests.support.responses_native import (
    EVENT,
    SEARCH,
    checked,
)


def test_a_broken_stream_goes_on_elsewhere_in_the_same_ids(client: OpenAI, simulator: SimulatorControl) -> None:
    simulator.inject(Fault(kind="cut"), model="gpt-4o")
    events = checked(client, model="plain", input="Count to 60")
    final = events[-1].response
    assert final.output_text == ", ".join(str(n) for n in range(1, 61)) + "."
    assert final.id == events[0].response.id
    assert not final.id.startswith("resp_gw_")
    assert len({event.item_id for event in events if hasattr(event, "item_id")}) == 1
    assert [event.type for event in events].count("response.output_item.added") == 1
    assert final.model_extra["router"]["responders"] == ["openai:gpt-4o", "anthropic:claude-sonnet-4-6"]
    assert final.model == "claude-sonnet-4-6"


def test_a_broken_stream_that_nobody_goes_on_with_is_failed(gateway: Gateway, simulator: SimulatorControl) -> None:
    simulator.reset()
    simulator.inject(Fault(kind="cut"), model="gpt-4o")
    body = {"model": "plain", "input": "Count to 60", "stream": True, "router": {"resume": False}}
    answer = httpx.post(f"{gateway.url}/v1/responses", json=body, timeout=30)
    events = [json.loads(block.split("data: ")[1]) for block in answer.text.strip().split("\n\n")]
    assert [event["type"] for event in events[-2:]] == ["error", "response.failed"]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    for event in events:
        EVENT.validate_python(event, strict=True)
    response = events[-1]["response"]
    assert response["id"] == events[0]["response"]["id"]
    assert response["output"][0]["content"][0]["text"].startswith("1, 2")
    assert response["output"][0]["status"] == "incomplete"


def test_what_openais_own_tools_did_is_not_gone_on_with_elsewhere(client: OpenAI, simulator: SimulatorControl) -> None:
    simulator.inject(Fault(kind="cut"), model="gpt-5.4")
    with pytest.raises(openai.APIError, match="provider_tool had been sent"):
        list(client.responses.create(model="thinker", input="Search the web: who won?", tools=[SEARCH], stream=True))


@pytest.mark.parametrize("cut_after", [3, 4, 6, 17, 19, 24])
def test_a_stream_with_a_thought_goes_on_elsewhere(client: OpenAI, simulator: SimulatorControl, cut_after: int) -> None:
    simulator.inject(Fault(kind="cut", after_chunks=cut_after), model="gpt-5.4")
    thinks: dict[str, Any] = {"reasoning": {"effort": "low", "summary": "auto"}}
    events = checked(client, model="thinker", input="Count to 60", **thinks)
    kinds = [event.type for event in events]
    final = events[-1].response
    assert final.output_text == ", ".join(str(n) for n in range(1, 61)) + "."
    done = [event.item.id for event in events if event.type == "response.output_item.done"]
    assert [item.id for item in final.output] == done
    assert final.output[-1].type == "message"
    assert final.model_extra["router"]["responders"][-1] == "anthropic:claude-sonnet-4-6"
    assert kinds.count("response.output_item.added") == kinds.count("response.output_item.done")
    for begun, ended in (("part.added", "part.done"), ("summary_part.added", "summary_part.done")):
        assert sum(kind.endswith(begun) for kind in kinds) == sum(kind.endswith(ended) for kind in kinds)
