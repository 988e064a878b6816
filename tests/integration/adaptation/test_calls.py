"""Calls of tools and their results as each provider takes them: ids, arguments, words beside them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.simulator import SimulatorControl
from tests.support.fitted import (
    ASK,
    BEDROCK,
    CLAUDE,
    HAIKU,
    LLAMA,
    OPENAI,
    TURNS,
    called,
    calls,
    result,
    says,
    sent,
    tool,
)


@pytest.mark.parametrize("name", TURNS)
@pytest.mark.parametrize("blank", ["", " ", None, [{"type": "text", "text": ""}]])
async def test_a_call_needs_no_words_before_it(fresh: SimulatorControl, name: str, blank: Any) -> None:
    got = await sent(fresh, name, [ASK, says(blank, tool_calls=[calls()]), result()], tools=[tool()])
    turns = got.body["messages"]
    assert len(turns) == 3
    assert len(turns[1]["content"]) == 1
    assert "empty messages dropped" not in got.adjusted


@pytest.mark.parametrize("name", [CLAUDE, HAIKU])
async def test_earlier_tools_are_named_and_forbidden_where_that_can_be_said(fresh: SimulatorControl, name: str) -> None:
    got = await sent(fresh, name, [*called(), ASK])
    assert [one["name"] for one in got.body["tools"]] == ["look_up"]
    assert got.body["tool_choice"] == {"type": "none"}
    assert got.adjusted == ("tools of earlier calls named, none to be called",)


@pytest.mark.parametrize("name", BEDROCK)
@pytest.mark.parametrize("params", [{}, {"tools": [tool()], "tool_choice": "none"}])
async def test_earlier_calls_are_text_where_none_may_follow(
    fresh: SimulatorControl, name: str, params: dict[str, Any]
) -> None:
    got = await sent(fresh, name, [*called(), ASK], **params)
    assert "tool calls and results written as text" in got.adjusted
    assert "toolConfig" not in got.body
    _, call, answer = got.body["messages"]
    assert json.loads(call["content"][0]["text"]) == {"tool_calls": [calls()]}
    assert json.loads(answer["content"][0]["text"]) == result()


@pytest.mark.parametrize("name", TURNS)
@pytest.mark.parametrize("broken", ['{"place": "Ul', '{"a": 1}{"b": 2}', "[1]", "null", '""', '{"a": NaN}', "Ulm"])
async def test_arguments_that_are_no_object_arrive_all_the_same(
    fresh: SimulatorControl, name: str, broken: str
) -> None:
    got = await sent(fresh, name, called(arguments=broken), tools=[tool()])
    assert got.adjusted == ("broken call arguments wrapped",)
    (block,) = got.body["messages"][1]["content"]
    assert (block.get("toolUse") or block)["input"] == {"INVALID_JSON": broken}


@pytest.mark.parametrize("name", TURNS)
@pytest.mark.parametrize("empty", ["", " ", [], [{"type": "text", "text": ""}]])
async def test_an_empty_result_is_one(fresh: SimulatorControl, name: str, empty: Any) -> None:
    got = await sent(fresh, name, [*called()[:2], result(empty)], tools=[tool()])
    assert got.adjusted == ("empty tool results written as JSON",)
    assert json.dumps(json.dumps(empty)) in got.text


async def test_ids_that_openai_finds_too_long_are_shorter(fresh: SimulatorControl) -> None:
    got = await sent(fresh, OPENAI, called(call_id="x" * 64), tools=[tool()])
    _, call, answer = got.body["messages"]
    assert call["tool_calls"][0]["id"] == answer["tool_call_id"]
    assert len(answer["tool_call_id"]) == 40
    assert got.adjusted == ("tool call ids changed",)


async def test_words_beside_calls_make_text_of_them_where_turns_are_not_mixed(fresh: SimulatorControl) -> None:
    spoken = [ASK, says("I will look", tool_calls=[calls()]), result()]
    got = await sent(fresh, LLAMA, spoken, tools=[tool()])
    assert got.adjusted == ("tool calls and results written as text",)
    assert (await sent(fresh, LLAMA, called(), tools=[tool()])).adjusted == ()


@pytest.mark.parametrize("name", TURNS)
async def test_ids_of_calls_are_those_that_are_taken_and_each_is_one(fresh: SimulatorControl, name: str) -> None:
    odd = "call:1/" + "x" * 80
    messages = [*called(call_id=odd), says("Rain"), *called(call_id=odd)]
    got = await sent(fresh, name, messages, tools=[tool()])
    assert got.adjusted == ("tool call ids changed",)
    blocks = [block for turn in got.body["messages"] for block in turn["content"]]
    asked = [
        (one.get("toolUse") or one).get("toolUseId", one.get("id")) for one in blocks if "toolUse" in one or "id" in one
    ]
    assert len(set(asked)) == 2
    answers = [one["toolResult"]["toolUseId"] for one in blocks if "toolResult" in one]
    answers += [one["tool_use_id"] for one in blocks if "tool_use_id" in one]
    assert answers == asked
