"""Instances of schemas stay small, whatever a schema asks for."""

from __future__ import annotations

from typing import Any

import pytest

from local.simulator.json_schema import Unsatisfiable, instance


def branching(levels: int) -> dict[str, Any]:
    """Each definition requires ten of the next."""
    definitions: dict[str, Any] = {f"d{levels}": {"type": "string"}}
    for level in range(levels):
        ten = {f"p{number}": {"$ref": f"#/$defs/d{level + 1}"} for number in range(10)}
        definitions[f"d{level}"] = {"type": "object", "properties": ten, "required": list(ten)}
    return {"$defs": definitions, "$ref": "#/$defs/d0"}


def arrays(levels: int, length: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "integer"}
    for _ in range(levels):
        schema = {"type": "array", "minItems": length, "items": schema}
    return schema


@pytest.mark.parametrize(
    "schema",
    [branching(5), arrays(1, 10**9), arrays(4, 20), {"type": "string", "minLength": 10**9}],
    ids=["branching", "long", "arrays of arrays", "text"],
)
def test_a_schema_that_asks_for_too_much_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(Unsatisfiable, match="more than"):
        instance(schema, "said")


def test_what_a_model_would_write_is_made() -> None:
    assert instance(arrays(2, 3), "said") == [[1, 1, 1]] * 3
    assert instance({"type": "string", "minLength": 6}, "said") == "said.."
    assert instance(branching(1), "said") == {f"p{number}": "said" for number in range(10)}
