"""Anthropic's format to a chat and back: nothing of the caller's is lost in silence."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings

from litellm_fallback_router.api.formats.messages.answer import message
from litellm_fallback_router.api.formats.messages.request import translated
from litellm_fallback_router.routing.errors import InvalidRequestError
from litellm_fallback_router.routing.ledger import Ledger, Usage
from litellm_fallback_router.routing.types import ChatRequest, ChatResult
from tests.support.messages_bodies import messages_bodies
from tests.support.scripted import deployment

CALL = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
USER = {"role": "user", "content": "hi"}
WORD = re.compile(r"w\d{4}")
NUMBER = re.compile(r"\b\d{4}\b")
WORDS = {
    "thinking blocks dropped": re.compile(r"messages\[\d+\]\.content\[\d+\]\.(thinking|signature)"),
}
"""Lines that stand for leaves whose path they do not name."""


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every text and number, with its place."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, f"{path}.{name}" if path else name)
            yield f"{path}.{name}" if path else name, name
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from leaves(inner, f"{path}[{index}]")
    else:
        yield path, value


def is_under(path: str, place: str) -> bool:
    return path == place or path.startswith((f"{place}.", f"{place}["))


def accounted(request: ChatRequest, path: str) -> bool:
    """Whether it is said what became of the leaf, or the request is pinned because of it."""
    assert request.native is not None
    pins = [pin.partition(" ")[0] for pin in request.native.only]
    endings = (" dropped", " left out (clear_at)", " told by the tools that are sent")
    dropped = [line.removesuffix(ending) for line in request.adjusted for ending in endings if line.endswith(ending)]
    if any(is_under(path, place) for place in (*pins, *dropped)):
        return True
    return any(line in request.adjusted and rule.fullmatch(path) for line, rule in WORDS.items())


@settings(max_examples=300)
@given(messages_bodies())
def test_every_leaf_is_sent_or_said_or_pins_the_request(body: dict[str, Any]) -> None:
    before = json.dumps(body)
    request = translated(body)
    assert json.dumps(body) == before, "the caller's body was changed"
    sent = json.dumps([request.model, request.messages, dict(request.params)])
    words = set(WORD.findall(sent)) | set(NUMBER.findall(sent))
    for path, value in leaves(body):
        if (isinstance(value, str) and WORD.search(value)) or (type(value) is int and value >= 1000):
            found = set(WORD.findall(str(value)) or [str(value)])
            assert found <= words or accounted(request, path), f"{path} vanished"
    assert request.native is not None
    assert request.native.body == {name: value for name, value in body.items() if name != "model"}


@settings(max_examples=100)
@given(messages_bodies())
def test_each_mark_of_the_cache_stays_where_it_was(body: dict[str, Any]) -> None:
    request = translated(body)
    marks = json.dumps(body["messages"]).count("cache_control")
    lost = sum(len(_marked(body, place)) for place in _lost(request))
    assert json.dumps(request.messages).count("cache_control") + lost == marks


def _lost(request: ChatRequest) -> list[str]:
    assert request.native is not None
    return [pin.partition(" ")[0] for pin in request.native.only]


def _marked(body: dict[str, Any], place: str) -> list[str]:
    """The marks of the messages' in what pins the request."""
    block = re.sub(r"\.source$", "", place)
    return [path for path, name in leaves(body) if name == "cache_control" and path == f"{block}.cache_control"]


def translated_of(*messages: Any, **more: Any) -> ChatRequest:
    return translated({"model": "m", "max_tokens": 5, "messages": list(messages), **more})


