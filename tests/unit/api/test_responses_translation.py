"""What a request for a response becomes as a chat request, and that nothing of one is lost without a word."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_fallback_router.api.formats.responses import request as request_of
from litellm_fallback_router.api.formats.responses.request import Translated
from litellm_fallback_router.routing.adaptation import speaks
from litellm_fallback_router.routing.adaptation.native import fitted_native
from litellm_fallback_router.routing.adaptation.report import Report
from litellm_fallback_router.routing.errors import InvalidRequestError
from litellm_fallback_router.routing.mapping import Guardrail, RouterConfig, RouterSettings
from litellm_fallback_router.routing.request.messages import check_messages
from litellm_fallback_router.routing.types import Deployment, ModelInfo

ASK = {"role": "user", "content": "hi"}
CALL = {"type": "function_call", "call_id": "c1", "name": "look_up", "arguments": "{}"}
RESULT = {"type": "function_call_output", "call_id": "c1", "output": "rain"}
SAYS = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed"}


CLAUDE = Deployment("m", "m", "anthropic", "claude-sonnet-4-6", "anthropic/claude-sonnet-4-6", "key")
CONFIG = RouterConfig((CLAUDE,), {"m": ("m",)})


def translated(body: dict[str, Any]) -> Translated:
    """For a chain in which nobody has the Responses API."""
    return request_of.translated(body, CONFIG)


def asked(*items: Any, **body: Any) -> Translated:
    return translated({"model": "m", "input": list(items) or "hi", **body})


def messages(*items: Any, **body: Any) -> list[dict[str, Any]]:
    return [dict(message) for message in asked(*items, **body).request.messages]


def refused(*items: Any, **body: Any) -> InvalidRequestError:
    with pytest.raises(InvalidRequestError) as caught:
        asked(*items, **body)
    return caught.value


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


GPT = Deployment("m", "m", "openai", "gpt-5.4", "openai/gpt-5.4", "key")


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


def test_null_is_not_there() -> None:
    got = asked(temperature=None, tools=None, reasoning=None, previous_response_id=None, text=None)
    assert got.request.params == {}
    assert got.request.adjusted == ()


# Every leaf of a request is sent, told, or the request refused with its place.

words = st.integers(10_000, 99_999).map("w{}w".format)
cache = st.just({"mode": "explicit"})


def having(required: dict[str, Any], **optional: Any) -> st.SearchStrategy[dict[str, Any]]:
    fixed = {
        name: value if isinstance(value, st.SearchStrategy) else st.just(value) for name, value in required.items()
    }
    return st.fixed_dictionaries(fixed, optional=optional)


input_parts = st.one_of(
    having({"type": "input_text", "text": words}, prompt_cache_breakpoint=cache, odd=words),
    having({"type": "input_image", "image_url": words}, detail=words, odd=words),
    having({"type": "input_file", "file_data": words}, filename=words, detail=words),
    having({"type": "input_file", "file_url": words}, filename=words),
    having({"type": "input_file", "file_id": words}),
)
cited = st.lists(having({"type": "file_path", "file_id": words, "index": 1}), max_size=1)
said = st.one_of(
    having(
        {"type": "output_text", "text": words},
        annotations=cited,
        logprobs=st.lists(having({"token": words}), max_size=1),
    ),
    having({"type": "refusal", "refusal": words}),
)
content = st.one_of(words, st.lists(input_parts, min_size=1, max_size=2))
items = st.one_of(
    having({"role": st.sampled_from(["user", "system", "developer"]), "content": content}, odd=words),
    having({"type": "message", "role": "assistant", "content": st.lists(said, min_size=1, max_size=2)}, phase=words),
    having({"type": "reasoning", "summary": st.lists(having({"type": "summary_text", "text": words}), max_size=1)},
           content=st.lists(having({"type": "reasoning_text", "text": words}), min_size=1, max_size=1), odd=words),
    having({"type": "function_call", "call_id": words, "name": words, "arguments": words}, namespace=words, odd=words),
    having({"type": "custom_tool_call", "call_id": words, "name": words, "input": words},
           caller=st.just({"type": "direct"})),
    having({"type": "web_search_call", "query": words}),
)  # fmt: skip
tools = st.one_of(
    having({"type": "function", "name": words}, description=words, parameters=having({"title": words}),
           strict=st.booleans(), output_schema=having({"title": words}), defer_loading=st.booleans(), odd=words),
    having({"type": "custom", "name": words}, description=words,
           format=having({"type": "grammar", "syntax": "lark", "definition": words})),
    having({"type": "namespace", "name": words, "description": words,
            "tools": st.lists(having({"type": "function", "name": words}, description=words), min_size=1, max_size=2)}),
    having({"type": "mcp", "server_label": words}),
)  # fmt: skip
bodies = having(
    {"model": "m", "input": st.lists(items, min_size=1, max_size=4)},
    instructions=words,
    tools=st.lists(tools, min_size=1, max_size=3),
    reasoning=having({}, effort=words, summary=st.sampled_from(["auto", "detailed"]), context=words, mode=words),
    text=having({}, verbosity=st.sampled_from(["low", "high"]), format=having(
        {"type": "json_schema", "name": words, "schema": having({"title": words})}, description=words, odd=words)),
    include=st.lists(words, max_size=2),
    metadata=having({}, key=words),
    truncation=st.just("auto"),
    max_tool_calls=st.integers(1000, 9999),
    max_output_tokens=st.integers(1000, 9999),
    client_metadata=having({}, key=words),
    **dict.fromkeys(("user", "safety_identifier", "prompt_cache_key", "service_tier", "previous_response_id"), words),
)  # fmt: skip
MADE_BY_THE_API = ("type", "id", "status", "role", "mode")


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from leaves(inner, f"{path}[{index}]")
    else:
        yield path, value


def with_results(body: dict[str, Any]) -> dict[str, Any]:
    """Each call answered, right after all of them."""
    calls = {item["call_id"]: item["type"] for item in body["input"] if "call_id" in item}
    results = [
        {"type": f"{kind}_output", "call_id": call_id, "output": f"r{call_id}"} for call_id, kind in calls.items()
    ]
    return {**body, "input": [*body["input"], *results]}


@given(bodies)
def test_no_leaf_is_lost_without_a_word(body: dict[str, Any]) -> None:
    body = with_results(body)
    try:
        got = translated(body)
    except InvalidRequestError as error:
        assert error.param is not None
        places = [path for path, _ in leaves(body)]
        assert error.param == "input" or any(path.startswith(error.param) for path in places), error.param
        return
    request = got.request
    sent = json.dumps([request.model, list(request.messages), request.params])
    told = [re.split(r" (?:dropped|sent|moved|left)", line)[0] for line in request.adjusted]
    lost = [
        path
        for path, value in leaves(body)
        if path.rpartition(".")[2] not in MADE_BY_THE_API
        and json.dumps(value).strip('"') not in sent
        and not any(path.startswith(place) for place in told)
        and (path, value) not in (("reasoning.summary", "auto"), ("reasoning.context", "auto"))
        and value is not False
    ]
    assert lost == []


def with_plain_gpt() -> RouterConfig:
    plain = replace(GPT, model="gpt-4o", info=ModelInfo(reasoning=False, max_output_tokens=5000))
    return RouterConfig((plain,), {"m": ("m",)})


@given(bodies)
def test_no_leaf_is_lost_on_the_way_to_openai_itself(body: dict[str, Any]) -> None:
    config = with_plain_gpt()
    body = with_results(body)
    try:
        native = request_of.translated(body, config).request.native
    except InvalidRequestError as error:
        assert error.param is not None
        return
    assert native is not None
    report = Report()
    sent = dict(leaves(fitted_native(config.deployments[0], native, report).body))
    told = [line.rpartition(" dropped")[0] or line.partition(" ")[0] for line in report.lines]
    gone = {path for path, value in leaves(body) if sent.get(path) != value}
    assert [path for path in gone - {"model"} if not any(path.startswith(place) for place in told)] == []
    assert not sent.keys() - {path for path, _ in leaves(body)}


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@given(bodies, st.data())
def test_whatever_stands_anywhere_is_taken_or_refused(body: dict[str, Any], data: st.DataObject) -> None:
    """A value in the place of another is a mistake of the caller's, never a bug."""
    body = json.loads(json.dumps(with_results(body)))
    for _ in range(data.draw(st.integers(1, 3))):
        places = [*containers(body)]
        owner, key = data.draw(st.sampled_from(places))
        if not isinstance(owner, dict) or key in owner:
            owner[key] = data.draw(anything)
    for config in (CONFIG, with_plain_gpt()):
        try:
            request = request_of.translated(body, config).request
        except InvalidRequestError as error:
            assert str(error)
            continue
        native = request.native
        assert native is not None
        if not native.only:
            check_messages(request.messages)
        for deployment in config.deployments:
            if speaks(deployment, native):
                fitted_native(deployment, native, Report())


def containers(value: Any) -> Iterator[tuple[Any, Any]]:
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield value, key
        if isinstance(inner, dict | list):
            yield from containers(inner)
