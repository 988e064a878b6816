"""Streams of messages that break, and go on in the same block or end in an error event."""

from __future__ import annotations

from typing import Any

import anthropic
import pytest
from anthropic import Anthropic

from local.simulator import Fault, SimulatorControl
from tests.support.messages_events import COUNT, COUNTED, streamed, text_of


def test_a_broken_stream_of_claude_goes_on_in_the_same_block(client: Anthropic, simulator: SimulatorControl) -> None:
    simulator.inject(Fault(kind="cut"), model="gpt-4o")
    events = streamed(client, model="openai", max_tokens=2000, messages=COUNT)
    assert text_of(events) == COUNTED
    assert len([event for event in events if event.type == "content_block_start"]) == 1
    assert len(events[-2].model_extra["router"]["responders"]) == 2


def test_a_stream_that_cannot_be_finished_ends_in_an_error_event(
    client: Anthropic, simulator: SimulatorControl
) -> None:
    simulator.inject(Fault(kind="cut"), provider="anthropic")
    told: list[str] = []
    stream = client.messages.create(
        model="anthropic", max_tokens=2000, messages=COUNT, stream=True, extra_body={"router": {"fallback": False}}
    )
    with pytest.raises(anthropic.APIStatusError, match="incomplete") as raised:
        told.extend(event.type for event in stream)
    assert "content_block_delta" in told
    assert "message_stop" not in told
    body: Any = raised.value.body
    assert body["error"]["type"] == "api_error"
    assert body["request_id"]


@pytest.mark.parametrize("kind", ["malformed", "in_band_error"])
def test_a_broken_stream_of_bedrocks_claude_is_resumed(
    *, client: Anthropic, simulator: SimulatorControl, kind: Any
) -> None:
    simulator.inject(Fault(kind=kind), provider="bedrock", model="us.anthropic.claude-sonnet-4-6")
    events = streamed(client, model="invoked", max_tokens=2000, messages=COUNT)
    assert text_of(events) == COUNTED
    assert len([event for event in events if event.type == "content_block_start"]) == 1
    assert events[0].message.id.startswith("msg_01"), "it began natively"
    assert events[-2].model_extra["router"]["responders"][1] == "anthropic:claude-haiku-4-5"


def test_a_stream_that_breaks_behind_a_thought_goes_on_in_its_text(
    client: Anthropic, simulator: SimulatorControl
) -> None:
    simulator.inject(Fault(kind="cut", after_chunks=20), provider="bedrock", model="us.anthropic.claude-sonnet-4-6")
    events = streamed(client, model="invoked", max_tokens=4000, messages=COUNT, thinking={"type": "adaptive"})
    assert text_of(events) == COUNTED
    kinds = [event.content_block.type for event in events if event.type == "content_block_start"]
    assert kinds == ["thinking", "text"]
    assert len(events[-2].model_extra["router"]["responders"]) == 2