def test_a_turn_becomes_the_messages_of_a_chat() -> None:
    call = {"type": "tool_use", "id": "t1", "name": "look", "input": {"a": 1}}
    thought = {"type": "thinking", "thinking": "hm", "signature": "s"}
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}}
    result = {"type": "tool_result", "tool_use_id": "t1", "content": [image, {"type": "text", "text": "r"}]}
    request = translated_of(
        USER,
        {"role": "assistant", "content": [thought, {"type": "text", "text": "Let me see."}, call]},
        {"role": "user", "content": [{"type": "text", "text": "Well?"}, result]},
        system=[{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        stop_sequences=["END"],
        output_config={"effort": "low"},
        metadata={"user_id": "u"},
    )
    assert request.messages == [
        {
            "role": "system",
            "content": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        },
        USER,
        {
            "role": "assistant",
            "content": "Let me see.",
            "thinking_blocks": [thought],
            "tool_calls": [{"id": "t1", "type": "function", "function": {"name": "look", "arguments": '{"a": 1}'}}],
        },
        {
            "role": "tool",
            "tool_call_id": "t1",
            "content": [
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
                {"type": "text", "text": "r"},
            ],
        },
        {"role": "user", "content": "Well?"},
    ]
    assert request.params == {"max_tokens": 5, "stop": ["END"], "reasoning_effort": "low", "user": "u"}
    assert request.adjusted == ("tool results moved to the front of their turn",)


def test_what_changes_in_the_course_of_a_conversation_holds_for_all_of_it() -> None:
    def tool(name: str) -> dict[str, Any]:
        return {"name": name, "input_schema": {"type": "object"}}

    def change(kind: str, name: str) -> dict[str, Any]:
        return {"type": kind, "tool": {"type": "tool_reference", "name": name}}

    defined = {"type": "tool_addition", "tool": {"type": "tool_definition", "definition": tool("inline")}}
    request = translated_of(
        USER,
        {"role": "system", "content": [change("tool_removal", "a"), change("tool_removal", "b")]},
        {"role": "system", "content": "Over.", "clear_at": "next_user_message"},
        {"role": "assistant", "content": "Yes?"},
        USER,
        {"role": "system", "content": [change("tool_addition", "b"), defined], "output_config": {"effort": "low"}},
        {"role": "system", "content": "Now.", "clear_at": "next_user_message"},
        {"role": "system", "output_config": {"effort": "max"}},
        tools=[tool("a"), tool("b")],
        output_config={"effort": "high"},
    )
    assert [one["function"]["name"] for one in request.params["tools"]] == ["b", "inline"]
    assert request.params["reasoning_effort"] == "max"
    assert request.messages == [
        USER,
        {"role": "assistant", "content": "Yes?"},
        USER,
        {"role": "system", "content": "Now."},
    ]
    assert "messages[2] left out (clear_at)" in request.adjusted


def test_an_instruction_may_stand_before_the_results_of_calls() -> None:
    result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t"}]}
    request = translated_of(USER, {"role": "assistant", "content": [CALL]}, {"role": "system", "content": "x"}, result)
    assert [one["role"] for one in request.messages] == ["user", "assistant", "tool", "system"]
    assert request.adjusted == ("system messages moved behind tool results",)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [USER, {"role": "system"}]}, "messages[1].content"),
        ({"messages": [{"role": "user", "content": [{"text": "x"}]}]}, "messages[0].content[0].type"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0].text"),
        ({"messages": [{"role": "user", "content": [{"type": "image"}]}]}, "messages[0].content[0].source"),
        ({"messages": [{"role": "user", "content": 1}]}, "messages[0].content"),
        ({"messages": []}, "messages"),
        ({"messages": "x"}, "messages"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": None}, "max_tokens"),
        ({"tools": [{"name": "f"}]}, "tools[0].input_schema"),
        ({"tools": [{"name": "f", "input_schema": {}}], "tool_choice": {"type": "tool"}}, "tool_choice.name"),
        ({"system": 1}, "system"),
        ({"workspace_id": "w"}, "workspace_id"),
        ({"billing_policy": {}}, "billing_policy"),
        ({"api_base": "http://x"}, "api_base"),
        ({"surprise": 1}, "surprise"),
        (
            {"messages": [USER, {"role": "assistant", "content": [CALL]}]},
            "messages[1].content[0]",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t"}]}]},
            "messages[0].content[0].tool_use_id",
        ),
    ],
)
def test_a_mistake_is_refused_by_its_place(body: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequestError) as raised:
        translated({"model": "m", "max_tokens": 5, "messages": [USER], **body})
    assert raised.value.param == param


def answered(said: dict[str, Any], reason: str = "stop") -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": None, **said}, "finish_reason": reason}
    who = deployment("gpt-5.4")
    result = ChatResult("r", "m", (who,), [choice], Usage(10, 5, cached_tokens=4), Ledger(), fallback=False, created=1)
    body = message(result, explain=False)
    assert body["usage"] == {
        "input_tokens": 6,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 4,
        "output_tokens": 5,
    }
    return {name: body[name] for name in ("content", "stop_reason", "stop_details") if name in body}


@pytest.mark.parametrize(
    ("said", "reason", "content", "stop"),
    [
        ({"content": "Hi."}, "stop", [{"type": "text", "text": "Hi."}], "end_turn"),
        ({"content": "Hi"}, "length", [{"type": "text", "text": "Hi"}], "max_tokens"),
        ({"content": "No."}, "content_filter", [{"type": "text", "text": "No."}], "refusal"),
        ({"content": ""}, "stop", [], "end_turn"),
        (
            {"tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a": [1]}'}}]},
            "tool_calls",
            [{"type": "tool_use", "id": "c", "name": "f", "input": {"a": [1]}}],
            "tool_use",
        ),
        (
            {"tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a": '}}]},
            "stop",
            [{"type": "tool_use", "id": "c", "name": "f", "input": {"INVALID_JSON": '{"a": '}}],
            "tool_use",
        ),
        (
            {
                "content": "Hi.",
                "reasoning_content": "hm",
                "thinking_blocks": [
                    {"type": "thinking", "thinking": "hm", "signature": "s"},
                    {"type": "redacted_thinking", "data": "d"},
                ],
            },
            "stop",
            [
                {"type": "thinking", "thinking": "hm", "signature": "s"},
                {"type": "redacted_thinking", "data": "d"},
                {"type": "text", "text": "Hi."},
            ],
            "end_turn",
        ),
    ],
)
def test_an_answer_becomes_a_message(said: dict[str, Any], reason: str, content: list[Any], stop: str) -> None:
    assert answered(said, reason) == {"content": content, "stop_reason": stop}


def test_a_thought_without_a_signature_is_given_one_that_says_so() -> None:
    (thought,) = answered({"reasoning_content": "hm"})["content"]
    assert thought["signature"].startswith("fallback-router:")
    history = [USER, {"role": "assistant", "content": [thought, {"type": "text", "text": "Hi."}]}, USER]
    request = translated_of(*history)
    assert "hm" not in json.dumps(request.messages)
    assert request.adjusted == ("thinking blocks dropped",)


def test_a_models_own_refusal_is_told_as_one() -> None:
    told = answered({"refusal": "I will not."})
    assert told == {
        "content": [{"type": "text", "text": "I will not."}],
        "stop_reason": "refusal",
        "stop_details": {"type": "refusal", "category": None, "explanation": "I will not."},
    }
