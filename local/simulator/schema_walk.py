"""Walks a JSON schema (draft 2020-12), to find in it what providers refuse."""

from collections.abc import Iterator, Mapping
from typing import Any

Node = Mapping[str, Any]
Path = tuple[str, ...]

_MAPS = ("properties", "$defs", "definitions", "patternProperties", "dependentSchemas")
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_SINGLE = ("items", "additionalProperties", "contains", "not", "if", "then", "else", "propertyNames")
_DEFINITIONS = ("$defs", "definitions")


def nodes(schema: Node, path: Path = ()) -> Iterator[tuple[Path, Node]]:
    """Every schema inside this one, itself first, with its place; what is a property's name is none."""
    waiting: list[tuple[Path, Any]] = [(path, schema)]
    while waiting:
        where, node = waiting.pop()
        if isinstance(node, Mapping):
            yield where, node
            waiting.extend(reversed(list(_inside(node, where))))


def _inside(node: Node, path: Path) -> Iterator[tuple[Path, Any]]:
    for word, value in node.items():
        if word in _MAPS and isinstance(value, Mapping):
            yield from (((*path, word, name), one) for name, one in value.items())
        elif word in _LISTS and isinstance(value, list):
            yield from (((*path, word, str(index)), one) for index, one in enumerate(value))
        elif word in _SINGLE:
            yield (*path, word), value


def dangling(schema: Node) -> tuple[Path, str] | None:
    """The first `$ref` that leads nowhere, with its place."""
    for path, node in nodes(schema):
        pointer = node.get("$ref")
        if isinstance(pointer, str) and _resolved(schema, pointer) is None:
            return path, pointer
    return None


def _resolved(schema: Node, pointer: str) -> Any:
    if not pointer.startswith("#"):
        return None
    found: Any = schema
    for step in pointer.removeprefix("#").split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def circle(schema: Node) -> list[str] | None:
    """The names of definitions that lead back to where they began (`["node", "node"]`); `#` is the schema itself."""
    leads = {"#": _names_in(schema)}
    for word in _DEFINITIONS:
        for name, one in (schema.get(word) or {}).items():
            leads[name] = _names_in(one) if isinstance(one, Mapping) else []
    leads["#"] = [name for name in leads["#"] if name == "#"]
    done: set[str] = set()
    for start in leads:
        if found := _circle_from(start, leads, [], done):
            return found
    return None


def _circle_from(name: str, leads: Mapping[str, list[str]], way: list[str], done: set[str]) -> list[str] | None:
    if name in way:
        return [*way[way.index(name) :], name]
    if name in done:
        return None
    for following in leads.get(name, ()):
        if found := _circle_from(following, leads, [*way, name], done):
            return found
    done.add(name)
    return None


def _names_in(schema: Node) -> list[str]:
    """What the references in a schema, its definitions apart, are called."""
    plain = {word: value for word, value in schema.items() if word not in _DEFINITIONS}
    pointers = (node.get("$ref") for _, node in nodes(plain))
    return [pointer.rpartition("/")[2] for pointer in pointers if isinstance(pointer, str)]
