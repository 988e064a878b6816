"""What a request for a response becomes as a chat request."""

from __future__ import annotations

from typing import Any

import pytest

from litellm_fallback_router.api.formats.responses import request as request_of
from litellm_fallback_router.routing.errors import InvalidRequestError
from litellm_fallback_router.routing.mapping import Guardrail, RouterConfig
from tests.support.responses_requests import ASK, CALL, GPT, RESULT, asked

SAYS = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed"}


def messages(*items: Any, **body: Any) -> list[dict[str, Any]]:
    return [dict(message) for message in asked(*items, **body).request.messages]


def test_instructions_come_first() -> None:
    assert messages(instructions="Be brief.") == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "hi"},
    ]


def test_an_assistant_s_items_are_one_turn() -> None:
    said = {**SAYS, "content": [{"type": "output_text", "text": "Looking.", "annotations": []}]}
    more = {**CALL, "call_id": "c2"}
    got = messages(ASK, said, CALL, more, RESULT, {**RESULT, "call_id": "c2", "output": "snow"}, ASK)
    assert [message["role"] for message in got] == ["user", "assistant", "tool", "tool", "user"]
    assert got[1]["content"] == "Looking."
    assert [call["id"] for call in got[1]["tool_calls"]] == ["c1", "c2"]
    assert got[3] == {"role": "tool", "tool_call_id": "c2", "content": "snow"}


def test_calls_after_results_are_a_turn_of_their_own() -> None:
    again = {**CALL, "call_id": "c2"}
    got = messages(ASK, CALL, RESULT, again, {**RESULT, "call_id": "c2"})
    assert [message["role"] for message in got] == ["user", "assistant", "tool", "assistant", "tool"]
    assert got[1]["content"] is None


def test_a_result_that_comes_late_moves_up_to_its_call() -> None:
    got = asked(ASK, CALL, {"role": "developer", "content": "Hurry."}, RESULT)
    assert [message["role"] for message in got.request.messages] == ["user", "assistant", "tool", "developer"]
    assert got.request.adjusted == ("input[3] moved up to its call",)


def test_an_id_may_be_used_again() -> None:
    got = messages(ASK, CALL, RESULT, CALL, RESULT)
    assert [message["role"] for message in got] == ["user", *["assistant", "tool"] * 2]


def test_a_result_may_hold_parts() -> None:
    picture = {"type": "input_image", "image_url": "data:image/png;base64,AA", "detail": "low"}
    got = messages(ASK, CALL, {**RESULT, "output": [{"type": "input_text", "text": "see"}, picture]})
    assert got[2]["content"] == [
        {"type": "text", "text": "see"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA", "detail": "low"}},
    ]


def test_files_and_cache_breakpoints_have_their_counterparts() -> None:
    file = {"type": "input_file", "file_data": "data:application/pdf;base64,AA", "filename": "a.pdf"}
    text = {"type": "input_text", "text": "read", "prompt_cache_breakpoint": {"mode": "explicit"}}
    got = asked({"role": "user", "content": [file, text]})
    assert got.request.messages[0]["content"] == [
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,AA", "filename": "a.pdf"}},
        {"type": "text", "text": "read", "cache_control": {"type": "ephemeral"}},
    ]
    assert got.request.adjusted == ("input[0].content[1].prompt_cache_breakpoint sent as cache_control",)


def test_a_custom_call_keeps_its_free_text() -> None:
    call = {"type": "custom_tool_call", "call_id": "c1", "name": "patch", "input": "*** Begin"}
    got = messages(ASK, call, {"type": "custom_tool_call_output", "call_id": "c1", "output": "done"})
    assert got[1]["tool_calls"] == [{"id": "c1", "type": "custom", "custom": {"name": "patch", "input": "*** Begin"}}]
    assert got[2]["content"] == "done"


def test_parameters_have_their_chat_names() -> None:
    schema = {"type": "json_schema", "name": "city", "schema": {"type": "object"}, "strict": True}
    got = asked(
        max_output_tokens=50,
        reasoning={"effort": "low", "summary": "auto"},
        text={"format": schema, "verbosity": "low"},
        top_logprobs=2,
        temperature=0.5,
        tools=[{"type": "function", "name": "f", "parameters": {}, "strict": True, "description": "d"}],
        tool_choice={"type": "function", "name": "f"},
    ).request
    assert got.params == {
        "temperature": 0.5,
        "max_completion_tokens": 50,
        "reasoning_effort": "low",
        "verbosity": "low",
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "city", "schema": {"type": "object"}, "strict": True},
        },
        "logprobs": True,
        "top_logprobs": 2,
        "tools": [
            {"type": "function", "function": {"name": "f", "description": "d", "parameters": {}, "strict": True}}
        ],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
    }
    assert got.adjusted == ()


def test_tools_that_may_not_be_called_are_left_out_and_said() -> None:
    tools = [{"type": "function", "name": name} for name in ("a", "b", "c")]
    choice = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "b"}]}
    got = asked(tools=tools, tool_choice=choice).request
    assert [tool["function"]["name"] for tool in got.params["tools"]] == ["b"]
    assert got.params["tool_choice"] == "required"
    assert got.adjusted == (
        "tools[0] left out (not among tool_choice.tools)",
        "tools[2] left out (not among tool_choice.tools)",
    )


def test_what_openai_can_do_passes_on_to_it() -> None:
    config = RouterConfig((GPT,), {"m": ("m",)})
    body = {"model": "m", "input": "hi", "tools": [{"type": "web_search"}], "stream": True, "router": {"resume": False}}
    native = request_of.translated(body, config).request.native
    assert native is not None
    assert native.body == {"input": "hi", "tools": [{"type": "web_search"}]}
    assert native.only == ("'tools[0]' (a tool of type 'web_search')",)


@pytest.mark.parametrize("more", [{"guardrail": Guardrail(id="g", version="1", region="eu-central-1")}, {}])
def test_what_is_checked_or_starts_from_a_prompt_is_translated(more: dict[str, Any]) -> None:
    config = RouterConfig((GPT,), {"m": ("m",)}, **more)
    body = {"model": "m", "input": "hi", **({} if more else {"prompt": {"id": "P"}})}
    assert request_of.translated(body, config).request.native is None
    with pytest.raises(InvalidRequestError, match="guardrail") as caught:
        request_of.translated({**body, "tools": [{"type": "web_search"}]}, config)
    assert caught.value.param == "tools[0]"


def test_null_is_not_there() -> None:
    got = asked(temperature=None, tools=None, reasoning=None, previous_response_id=None, text=None)
    assert got.request.params == {}
    assert got.request.adjusted == ()
