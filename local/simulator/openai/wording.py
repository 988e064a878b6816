"""Says what is wrong with a request in OpenAI's words."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from local.simulator.openai.errors import refuse
from local.simulator.provider import ApiError

_EXPECTED = {
    "string_type": "a string",
    "int_type": "an integer",
    "int_from_float": "an integer",
    "float_type": "a decimal",
    "bool_type": "a boolean",
    "list_type": "an array",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
}
_UNION_LISTS = frozenset({"messages", "tools", "tool_calls"})
_UNION_FIELDS = frozenset({"response_format", "format"})
_BOUNDS = {
    "less_than_equal": ("above_max_value", "above maximum value", "<=", "le"),
    "greater_than_equal": ("below_min_value", "below minimum value", ">=", "ge"),
}


def refusal_of(error: ValidationError) -> ApiError:
    """The first mistake that can be named, as OpenAI reports one at a time."""
    # Of the members of a union that complain, the one that got furthest is what the caller meant.
    mistake = max(error.errors(include_url=False), key=lambda one: len(_steps(one["loc"])))
    where = _where(mistake["loc"])
    kind, value, context = mistake["type"], mistake["input"], mistake.get("ctx", {})
    if kind.startswith("union_tag"):
        where += "." + context["discriminator"].strip("'")
    match kind:
        case "missing" | "union_tag_not_found":
            text, code = f"Missing required parameter: '{where}'.", "missing_required_parameter"
        case "extra_forbidden":
            text, code = f"Unknown parameter: '{where}'.", "unknown_parameter"
        case "literal_error" | "union_tag_invalid":
            shown, allowed = context.get("tag", value), context.get("expected") or context["expected_tags"]
            text = f"Invalid value: '{shown}'. Supported values are: {allowed.replace(' or ', ', and ')}."
            code = "invalid_value"
        case _ if kind in _EXPECTED:
            text = f"Invalid type for '{where}': expected {_EXPECTED[kind]}, but got {_name_of(value)} instead."
            code = "invalid_type"
        case _ if kind in _BOUNDS:
            text, code = _out_of_bounds(where, kind, value, context)
        case "too_short":
            text = f"Invalid '{where}': empty array. Expected an array with minimum length 1, but got an empty array "
            text, code = text + "instead.", "empty_array"
        case "too_long" if isinstance(value, dict):
            most, given = context["max_length"], len(value)
            text = f"Invalid '{where}': too many properties. Expected an object with at most {most} properties, but "
            text, code = text + f"got an object with {given} properties instead.", "object_above_max_properties"
        case "too_long":
            text = f"Invalid '{where}': array too long. Expected an array with maximum length {context['max_length']}, "
            text += f"but got an array with length {context['actual_length']} instead."
            code = "array_above_max_length"
        case "string_too_long":
            text = f"Invalid '{where}': string too long. Expected a string with maximum length "
            text += f"{context['max_length']}, but got a string with length {len(value)} instead."
            code = "string_above_max_length"
        case "string_pattern_mismatch":
            text = f"Invalid '{where}': string does not match pattern. Expected a string that matches the pattern "
            text, code = text + f"'{context['pattern']}'.", "invalid_value"
        case _:
            text, code = f"Invalid '{where}': {mistake['msg']}.", "invalid_value"
    return refuse(text, code=code, param=where)


def _out_of_bounds(where: str, kind: str, value: Any, context: Mapping[str, Any]) -> tuple[str, str]:
    code, words, sign, bound = _BOUNDS[kind]
    number = "integer" if isinstance(value, int) and isinstance(context[bound], int) else "decimal"
    text = f"Invalid '{where}': {number} {words}. Expected a value {sign} {context[bound]:g}, but got {value} instead."
    return text, f"{number}_{code}"


def _steps(location: tuple[int | str, ...]) -> list[int | str]:
    """The location without the names that pydantic adds for the members of a union."""
    steps: list[int | str] = []
    tag_follows = False  # the next name is the discriminator's value
    union_list = False
    for step in location:
        if isinstance(step, int):
            steps.append(step)
            tag_follows = union_list
        elif tag_follows:
            tag_follows = False
        elif step == "str" or "[" in step or step[0].isupper():
            union_list = step.startswith("list[tagged-union")
        else:
            steps.append(step)
            union_list = step in _UNION_LISTS
            tag_follows = step in _UNION_FIELDS
    return steps


def _where(location: tuple[int | str, ...]) -> str:
    path = ""
    for step in _steps(location):
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else str(step)
    return path


def _name_of(value: Any) -> str:
    if value is None:
        return "null"
    # bool before int: it is one in Python
    names = {bool: "a boolean", int: "an integer", float: "a decimal", str: "a string", list: "an array"}
    return next((name for kind, name in names.items() if isinstance(value, kind)), "an object")
