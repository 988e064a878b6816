"""Requests for responses that reach OpenAI's own API as they came, and what only it can do."""

from __future__ import annotations

from typing import Any

import openai
import pytest
from openai import OpenAI

from local.simulator import Fault, SimulatorControl
from tests.support.responses_native import (
    ENCRYPTED,
    PARIS,
    QUESTION,
    SEARCH,
    adjusted,
    checked,
    sent,
)


def test_a_body_reaches_openai_as_it_came(client: OpenAI, simulator: SimulatorControl) -> None:
    body: dict[str, Any] = {
        "input": [{"role": "user", "content": [{"type": "input_text", "text": QUESTION}]}],
        "instructions": "Be brief.",
        "reasoning": {"effort": "low", "summary": "auto"},
        "text": {"verbosity": "low"},
        "truncation": "auto",
        "metadata": {"team": "blue"},
        "prompt_cache_key": "k",
        "store": False,
    }
    answer = client.responses.create(model="thinker", **body)
    assert sent(simulator, "gpt-5.4") == {"model": "gpt-5.4", **body}
    assert answer.output_text == PARIS
    assert not answer.id.startswith("resp_gw_")


def test_its_events_pass_on_as_they_came(client: OpenAI, simulator: SimulatorControl) -> None:
    events = checked(client, model="thinker", input=QUESTION, reasoning={"effort": "low", "summary": "auto"})
    assert "response.reasoning_summary_text.delta" in [event.type for event in events]
    assert events[0].response.id == events[-1].response.id
    assert not events[0].response.id.startswith("resp_gw_")
    assert events[-1].type == "response.completed"
    assert events[-1].response.output_text == PARIS


def test_a_fallback_is_told_in_the_last_event(client: OpenAI, simulator: SimulatorControl) -> None:
    simulator.inject(Fault(kind="status", status=500), model="gpt-5.4")
    simulator.inject(Fault(kind="status", status=529), model="claude-sonnet-4-6")
    final = checked(client, model="thinker", input=QUESTION)[-1].response
    assert final.model_extra["router"]["provider"] == "openai:gpt-5.4-mini"


@pytest.mark.parametrize("stream", [False, True])
def test_what_only_openai_can_do_is_asked_of_openai_alone(
    *, client: OpenAI, simulator: SimulatorControl, stream: bool
) -> None:
    simulator.inject(Fault(kind="status", status=500), model="gpt-5.4")
    asked: dict[str, Any] = {"model": "thinker", "input": "Search the web: who won?", "tools": [SEARCH]}
    if stream:
        answer = checked(client, **asked)[-1].response
    else:
        answer = client.responses.create(**asked, extra_body={"router": {"explain": True}})
    told = answer.model_extra["router"]
    assert told["provider"] == "openai:gpt-5.4-mini"
    (dropped,) = told["dropped"]
    assert (dropped["deployment"], dropped["code"]) == ("claude", "native")
    assert "'tools[0]' (a tool of type 'web_search')" in dropped["reason"]


def test_what_nobody_in_the_chain_can_do_is_refused_by_name(client: OpenAI, simulator: SimulatorControl) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(model="claude", input=QUESTION, tools=[SEARCH])
    assert caught.value.param == "tools[0]"
    assert simulator.requests() == []


def test_an_effort_that_the_models_lack_costs_no_attempt(client: OpenAI, simulator: SimulatorControl) -> None:
    simulator.inject(Fault(kind="status", status=503), model="gpt-5.4")
    answer = client.responses.create(
        model="thinker",
        input=QUESTION,
        reasoning={"effort": "max"},
        temperature=0.2,
        extra_body={"router": {"explain": True, "providers": ["openai"]}},
    )
    assert answer.output_text == PARIS
    assert sent(simulator, "gpt-5.4-mini") == {
        "model": "gpt-5.4-mini",
        "input": QUESTION,
        "reasoning": {"effort": "xhigh"},
    }
    assert {record.status for record in simulator.requests()} == {200, 503}
    assert {tuple(lines) for lines in adjusted(answer)} == {("reasoning.effort sent as xhigh", "temperature dropped")}


def test_a_model_without_reasoning_is_asked_without_it(client: OpenAI, simulator: SimulatorControl) -> None:
    answer = client.responses.create(
        model="plain", input=QUESTION, text={"verbosity": "low"}, **ENCRYPTED, extra_body={"router": {"explain": True}}
    )
    assert answer.output_text == PARIS
    assert adjusted(answer) == [["text.verbosity dropped", "reasoning dropped", "include[0] dropped"]]
    assert sent(simulator, "gpt-4o").keys() == {"model", "input", "text", "include", "store"}
