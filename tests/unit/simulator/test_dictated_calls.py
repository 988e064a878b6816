"""Loops of tools that a prompt dictates to the simulated models."""

from typing import Any

import pytest

from local.simulator.answers import answer
from local.simulator.catalogue import Model
from local.simulator.conversation import Call, Text, Tool, ToolCall, ToolResult, Turn

TOOLS = (Tool("Read", "", {"type": "object"}), Tool("files__Edit", "", {"type": "object"}))
PROMPT = 'Please call Read with {"path": "a {b}"}, then call Edit with {"path": "a", "line": {"n": 1}}. Say when done.'


def asked(text: str, *later: Turn, **more: Any) -> Call:
    turns = (Turn("user", (Text(text), Text("<reminder>be brief</reminder>"))), *later)
    return Call(model=Model("sim-any"), turns=turns, stream=False, **{"tools": TOOLS, **more})


def called(name: str, number: int) -> tuple[Turn, Turn]:
    made = Turn("assistant", (ToolCall(f"call_{number}", name, {}),))
    return made, Turn("user", (ToolResult(f"call_{number}", "done"), Text("<reminder>go on</reminder>")))


def test_dictated_calls_are_made_one_a_turn_and_then_it_answers() -> None:
    first = answer(asked(PROMPT), "exact").tool_calls
    second = answer(asked(PROMPT, *called("Read", 1)), "exact").tool_calls
    third = answer(asked(PROMPT, *called("Read", 1), *called("files__Edit", 2)), "exact")

    assert [(one.name, one.arguments) for one in first] == [("Read", {"path": "a {b}"})]
    assert [(one.name, one.arguments) for one in second] == [("files__Edit", {"path": "a", "line": {"n": 1}})]
    assert not third.tool_calls
    assert third.text


def test_a_later_prompt_dictates_afresh() -> None:
    later = (
        *called("Read", 1),
        Turn("assistant", (Text("Done."),)),
        Turn("user", (Text('call Read with {"path": 2}'),)),
    )

    assert [one.arguments for one in answer(asked(PROMPT, *later), "exact").tool_calls] == [{"path": 2}]


@pytest.mark.parametrize(
    "text",
    [
        'call Write with {"path": "a"}',
        "call Read with {path}",
        "call Read with care",
        'I call: Read with {"path": "a"}',
    ],
)
def test_what_is_no_tool_or_no_object_is_prose(text: str) -> None:
    assert not answer(asked(text), "exact").tool_calls


def test_tools_that_may_not_be_called_are_not() -> None:
    assert not answer(asked(PROMPT, tool_choice="none"), "exact").tool_calls
