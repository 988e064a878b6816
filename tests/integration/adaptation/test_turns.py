"""Turns as each provider takes them: empty, merged, opened by the assistant, or instructions that come late."""

from __future__ import annotations

import json
from typing import Any

import pytest

from litellm_fallback_router.routing.types import Message
from local.simulator import SimulatorControl
from tests.support.fitted import (
    ASK,
    CLAUDE,
    CLAUDE_ON_BEDROCK,
    HAIKU,
    HAIKU_ON_BEDROCK,
    LLAMA,
    NOVA,
    OPENAI,
    TURNS,
    candidate,
    says,
    sent,
)


@pytest.mark.parametrize("name", TURNS)
@pytest.mark.parametrize("blank", ["", "  \n", [], [{"type": "text", "text": ""}], [{"type": "text", "text": " "}]])
async def test_a_message_that_says_nothing_is_left_out(fresh: SimulatorControl, name: str, blank: Any) -> None:
    got = await sent(fresh, name, [ASK, says(blank), {"role": "user", "content": blank}, ASK])
    assert "empty messages dropped" in got.adjusted
    assert "consecutive messages merged" in got.adjusted
    assert len(got.body["messages"]) == 1


@pytest.mark.parametrize("name", [CLAUDE, CLAUDE_ON_BEDROCK, NOVA, LLAMA])
def test_what_an_assistant_began_goes_only_to_models_that_continue_it(fresh: SimulatorControl, name: str) -> None:
    with pytest.raises(ValueError, match="does not continue an assistant's message"):
        candidate(fresh, name, [ASK, says("In Ulm it")], {})


@pytest.mark.parametrize("name", [HAIKU, HAIKU_ON_BEDROCK])
async def test_what_is_continued_ends_in_no_white_space(fresh: SimulatorControl, name: str) -> None:
    got = await sent(fresh, name, [ASK, says("In Ulm it ")])
    assert got.adjusted == ("trailing white space dropped",)
    assert got.body["messages"][-1]["content"][0]["text"] == "In Ulm it"


@pytest.mark.parametrize("name", TURNS)
async def test_instructions_stand_in_front(fresh: SimulatorControl, name: str) -> None:
    late: Message = {"role": "developer", "content": "Be brief"}
    got = await sent(fresh, name, [{"role": "system", "content": "Be kind"}, ASK, says("Where?"), late, ASK])
    assert [block["text"] for block in got.body["system"]] == ["Be kind", "Be brief"]
    assert [turn["role"] for turn in got.body["messages"]] == ["user", "assistant", "user"]
    assert got.adjusted == ("developer sent as system", "system messages moved to the front")


@pytest.mark.parametrize("name", TURNS)
async def test_what_an_assistant_said_first_is_told_as_what_it_is(fresh: SimulatorControl, name: str) -> None:
    got = await sent(fresh, name, [says("How can I help?"), ASK])
    assert got.adjusted == ("opening assistant messages written as text", "consecutive messages merged")
    ((first, second),) = [turn["content"] for turn in got.body["messages"]]
    assert json.loads(first["text"]) == says("How can I help?")
    assert second["text"] == ASK["content"]


@pytest.mark.parametrize("name", TURNS)
async def test_an_instruction_alone_is_asked(fresh: SimulatorControl, name: str) -> None:
    got = await sent(fresh, name, [{"role": "system", "content": "Be kind"}])
    assert got.adjusted == ("system message sent as user message",)
    assert "system" not in got.body


async def test_a_developer_at_openai_is_heard_as_the_system_with_his_name(fresh: SimulatorControl) -> None:
    got = await sent(fresh, OPENAI, [{"role": "developer", "name": "Zoe", "content": "Be brief"}, ASK])
    assert got.body["messages"] == [{"role": "system", "name": "Zoe", "content": "Be brief"}, ASK]
    assert got.adjusted == ("developer sent as system",)


@pytest.mark.parametrize("name", TURNS)
async def test_what_an_api_has_no_field_for_is_said(fresh: SimulatorControl, name: str) -> None:
    said = says("Rain", provider_specific_fields={"compaction_blocks": [{"type": "text", "text": "smuggled"}]})
    got = await sent(fresh, name, [ASK, said, {**ASK, "mood": "merry"}])
    assert got.adjusted == ("unknown fields dropped",)
    assert "smuggled" not in got.text
