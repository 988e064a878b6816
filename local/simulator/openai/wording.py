"""Says what is wrong with a request in OpenAI's words."""

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
_BOUNDS = {
    "less_than_equal": ("above_max_value", "above maximum value", "<=", "le"),
    "greater_than_equal": ("below_min_value", "below minimum value", ">=", "ge"),
}


def refusal_of(error: ValidationError) -> ApiError:
    """The first mistake that can be named, as OpenAI reports one at a time."""
    mistakes = error.errors(include_url=False)
    # Members of a union each complain; the innermost complaint is the one about what the caller meant.
    mistake = max(mistakes, key=lambda one: len(_steps(one["loc"]))) if len(mistakes) > 1 else mistakes[0]
    where = _where(mistake["loc"])
    kind, value, context = mistake["type"], mistake["input"], mistake.get("ctx", {})
    if kind == "missing":
        return refuse(f"Missing required parameter: '{where}'.", code="missing_required_parameter", param=where)
    if kind == "extra_forbidden":
        return refuse(f"Unknown parameter: '{where}'.", code="unknown_parameter", param=where)
    if kind in _EXPECTED:
        text = f"Invalid type for '{where}': expected {_EXPECTED[kind]}, but got {_name_of(value)} instead."
        return refuse(text, code="invalid_type", param=where)
    if kind in _BOUNDS:
        code, words, sign, bound = _BOUNDS[kind]
        number = "integer" if isinstance(value, int) and isinstance(context[bound], int) else "decimal"
        text = (
            f"Invalid '{where}': {number} {words}. Expected a value {sign} {context[bound]:g}, but got {value} instead."
        )
        return refuse(text, code=f"{number}_{code}", param=where)
    if kind == "too_short":
        text = (
            f"Invalid '{where}': empty array. Expected an array with minimum length 1, but got an empty array instead."
        )
        return refuse(text, code="empty_array", param=where)
    if kind in {"literal_error", "union_tag_invalid"}:
        shown = context.get("tag", value)
        allowed = context.get("expected") or context.get("expected_tags", "")
        if kind == "union_tag_invalid":
            where = f"{where}.{context['discriminator'].strip(chr(39))}"
        text = f"Invalid value: '{shown}'. Supported values are: {allowed}."
        return refuse(text, code="invalid_value", param=where)
    if kind == "union_tag_not_found":
        where = f"{where}.{context['discriminator'].strip(chr(39))}"
        return refuse(f"Missing required parameter: '{where}'.", code="missing_required_parameter", param=where)
    return refuse(f"Invalid '{where}': {mistake['msg']}.", code="invalid_value", param=where)


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
            union_list = step == "messages"
            tag_follows = step == "response_format"
    return steps


def _where(location: tuple[int | str, ...]) -> str:
    path = ""
    for step in _steps(location):
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else str(step)
    return path


def _name_of(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int():
            return "an integer"
        case float():
            return "a decimal"
        case str():
            return "a string"
        case list():
            return "an array"
        case _:
            return "an object"
