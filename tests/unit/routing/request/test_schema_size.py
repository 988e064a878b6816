"""How large a schema is found to be, beside what it comes to when somebody does replace its references."""

from __future__ import annotations

import sys
from copy import deepcopy
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_fallback_router.routing.request.schema_size import Budget, SchemaTooLargeError, Size

WIDE = Size(50_000, 6_000_000, 100)


def spend(schema: Any, most: Size = WIDE) -> Budget:
    budget = Budget(most)
    budget.spend(schema)
    return budget


def is_too_large(schema: Any, values: int) -> bool:
    try:
        spend(schema, Size(values, 10**9, 10**6))
    except SchemaTooLargeError:
        return True
    return False


def found_values(schema: Any) -> int:
    """The least bound that takes the schema."""
    low, high = 1, 1_000_000
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if is_too_large(schema, middle) else (low, middle)
    return low


def replaced(node: Any, definitions: dict[str, Any], way: tuple[str, ...] = ()) -> Any:
    """`node` with each reference beside what it stands for, but for one that goes in a circle."""
    if isinstance(node, list):
        return [replaced(one, definitions, way) for one in node]
    if not isinstance(node, dict):
        return node
    whole = {name: replaced(one, definitions, way) for name, one in node.items()}
    name = str(node.get("$ref", "")).removeprefix("#/$defs/")
    if name in definitions and name not in way:
        whole["="] = replaced(definitions[name], definitions, (*way, name))
    return whole


def values_of(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + sum(map(values_of, value.values()))
    return 1 + sum(map(values_of, value)) if isinstance(value, list) else 1


NAMES = ["a", "b", "c", "d"]
NODE = st.recursive(
    st.sampled_from([{"type": "string"}, {"enum": ["x", 1]}])
    | st.sampled_from(NAMES).map(lambda name: {"$ref": f"#/$defs/{name}"}),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3).map(lambda options: {"anyOf": options})
        | st.dictionaries(st.sampled_from("xyz"), inner, max_size=3).map(lambda some: {"properties": some})
    ),
    max_leaves=5,
)


@given(definitions=st.fixed_dictionaries(dict.fromkeys(NAMES, NODE)), inner=NODE)
def test_is_what_replacing_comes_to(definitions: dict[str, Any], inner: dict[str, Any]) -> None:
    root = {"items": inner}
    schema = {**deepcopy(root), "$defs": definitions}
    assert found_values(schema) == values_of(replaced(root, definitions))


def mutual(count: int) -> dict[str, Any]:
    """Definitions each of which refers to all of them."""
    names = [f"d{number}" for number in range(count)]
    each = {"type": "object", "properties": {name: {"$ref": f"#/$defs/{name}"} for name in names}}
    definitions = {name: deepcopy(each) for name in names}
    return {"type": "object", "properties": {"root": {"$ref": "#/$defs/d0"}}, "$defs": definitions}


def chain(length: int) -> dict[str, Any]:
    definitions = {f"d{number}": {"items": {"$ref": f"#/$defs/d{number + 1}"}} for number in range(length)}
    return {"$defs": definitions, "$ref": "#/$defs/d0"}


def repeated(times: int, size: int) -> dict[str, Any]:
    return {"$defs": {"long": {"description": "x" * size}}, "anyOf": [{"$ref": "#/$defs/long"}] * times}


def parts_of_parts(levels: int, width: int) -> dict[str, Any]:
    """References to what stands inside of what others refer to."""
    inner: dict[str, Any] = {"enum": ["x"] * width}
    for _ in range(levels):
        inner = {"items": inner}
    pointers = ["#/properties/a" + "/items" * level for level in range(levels)]
    return {"properties": {"a": inner}, "anyOf": [{"$ref": pointer} for pointer in pointers]}


def namesakes(count: int) -> dict[str, Any]:
    """As many definitions of one name as references to it."""
    return {"allOf": [{"$defs": {"a": {"const": number}}, "$ref": "#/$defs/a"} for number in range(count)]}


def carried(definitions: int, values: int) -> dict[str, Any]:
    """Definitions that a converter carries along to each of many values."""
    return {
        "$defs": {f"d{number}": {} for number in range(definitions)},
        "anyOf": [{"$ref": "#/$defs/d0"}, *({} for _ in range(values))],
    }


HOSTILE = {
    "mutual": mutual(9),
    "many mutual": mutual(60),
    "chain": chain(5_000),
    "repeated": repeated(1_000, 100_000),
    "parts of parts": parts_of_parts(90, 20_000),
    "namesakes": namesakes(5_000),
    "carried": carried(10_000, 20_000),
}


@pytest.mark.parametrize("schema", HOSTILE.values(), ids=HOSTILE.keys())
def test_is_refused_after_little_work(schema: dict[str, Any]) -> None:
    calls = 0

    def count(_: FrameType, event: str, __: Any) -> None:
        nonlocal calls
        calls += event == "call"

    budget = Budget(WIDE)
    sys.setprofile(count)
    try:
        with pytest.raises(SchemaTooLargeError):
            budget.spend(schema)
    finally:
        sys.setprofile(None)
    assert calls < 150_000


TAKEN = {
    "a tree": {
        "$defs": {"node": {"properties": {"children": {"items": {"$ref": "#/$defs/node"}}}}},
        "$ref": "#/$defs/node",
    },
    "itself": {"properties": {"again": {"$ref": "#"}}},
    "an expression": {
        "$defs": {
            "expression": {"anyOf": [{"$ref": f"#/$defs/kind{number}"} for number in range(15)]},
            **{f"kind{number}": {"properties": {"of": {"$ref": "#/$defs/expression"}}} for number in range(15)},
        },
        "$ref": "#/$defs/expression",
    },
    "leads nowhere": {"$ref": "#/$defs/none", "items": {"$ref": "https://example.com/schema"}},
    "a property of that name": {"properties": {"$ref": {"type": "string"}}, "$defs": 1, "definitions": ["x"]},
    "odd pointers": {
        "items": [{"$ref": "#/items/0"}, {"$ref": "#/items/9"}, {"$ref": "#/a~1b"}, {"$ref": "##//"}],
        "a/b": {},
    },
    "OpenAPI": {"components": {"schemas": {"a": {"type": "string"}}}, "$ref": "#/components/schemas/a"},
}


@pytest.mark.parametrize("schema", TAKEN.values(), ids=TAKEN.keys())
def test_is_taken(schema: dict[str, Any]) -> None:
    spend(schema)


def test_older_definitions_count_like_newer_ones() -> None:
    assert is_too_large({"definitions": {"a": {"enum": [1] * 50}}, "anyOf": [{"$ref": "#/definitions/a"}] * 10}, 400)


@pytest.mark.parametrize("most", [Size(10**6, 10**6, 4), Size(10**6, 20, 10**6)])
def test_depth_and_text_are_bounded_too(most: Size) -> None:
    spend({"items": {"items": {}}}, most)
    with pytest.raises(SchemaTooLargeError):
        spend({"$defs": {"a": {"items": {"title": "x" * 10}}}, "items": {"items": {"$ref": "#/$defs/a"}}}, most)


def test_what_all_schemas_come_to_is_bounded() -> None:
    budget = Budget(WIDE)
    with pytest.raises(SchemaTooLargeError):
        for _ in range(20):
            budget.spend(mutual(6))
