"""Checks a body of `InvokeModel` as Bedrock does before it reaches the model.

Source of the texts: langgenius/dify pull request 3326, ScrapeGraphAI/Scrapegraph-ai issue 400, spring-projects/
spring-ai issue 788 (several mistakes at once).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from local.simulator.bedrock.errors import refuse

_KINDS: dict[str, Any] = {"String": str, "Integer": int, "Boolean": bool, "JSONArray": list}


@dataclass(frozen=True)
class Field:
    """What a field may hold."""

    kind: str
    required: bool = False
    allowed: tuple[Any, ...] = ()
    lengths: tuple[int, int] | None = None
    """Least and most: characters of a string, items of an array."""
    items: "Field | None" = None


def check(body: Any, fields: Mapping[str, Field]) -> None:
    """Raises ApiError."""
    if not isinstance(body, dict):
        raise refuse("Malformed input request, please reformat your input and try again.")
    mistakes = [
        *(f"#: required key [{name}] not found" for name, one in fields.items() if one.required and name not in body),
        *(f"#: extraneous key [{name}] is not permitted" for name in body if name not in fields),
        *(
            mistake
            for name, one in fields.items()
            if name in body
            for mistake in _mistakes(f"#/{name}", body[name], one)
        ),
    ]
    if len(mistakes) > 1:
        text = f"{len(mistakes)} schema violations found"
    elif mistakes:
        text = mistakes[0]
    else:
        return
    raise refuse(f"Malformed input request: {text}, please reformat your input and try again.")


def _mistakes(where: str, value: Any, field: Field) -> Iterator[str]:
    if not isinstance(value, _KINDS[field.kind]) or (field.kind == "Integer" and isinstance(value, bool)):
        yield f"{where}: expected type: {field.kind}, found: {_kind_of(value)}"
        return
    if field.allowed and value not in field.allowed:
        yield f"{where}: {value} is not a valid enum value"
    if field.lengths:
        least, most = field.lengths
        words = ("minimum item count", "maximum item count") if isinstance(value, list) else ("minLength", "maxLength")
        found = "found" if isinstance(value, list) else "actual"
        if len(value) < least:
            yield f"{where}: expected {words[0]}: {least}, {found}: {len(value)}"
        if len(value) > most:
            yield f"{where}: expected {words[1]}: {most}, {found}: {len(value)}"
    if field.items:
        for index, one in enumerate(value):
            yield from _mistakes(f"{where}/{index}", one, field.items)


def _kind_of(value: Any) -> str:
    names = {bool: "Boolean", int: "Integer", float: "BigDecimal", str: "String", list: "JSONArray", dict: "JSONObject"}
    return next((name for kind, name in names.items() if isinstance(value, kind)), "Null")
