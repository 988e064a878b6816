"""Bounds on a request: everything that takes time to process is counted, cheaply, before anything is converted.

A converter may take a hundred times as long for a value as these counts do, and most of them run on the event loop,
where every other caller waits.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..errors import InvalidRequestError, invalid, shown
from ..mapping import RouterSettings
from .schema_size import Budget, SchemaTooLargeError, Size

CONTAINERS = (dict, list, tuple)
LISTS = frozenset({"messages", "tools", "functions"})
SCHEMAS = frozenset({"tools", "functions", "response_format", "output_config", "output_format", "text"})
"""Fields with JSON schemas in them, in any of the formats in which requests come."""
_FORMS = (("response_format", "json_schema"), ("output_config", "format"), ("output_format",), ("text", "format"))
"""Where the schema of an answer stands."""
_TOOL_SCHEMAS = ("parameters", "input_schema")
"""Where a tool has its own: in a chat within `function`, in OpenAI's Responses API, and in Anthropic's."""


def check_bounds(fields: Mapping[str, Any], settings: RouterSettings) -> None:
    """`fields` are a request's own, by name; whether they are well formed otherwise is looked at later.

    Raises InvalidRequestError for the first that is too large, naming it.
    """
    _check_lengths(fields, settings)
    check_values(fields, settings)
    _check_arguments(_listed(fields.get("messages")), settings)
    if not SCHEMAS.isdisjoint(fields):
        _check_schemas(fields, settings)


def check_values(fields: Mapping[str, Any], settings: RouterSettings) -> None:
    """Check how deep the fields' values are nested, and how many there are together.

    Args:
        fields: The request's fields by name.
        settings: The mapping's bounds.

    Raises:
        InvalidRequestError: The first field that is too deep, or that exceeds the number of values; or a number that is
            not finite.
    """
    left = settings.max_values
    for name, value in fields.items():
        if isinstance(value, CONTAINERS):
            left -= _counted(value, str(name), left, settings)
        elif isinstance(value, float) and not math.isfinite(value):
            raise _overflowed(str(name))


def too_many_values(name: str, settings: RouterSettings) -> InvalidRequestError:
    """`name`: the field by whose end there are too many; empty where that is not known."""
    field = f"Invalid '{shown(name)}': with it the request" if name else "The request"
    text = f"{field} holds more than {settings.max_values} JSON values (max_values). Send less."
    return invalid(text, shown(name) or None, "too_many_values")


def _check_lengths(fields: Mapping[str, Any], settings: RouterSettings) -> None:
    for name in LISTS & fields.keys():
        setting, value = "max_messages" if name == "messages" else "max_tools", fields[name]
        most = getattr(settings, setting)
        if isinstance(value, list | tuple) and len(value) > most:
            # OpenAI's words and code, as in https://github.com/obot-platform/obot/issues/1009
            text = f"Expected an array with maximum length {most}, but got an array with length {len(value)} instead."
            raise invalid(f"Invalid '{name}': array too long. {text} ({setting})", name, "array_above_max_length")
    _check_parts(_listed(fields.get("messages")), settings.max_parts)


def _check_parts(messages: Sequence[Any], most: int) -> None:
    left = most
    for index, message in enumerate(messages):
        if not isinstance(message, dict):
            continue
        for field in ("content", "tool_calls"):
            value = message.get(field)
            left -= len(value) if isinstance(value, list | tuple) else 0
            if left < 0:
                name = f"messages[{index}].{field}"
                text = f"Invalid '{name}': with it the messages hold more than {most} content parts and tool calls"
                raise invalid(f"{text} (max_parts). Send fewer.", name, "array_above_max_length")


def _counted(value: Any, name: str, most: int, settings: RouterSettings) -> int:
    """JSON values in `value`, an object or array, level by level: what holds itself is too deep in the end."""
    values, depth, level = 1, 0, [value]
    while level:
        depth += 1
        if depth > settings.max_depth:
            raise _too_deep(name, settings.max_depth)
        below: list[Any] = []
        for container in level:
            items = container.values() if isinstance(container, dict) else container
            values += len(items)
            if values > most:
                raise too_many_values(name, settings)
            for item in items:
                if type(item) is str:
                    continue
                if isinstance(item, CONTAINERS):
                    below.append(item)
                elif isinstance(item, float) and not math.isfinite(item):
                    raise _overflowed(name)
        level = below
    return values


def _check_arguments(messages: Sequence[Any], settings: RouterSettings) -> None:
    """Arguments of calls are JSON as text, which APIs other than OpenAI's get as values."""
    left = settings.max_values
    for name, text in _arguments(messages):
        left -= ValueCount().add(text.encode(errors="replace"))
        if left < 0:
            raise invalid(
                f"Invalid '{name}': with it the arguments of calls hold more than {settings.max_values} JSON values "
                "(max_values). Send less.",
                name,
                "too_many_values",
            )


