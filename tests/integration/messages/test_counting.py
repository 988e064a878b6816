"""Tokens of messages: counted by Claude, or an estimate that is marked as one."""

from __future__ import annotations

import anthropic
import pytest
from anthropic import Anthropic

from local.simulator import Fault, SimulatorControl
from tests.support.messages_events import WEATHER
from tests.support.three_providers import PARIS


def test_tokens_are_counted_by_claude(client: Anthropic, simulator: SimulatorControl) -> None:
    raw = client.messages.with_raw_response.count_tokens(model="anthropic", messages=PARIS, tools=[WEATHER])
    asked = client.messages.create(model="anthropic", max_tokens=10, messages=PARIS, tools=[WEATHER])
    assert raw.parse().input_tokens == asked.usage.input_tokens
    assert raw.headers["x-router-model"] == "claude-sonnet-4-6"
    assert simulator.requests()[0].path == "/anthropic/v1/messages/count_tokens"


def test_a_count_is_the_next_ones_where_the_first_cannot(client: Anthropic, simulator: SimulatorControl) -> None:
    simulator.inject(Fault(kind="status", status=529), model="gpt-4o")
    raw = client.messages.with_raw_response.count_tokens(model="openai", messages=PARIS)
    assert raw.headers["x-router-model"] == "claude-haiku-4-5"
    assert simulator.requests()[0].provider == "anthropic"


def test_an_estimate_is_marked_as_one(client: Anthropic, simulator: SimulatorControl) -> None:
    simulator.inject(Fault(kind="status", status=500), provider="anthropic")
    for model in ("nova", "anthropic"):
        count = client.messages.count_tokens(model=model, messages=PARIS, system="Be brief.")
        assert count.input_tokens == 10
        assert count.to_dict()["router"] == {"estimated": True}


def test_a_count_of_what_is_wrong_is_refused_in_anthropics_words(client: Anthropic) -> None:
    with pytest.raises(anthropic.NotFoundError) as raised:
        client.messages.count_tokens(model="nobody", messages=PARIS)
    assert raised.value.type == "not_found_error"
    with pytest.raises(anthropic.BadRequestError, match="max_tokens"):
        client.messages.count_tokens(model="anthropic", messages=PARIS, extra_body={"max_tokens": 1})
