"""What a request for a response may not ask for is refused at its place, by the caller's own name."""

from __future__ import annotations

from typing import Any

import pytest

from litellm_fallback_router.api.formats.responses import request as request_of
from litellm_fallback_router.routing.errors import InvalidRequestError
from litellm_fallback_router.routing.mapping import RouterConfig, RouterSettings
from tests.support.responses_requests import ASK, CALL, CLAUDE, GPT, RESULT, asked, translated


def refused(*items: Any, **body: Any) -> InvalidRequestError:
    with pytest.raises(InvalidRequestError) as caught:
        asked(*items, **body)
    return caught.value


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"conversation": {"id": "conv_1"}}, "conversation"),
        ({"background": True}, "background"),
        ({"store": True}, "store"),
        ({"context_management": [{"type": "compaction"}]}, "context_management"),
        ({"tools": [{"type": "web_search"}]}, "tools[0]"),
        ({"tools": [{"type": "mcp", "server_label": "x"}]}, "tools[0]"),
        ({"tools": [{"type": "function", "name": "f"}, {"type": "local_shell"}]}, "tools[1]"),
        ({"tools": [{"type": "function", "name": "f"}], "tool_choice": {"type": "file_search"}}, "tool_choice"),
        ({"reasoning": {"mode": "pro"}}, "reasoning.mode"),
        ({"input": [ASK, {"type": "item_reference", "id": "msg_1"}]}, "input[1]"),
        ({"input": [ASK, {"id": "msg_1"}]}, "input[1]"),
        ({"input": [ASK, {"type": "web_search_call", "id": "ws_1", "status": "completed"}]}, "input[1]"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "f"}]}]},
            "input[0].content[0].file_id",
        ),
        (
            {"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "f"}]}]},
            "input[0].content[0].file_id",
        ),
        (
            {"input": [{"type": "reasoning", "id": "rs", "summary": [], "encrypted_content": "gAAA"}, ASK]},
            "input[0].encrypted_content",
        ),
    ],
)
def test_what_only_openai_can_do_is_refused_by_name(body: dict[str, Any], field: str) -> None:
    error = refused(**{"input": "hi", **body})
    assert error.param == field
    assert f"'{field}'" in str(error)
    assert error.code == "unsupported_parameter"


@pytest.mark.parametrize(
    ("items", "field"),
    [
        ([ASK, CALL], "input"),
        ([ASK, RESULT], "input[1].call_id"),
        ([ASK, CALL, RESULT, RESULT], "input[3].call_id"),
        ([ASK, CALL, CALL, RESULT], "input[2].call_id"),
        ([{"type": "reasoning", "summary": []}], "input"),
        (["hi"], "input[0]"),
        ([{"content": "hi"}], "input[0].type"),
        ([{"type": 1}], "input[0].type"),
        ([{"role": "robot", "content": "hi"}], "input[0].role"),
        ([{"role": "user"}], "input[0].content"),
        ([{"role": "user", "content": 7}], "input[0].content"),
        ([{"role": "user", "content": ["hi"]}], "input[0].content[0]"),
        ([{"role": "user", "content": [{"type": "input_text"}]}], "input[0].content[0].text"),
        ([{"role": "user", "content": [{"type": "hologram"}]}], "input[0].content[0].type"),
        ([{"role": "user", "content": [{"type": "input_image"}]}], "input[0].content[0].image_url"),
        ([{"role": "user", "content": [{"type": "input_file"}]}], "input[0].content[0].file_data"),
        ([{"role": "assistant", "content": [{"type": "hologram"}]}], "input[0].content[0].type"),
        ([{"type": "function_call", "call_id": "c", "name": "f"}], "input[0].arguments"),
        ([ASK, CALL, {"type": "function_call_output", "call_id": "c1"}], "input[2].output"),
    ],
)
def test_a_mistake_is_refused_at_its_place(items: list[Any], field: str) -> None:
    assert refused(*items).param == field


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"input": []}, "input"),
        ({"input": 7}, "input"),
        ({"modle": "x"}, "modle"),
        ({"api_base": "http://x"}, "api_base"),
        ({"temperature": "0.5"}, "temperature"),
        ({"stream_options": {"include_obfuscation": False}}, "stream_options"),
        ({"text": {"format": {"type": "json_schema", "name": "x"}}}, "text.format.schema"),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type"),
        ({"tools": [{"name": "f"}]}, "tools[0].type"),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
        ({"tools": [{"type": "function", "name": "f f"}]}, "tools[0].name"),
        ({"tools": [{"type": "function", "name": "f", "parameters": 7}]}, "tools[0].parameters"),
        ({"tool_choice": "sometimes"}, "tool_choice"),
        ({"conversation": "c", "previous_response_id": "r"}, "previous_response_id"),
    ],
)
def test_a_wrong_field_is_refused_by_name(body: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        translated({"model": "m", "input": "hi", **body})
    assert caught.value.param == field


@pytest.mark.parametrize("missing", ["model", "input"])
def test_model_and_input_are_required(missing: str) -> None:
    body = {"model": "m", "input": "hi"}
    del body[missing]
    with pytest.raises(InvalidRequestError) as caught:
        translated(body)
    assert caught.value.param == missing


@pytest.mark.parametrize("body", [{"previous_response_id": "resp_gw_1"}, {"input": [{"id": "msg_gw_1"}]}])
def test_what_was_answered_here_and_is_not_kept_is_refused_whoever_is_asked(body: dict[str, Any]) -> None:
    config = RouterConfig((GPT,), {"m": ("m",)})
    with pytest.raises(InvalidRequestError, match="is not kept here"):
        request_of.translated({"model": "m", "input": "hi", **body}, config)


def test_the_bounds_of_a_chat_hold_for_what_items_and_tools_become() -> None:
    settings = RouterSettings(max_messages=3, max_parts=3, max_values=200)
    config = RouterConfig((CLAUDE,), {"m": ("m",)}, settings=settings)
    deep: dict[str, Any] = {"type": "object", "properties": {str(n): {"type": "string"} for n in range(120)}}
    tool = {"type": "function", "name": "f", "parameters": deep}
    for body, field in (
        ({"input": [ASK] * 4}, "input"),
        ({"input": [ASK, {**CALL, "arguments": "[" * 500}, RESULT]}, "input"),
        ({"input": [{"role": "user", "content": [{"type": "input_text", "text": "x"}] * 4}]}, "input"),
        ({"input": "hi", "tools": [{"type": "namespace", "name": "n", "tools": [tool]}]}, "tools"),
    ):
        with pytest.raises(InvalidRequestError) as caught:
            request_of.translated({"model": "m", **body}, config)
        assert caught.value.param == field
