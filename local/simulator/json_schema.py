"""An instance that satisfies a JSON schema, for tool arguments and structured answers."""

from collections.abc import Mapping
from typing import Any

_FORMATS = {
    "date": "2026-01-31",
    "time": "12:00:00Z",
    "date-time": "2026-01-31T12:00:00Z",
    "duration": "PT1H",
    "email": "someone@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
_MAX_DEPTH = 12
_MAX_VALUES = 10_000
"""Of an instance, each character that a `minLength` demands among them."""


class Unsatisfiable(ValueError):
    """The schema demands a value that this simulator cannot make up."""


def instance(schema: Mapping[str, Any], text: str, named: Mapping[str, Any] | None = None) -> Any:
    """A value of the schema; `text` fills free strings, `named` fills properties of those names.

    Covers what the providers' structured outputs allow: type, enum, const, properties, required, items, anyOf, $ref,
    bounds of numbers, lengths and formats. `pattern` is not looked at.
    Raises Unsatisfiable for a `$ref` that leads nowhere, for required properties that nest without end, and for what is
    larger than a model would write.
    """
    return _Maker(schema, text, named or {}).make(schema, 0)


class _Maker:
    def __init__(self, root: Mapping[str, Any], text: str, named: Mapping[str, Any]) -> None:
        self._root = root
        self._text = text
        self._named = named
        self._made = 0
        self._times = 1
        """How often what is made now stands in the instance."""

    def make(self, schema: Any, depth: int) -> Any:
        if depth > _MAX_DEPTH:
            raise Unsatisfiable("the schema nests required properties without end")
        self._count(1)
        if not isinstance(schema, Mapping):
            return {}
        match schema:
            case {"$ref": reference}:
                made = self.make(self._resolve(str(reference)), depth + 1)
            case {"const": value} | {"enum": [value, *_]}:
                made = value
            case {"anyOf": [*options]} | {"oneOf": [*options]} if options:
                made = self._first_possible(options, depth)
            case {"allOf": [_, *_]}:
                made = self.make(_merged(schema), depth + 1)
            case _:
                made = self._typed(schema, depth)
        return made

    def _first_possible(self, options: list[Any], depth: int) -> Any:
        for option in options[:-1]:
            try:
                return self.make(option, depth + 1)
            except Unsatisfiable:
                continue
        return self.make(options[-1], depth + 1)

    def _resolve(self, reference: str) -> Any:
        node: Any = self._root
        for step in reference.removeprefix("#").strip("/").split("/"):
            if not step:
                continue
            if not isinstance(node, Mapping) or step not in node:
                raise Unsatisfiable(f"{reference} leads nowhere")
            node = node[step]
        return node

    def _typed(self, schema: Mapping[str, Any], depth: int) -> Any:
        kind = schema.get("type", "object" if "properties" in schema else "string")
        if isinstance(kind, list):
            kind = kind[0]
        match kind:
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, depth)
            case "integer" | "number":
                return _number(schema, whole=kind == "integer")
            case "boolean":
                return True
            case "null":
                return None
            case _:
                return self._string(schema)

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        properties = schema.get("properties", {})
        wanted = dict.fromkeys(schema.get("required", ()))
        wanted.update((name, None) for name in properties if name in self._named)
        return {
            name: self._named[name] if name in self._named else self.make(properties.get(name, {}), depth + 1)
            for name in wanted
        }

    def _array(self, schema: Mapping[str, Any], depth: int) -> list[Any]:
        length, before = max(1, int(schema.get("minItems", 1))), self._times
        self._times *= length
        item = self.make(schema.get("items", {}), depth + 1)
        self._times = before
        return [item] * length

    def _count(self, values: int) -> None:
        self._made += values * self._times
        if self._made > _MAX_VALUES:
            raise Unsatisfiable(f"the schema asks for more than {_MAX_VALUES} values")

    def _string(self, schema: Mapping[str, Any]) -> str:
        if schema.get("format") in _FORMATS:
            return _FORMATS[schema["format"]]
        text = self._text[: schema.get("maxLength", len(self._text))]
        least = int(schema.get("minLength", 0))
        self._count(least)
        return text.ljust(least, ".")


def _number(schema: Mapping[str, Any], *, whole: bool) -> float:
    step = schema.get("multipleOf", 1)
    value: float = 1
    if "minimum" in schema:
        value = schema["minimum"]
    elif "exclusiveMinimum" in schema:
        value = schema["exclusiveMinimum"] + step
    elif "maximum" in schema:
        value = min(value, schema["maximum"])
    elif "exclusiveMaximum" in schema:
        value = min(value, schema["exclusiveMaximum"] - step)
    if "multipleOf" in schema:
        value = -(-value // step) * step
    return int(value) if whole else value


def _merged(schema: Mapping[str, Any]) -> dict[str, Any]:
    """`allOf` of objects as one object."""
    merged: dict[str, Any] = {key: value for key, value in schema.items() if key != "allOf"}
    for part in schema["allOf"]:
        for key, value in part.items():
            if isinstance(value, dict) and isinstance(merged.get(key), dict):
                merged[key] = {**merged[key], **value}
            elif isinstance(value, list) and isinstance(merged.get(key), list):
                merged[key] = merged[key] + value
            else:
                merged[key] = value
    return merged
