"""Messages under a guardrail: what it masks reaches nobody, and comes back to nobody, natively either."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anthropic
import pytest
from anthropic import Anthropic

from local.simulator import SimulatorControl
from local.simulator.bedrock.guardrails import BLOCKED_INPUT
from tests.support.gateway import Gateway
from tests.support.guarded_gateway import BOTH, guarded

CLAUDE = "anthropic-claude-haiku"


@pytest.fixture(scope="module")
def gateway(simulator: SimulatorControl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with guarded(simulator, tmp_path_factory.mktemp("guarded")) as running:
        yield running


def ask(client: Anthropic, text: str, *, streaming: bool, **more: Any) -> Any:
    asked: dict[str, Any] = {
        "model": CLAUDE,
        "max_tokens": 4000,
        "messages": [{"role": "user", "content": text}],
        **more,
    }
    if not streaming:
        return client.messages.create(**asked)
    with client.messages.stream(**asked) as events:
        return events.get_final_message()


@BOTH
def test_what_is_harmless_passes(*, client: Anthropic, streaming: bool) -> None:
    answer = ask(client, "count to 300", streaming=streaming)
    assert answer.content[0].text == ", ".join(map(str, range(1, 301))) + "."
    assert answer.stop_reason == "end_turn"


@BOTH
def test_what_is_masked_in_a_request_reaches_nobody(
    *, client: Anthropic, simulator: SimulatorControl, streaming: bool
) -> None:
    ask(client, "My mail is jane@example.com", streaming=streaming)
    (sent,) = [record.body for record in simulator.requests() if record.provider == "anthropic"]
    assert "jane@example.com" not in str(sent)
    assert "{EMAIL}" in str(sent)


@BOTH
def test_a_block_is_a_refusal(*, client: Anthropic, streaming: bool) -> None:
    answer = ask(client, "I want forbidden fruit", streaming=streaming)
    assert (answer.content[0].text, answer.stop_reason) == (BLOCKED_INPUT, "refusal")


@BOTH
def test_what_the_guardrail_cannot_read_is_refused(
    *, client: Anthropic, simulator: SimulatorControl, streaming: bool
) -> None:
    search: Any = {"type": "web_search_20250305", "name": "web_search"}
    with pytest.raises(anthropic.BadRequestError, match=r"tools\[0\]") as raised:
        ask(client, "count to 3", streaming=streaming, tools=[search])
    body: Any = raised.value.body
    assert body["error"]["param"] == "tools[0]"
    assert [record for record in simulator.requests() if record.provider == "anthropic"] == []


@BOTH
def test_thoughts_come_through_whole_ones_signed(*, client: Anthropic, streaming: bool) -> None:
    thinking = {"type": "enabled", "budget_tokens": 1024}
    answer = ask(client, "count to 3", streaming=streaming, thinking=thinking)
    assert [block.type for block in answer.content] == ["thinking", "text"]
    # In a stream the guardrail lets the words go before it knows that a signature may follow them.
    assert answer.content[0].signature.startswith("fallback-router:") is streaming


def test_a_count_sends_nothing_that_was_not_checked(client: Anthropic, simulator: SimulatorControl) -> None:
    count = client.messages.count_tokens(model=CLAUDE, messages=[{"role": "user", "content": "jane@example.com"}])
    assert count.to_dict() == {"input_tokens": 4, "router": {"estimated": True}}
    assert simulator.requests() == []


CITED: Any = {"type": "char_location", "cited_text": "jane@example.com", "document_index": 0, "document_title": None}
CITED |= {"start_char_index": 0, "end_char_index": 4}


@pytest.mark.parametrize(
    "unread",
    [
        {"tools": [{"name": "t", "input_schema": {"type": "object"}, "input_examples": [{"a": "jane@example.com"}]}]},
        {
            "messages": [
                {"role": "user", "content": "Hello"},
                {"role": "assistant", "content": [{"type": "text", "text": "Hi", "citations": [CITED]}]},
                {"role": "user", "content": "Go on"},
            ]
        },
        {"messages": [{"role": "user", "content": "Hello", "of_tomorrow": "jane@example.com"}]},
    ],
    ids=["examples of a tool", "citations", "an unknown field"],
)
def test_what_the_guardrail_does_not_read_is_not_sent_either(
    client: Anthropic, simulator: SimulatorControl, unread: dict[str, Any]
) -> None:
    ask(client, "Hello", streaming=False, **unread)
    (sent,) = [record.body for record in simulator.requests() if record.provider == "anthropic"]
    assert "jane@example.com" not in str(sent)
