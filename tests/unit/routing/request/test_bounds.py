"""What a request may hold, and the field that a refusal names."""

from __future__ import annotations

from typing import Any

import pytest

from litellm_fallback_router.routing.errors import InvalidRequestError
from litellm_fallback_router.routing.mapping.settings import RouterSettings
from litellm_fallback_router.routing.request.bounds import check_bounds
from litellm_fallback_router.routing.types import ChatRequest
from tests.support.scripted import Step, rig

SMALL = RouterSettings(max_messages=3, max_parts=5, max_tools=2, max_values=100, max_depth=10)
USER = {"role": "user", "content": "hi"}
TEXT = {"type": "text", "text": "hi"}
CALL = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def refusal(fields: dict[str, Any], settings: RouterSettings = SMALL) -> tuple[str | None, str | None]:
    with pytest.raises(InvalidRequestError) as caught:
        check_bounds(fields, settings)
    assert caught.value.param is None or caught.value.param in str(caught.value)
    return caught.value.param, caught.value.code


def nested(levels: int) -> Any:
    value: Any = "x"
    for level in range(levels):
        value = [value] if level % 2 else {"a": value}
    return value


def tool(parameters: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": "f", "parameters": parameters}}


def schema_of(parameters: Any) -> list[tuple[str, dict[str, Any]]]:
    """Every place in a request for a schema, with its name."""
    return [
        ("tools[1].function.parameters", {"tools": [tool({}), tool(parameters)]}),
        ("functions[0].parameters", {"functions": [{"name": "f", "parameters": parameters}]}),
        (
            "response_format.json_schema.schema",
            {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": parameters}}},
        ),
        ("tools[0].input_schema", {"tools": [{"name": "f", "input_schema": parameters}]}),
        ("tools[0].parameters", {"tools": [{"type": "function", "name": "f", "parameters": parameters}]}),
        ("output_config.format.schema", {"output_config": {"format": {"type": "json_schema", "schema": parameters}}}),
        ("output_format.schema", {"output_format": {"type": "json_schema", "schema": parameters}}),
        ("text.format.schema", {"text": {"format": {"type": "json_schema", "schema": parameters}}}),
    ]


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"messages": [USER] * 4}, "messages"),
        ({"tools": [tool({})] * 3}, "tools"),
        ({"functions": [{"name": "f"}] * 3}, "functions"),
        ({"messages": [USER, {"role": "user", "content": [TEXT] * 6}]}, "messages[1].content"),
        ({"messages": [{"role": "user", "content": [TEXT] * 3}] * 2}, "messages[1].content"),
        (
            {"messages": [{"role": "assistant", "content": [TEXT] * 3, "tool_calls": [CALL] * 3}]},
            "messages[0].tool_calls",
        ),
    ],
)
def test_arrays_too_long_are_refused(fields: dict[str, Any], name: str) -> None:
    assert refusal(fields) == (name, "array_above_max_length")


def test_what_is_just_inside_the_bounds_is_taken() -> None:
    parts = [{"role": "user", "content": [TEXT] * 2}] * 2
    check_bounds({"messages": [*parts, {"role": "user", "content": [TEXT]}], "tools": [tool({}), tool({})]}, SMALL)
    check_bounds({"prediction": nested(10), "metadata": {str(number): "x" for number in range(88)}}, SMALL)


@pytest.mark.parametrize("field", ["prediction", "messages", "no such field"])
def test_depth_is_refused_by_its_field(field: str) -> None:
    assert refusal({field: nested(11)}) == (field, "nested_too_deep")


def test_an_object_that_holds_itself_is_too_deep() -> None:
    circle: dict[str, Any] = {}
    circle["again"] = circle
    assert refusal({"prediction": circle}) == ("prediction", "nested_too_deep")


def test_lists_that_hold_one_another_many_times_are_counted_and_not_walked() -> None:
    wide: list[Any] = [1]
    for _ in range(9):
        wide = [wide] * 50
    assert refusal({"prediction": wide}) == ("prediction", "too_many_values")


def test_the_field_by_whose_end_there_are_too_many_values_is_named() -> None:
    assert refusal({"metadata": [1] * 60, "prediction": [1] * 60}) == ("prediction", "too_many_values")


@pytest.mark.parametrize("number", [float("inf"), float("-inf"), float("nan")])
def test_numbers_that_json_cannot_carry_are_refused_wherever_they_stand(number: float) -> None:
    assert refusal({"prediction": {"a": [1.0, number]}}) == ("prediction", "invalid_json")
    assert refusal({"temperature": number}) == ("temperature", "invalid_json")


def doubling(levels: int) -> dict[str, Any]:
    """Each definition refers twice to the next: 2 to the power of `levels` values."""
    definitions: dict[str, Any] = {f"d{levels}": {"type": "string"}}
    for level in range(levels):
        two = {"$ref": f"#/$defs/d{level + 1}"}
        definitions[f"d{level}"] = {"type": "object", "properties": {"a": two, "b": two}}
    return {"$defs": definitions, "$ref": "#/$defs/d0"}


@pytest.mark.parametrize(("name", "fields"), schema_of(doubling(30)))
def test_a_schema_that_grows_is_refused_by_its_place(name: str, fields: dict[str, Any]) -> None:
    assert refusal(fields, RouterSettings()) == (name, "schema_too_large")


def test_schemas_are_counted_together() -> None:
    each = doubling(4)  # 139 values
    check_bounds({"tools": [tool(each)] * 7}, RouterSettings(max_values=1000))
    fields = {"tools": [tool(each)] * 9}
    assert refusal(fields, RouterSettings(max_values=1000)) == ("tools[7].function.parameters", "schema_too_large")


@pytest.mark.parametrize("fields", [fields for _, fields in schema_of(["no", "schema"])])
def test_what_is_no_schema_is_left_to_those_who_check_it(fields: dict[str, Any]) -> None:
    check_bounds(fields, SMALL)


@pytest.mark.parametrize("value", [None, 1, "x", {"a": 1}, [None], [1, "x"], [[{}]]])
@pytest.mark.parametrize("name", ["messages", "tools", "functions", "response_format"])
def test_fields_of_any_other_type_are_left_to_those_who_check_them(name: str, value: Any) -> None:
    check_bounds({name: value}, SMALL)


async def test_python_s_door_has_the_same_bounds() -> None:
    answering = rig("a", scripts={"a": [Step()]})
    asked = ChatRequest("a", [USER], params={"tools": [tool(doubling(30))]})
    with pytest.raises(InvalidRequestError) as caught:
        await answering.router.complete(asked)
    assert caught.value.param == "tools[0].function.parameters"
    with pytest.raises(InvalidRequestError) as caught:
        await answering.router.complete(ChatRequest("a", [USER] * 2049))
    assert caught.value.param == "messages"


def called(*arguments: str) -> dict[str, Any]:
    calls = [{**CALL, "function": {"name": "f", "arguments": text}} for text in arguments]
    return {"messages": [USER, {"role": "assistant", "content": None, "tool_calls": calls}]}


def test_arguments_of_calls_count_as_the_values_that_they_hold() -> None:
    half = f"[{','.join(['{}'] * 30)}]"
    check_bounds(called(half), SMALL)
    assert refusal(called(half, half)) == ("messages[1].tool_calls[1].function.arguments", "too_many_values")


def test_punctuation_in_a_text_of_arguments_does_not_count() -> None:
    check_bounds(called('{"text": "' + "[{," * 1000 + '"}'), SMALL)