def _arguments(messages: Sequence[Any]) -> Iterator[tuple[str, str]]:
    """The arguments of every call, with their place."""
    for index, message in enumerate(messages):
        calls = _listed(message.get("tool_calls")) if isinstance(message, dict) else ()
        for place, call in enumerate(calls):
            function = call.get("function") if isinstance(call, dict) else None
            text = function.get("arguments") if isinstance(function, dict) else None
            if isinstance(text, str):
                yield f"messages[{index}].tool_calls[{place}].function.arguments", text


def _overflowed(name: str) -> InvalidRequestError:
    """JSON cannot carry infinity further."""
    text = f"Invalid '{shown(name)}': it has a number that is too large for a double (such as 1e999), or that is none."
    return invalid(text, shown(name), "invalid_json")


def _too_deep(name: str, most: int) -> InvalidRequestError:
    return invalid(
        f"Invalid '{shown(name)}': it is nested deeper than {most} levels (max_depth).", shown(name), "nested_too_deep"
    )


def _check_schemas(fields: Mapping[str, Any], settings: RouterSettings) -> None:
    """Some providers take no `$ref`, so that a converter puts in its place what it stands for, again for each one."""
    budget = Budget(Size(settings.max_values, settings.max_request_bytes, settings.max_depth))
    for name, schema in _schemas(fields):
        try:
            budget.spend(schema)
        except SchemaTooLargeError as error:
            text = f"Invalid '{name}': with every $ref replaced by what it stands for, {error}. Use fewer references."
            raise invalid(text, name, "schema_too_large") from None


def _schemas(fields: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Every JSON schema of a request, with its place."""
    for index, tool in enumerate(_listed(fields.get("tools"))):
        yield from _within(tool, f"tools[{index}]", _TOOL_SCHEMAS)
        function = tool.get("function") if isinstance(tool, dict) else None
        yield from _within(function, f"tools[{index}].function", _TOOL_SCHEMAS)
    for index, function in enumerate(_listed(fields.get("functions"))):
        yield from _within(function, f"functions[{index}]", _TOOL_SCHEMAS)
    for path in _FORMS:
        owner: Any = fields
        for name in path:
            owner = owner.get(name) if isinstance(owner, dict) else None
        yield from _within(owner, ".".join(path), ("schema",))


def _within(owner: Any, path: str, names: Iterable[str]) -> Iterator[tuple[str, Any]]:
    for name in names:
        if isinstance(owner, dict) and owner.get(name) is not None:
            yield f"{path}.{name}", owner[name]


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()


SLICE = 65_536
"""Bytes looked at in one go."""


class ValueCount:
    """Counts the values of a JSON text without parsing it, by what stands outside of strings: in valid JSON each value
    comes after a comma or is the first of all, of an array or of an object; an empty array or object counts one too
    many."""

    def __init__(self) -> None:
        self._values = 1
        self._in_string = False
        self._escape = b""
        """A backslash at the end of what has come, whose other half has not."""

    def add(self, part: bytes) -> int:
        """Values so far, with those of `part`."""
        for start in range(0, len(part), SLICE):
            self._add(part[start : start + SLICE])
        return self._values

    def _add(self, part: bytes) -> None:
        text = (self._escape + part).replace(b"\\\\", b"")
        self._escape = b"\\" if text.endswith(b"\\") else b""
        pieces = text.replace(b'\\"', b"").split(b'"')
        outside = b"".join(pieces[self._in_string :: 2])
        self._in_string ^= len(pieces) % 2 == 0
        self._values += outside.count(b",") + outside.count(b"[") + outside.count(b"{")
