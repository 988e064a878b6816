"""Where a schema's references lead, and what it is without them: in time and size that its own size bounds."""

from __future__ import annotations

from typing import Any

import pytest

from litellm_fallback_router.routing.adaptation.json_schemas import MAX_DEPTH, References
from litellm_fallback_router.routing.adaptation.report import Report, UnfitError
from litellm_fallback_router.routing.adaptation.schemas import answer_schema, tool_schema


def ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/$defs/{name}"}


def fan(depth: int) -> dict[str, Any]:
    """Each definition refers to the next one twice: 2^depth of the last, without references."""
    steps = {f"d{n}": {"properties": {"a": ref(f"d{n + 1}"), "b": ref(f"d{n + 1}")}} for n in range(depth)}
    return {"type": "object", "properties": {"a": ref("d0")}, "$defs": {**steps, f"d{depth}": {"type": "string"}}}


@pytest.mark.parametrize(
    ("schema", "recursive"),
    [
        ({"$defs": {"A": {"items": ref("A")}}, **ref("A")}, True),
        ({"$defs": {"A": {"items": ref("B")}, "B": {"anyOf": [ref("A"), {"type": "null"}]}}, **ref("A")}, True),
        ({"properties": {"child": {"$ref": "#"}}}, True),
        ({"properties": {"a": {"properties": {"b": {"$ref": "#/properties/a"}}}}}, True),
        ({"$defs": {"A": {"type": "string"}}, "properties": {"x": ref("A"), "y": ref("A")}}, False),
        ({"properties": {"a": {"type": "string"}, "b": {"$ref": "#/properties/a"}}}, False),
        ({"properties": {"$ref": {"type": "string"}}}, False),
        ({"enum": [{"$ref": "#"}]}, False),
        (fan(60), False),
    ],
)
def test_recursion_is_found_and_nothing_else(schema: dict[str, Any], *, recursive: bool) -> None:
    references = References(schema)
    assert references.recursive is recursive
    assert not references.dangling


@pytest.mark.parametrize(
    "pointer", ["#/$defs/B", "https://example.com/schema", "#anchor", "other.json#/A", "#/$defs/A/0"]
)
def test_what_leads_nowhere_is_found(pointer: str) -> None:
    assert References({"$defs": {"A": {"type": "string"}}, "items": {"$ref": pointer}}).dangling


@pytest.mark.parametrize(
    ("pointer", "root"),
    [
        ("#/$defs/a~1b", {"$defs": {"a/b": {"type": "string"}}}),
        ("#/$defs/a%20b", {"$defs": {"a b": {"type": "string"}}}),
        ("#/anyOf/1", {"anyOf": [{}, {"type": "string"}]}),
    ],
)
def test_pointers_are_read_as_the_standard_says(pointer: str, root: dict[str, Any]) -> None:
    assert References(root).target(pointer) == {"type": "string"}


def test_what_stands_beside_a_reference_stays() -> None:
    schema = {"type": "object", "properties": {"a": {**ref("A"), "description": "mine"}}}
    schema["$defs"] = {"A": {"type": "string", "description": "its own"}}
    report = Report()
    assert tool_schema(schema, report, inline=True, top=None) == {
        "type": "object",
        "properties": {"a": {"type": "string", "description": "mine"}},
    }
    assert report.lines == ("tools $defs written out",)


def test_a_schema_that_would_explode_without_references_is_not_made() -> None:
    with pytest.raises(UnfitError, match="too large"):
        tool_schema(fan(40), Report(), inline=True, top=None)
    assert tool_schema(fan(40), Report(), inline=False, top=None) == fan(40)


def test_a_long_chain_of_references_and_a_deep_schema_are_refused() -> None:
    chain = {f"d{n}": ref(f"d{n + 1}") for n in range(2000)} | {"d2000": {"type": "string"}}
    with pytest.raises(UnfitError):
        tool_schema({"type": "object", "properties": {"a": ref("d0")}, "$defs": chain}, Report(), inline=True, top=None)
    deep: dict[str, Any] = {"type": "string"}
    for _ in range(MAX_DEPTH + 1):
        deep = {"type": "array", "items": deep}
    with pytest.raises(UnfitError, match="deeply"):
        answer_schema(deep, Report())


@pytest.mark.parametrize(
    ("keyword", "value", "kept"),
    [
        ("minItems", 1, True),
        ("minItems", 2, False),
        ("format", "date-time", True),
        ("format", "ipv7", False),
        ("pattern", "^[a-z]+$", True),
        ("pattern", r"(?=a)b", False),
        ("enum", ["a", 1, None], True),
        ("enum", [{"a": 1}], False),
        ("const", "a", True),
        ("default", 5, True),
        ("uniqueItems", True, False),
        ("patternProperties", {"a": {}}, False),
    ],
)
def test_a_grammar_takes_some_keywords(keyword: str, value: Any, *, kept: bool) -> None:
    report = Report()
    found = answer_schema({"items": {keyword: value}}, report)
    assert (found == {"items": {keyword: value}}) is kept
    assert report.lines == (() if kept else (f"response_format {keyword} dropped",))


def test_names_that_look_like_keywords_are_names() -> None:
    schema = {"properties": {"minimum": {"type": "string"}, "oneOf": {"type": "string"}}, "required": ["minimum"]}
    assert answer_schema(schema, Report()) == schema


def test_one_of_and_a_lonely_all_of_are_said_otherwise() -> None:
    report = Report()
    schema = {"oneOf": [{"allOf": [ref("A")], "description": "x"}], "$defs": {"A": {"type": "string"}}}
    assert answer_schema(schema, report) == {
        "anyOf": [{**ref("A"), "description": "x"}],
        "$defs": {"A": {"type": "string"}},
    }
    assert report.lines == ("response_format oneOf sent as anyOf",)


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#", "$defs": {}},
        {"type": "array", "items": {}},
        {"type": ["object", "null"]},
        {"$defs": {"A": {"$ref": "#/$defs/B"}, "B": {"$ref": "#/$defs/A"}}, "$ref": "#/$defs/A"},
    ],
)
def test_tools_take_an_object(schema: dict[str, Any]) -> None:
    with pytest.raises(UnfitError):
        tool_schema(schema, Report(), inline=False, top=None)


def test_the_callers_own_words_are_not_repeated() -> None:
    report = Report()
    tool_schema({"type": "object", "x-my-secret": 1, "anyOf": []}, report, inline=False, top=frozenset({"type"}))
    assert report.lines == ("tools keywords dropped", "tools anyOf dropped")


@pytest.mark.parametrize("place", ["2", "9" * 5000, "01", "+0", "-1", "1_0", "\u0661", "\u00b2", ""])
def test_a_place_in_a_list_that_there_is_not_is_nowhere(place: str) -> None:
    assert References({"anyOf": [{"type": "string"}, {"type": "null"}]}).target(f"#/anyOf/{place}") is None
