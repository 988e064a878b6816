"""JSON schemas as trees: their subschemas, and where a `$ref` leads.

Source: JSON Schema 2020-12, "Core" (the keywords that hold schemas; JSON pointers) and "Validation"; `dependencies` and
`definitions` are those of draft 7. Every walk takes
time in proportion to the schema; what `inlined` gives is bounded in size before it is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from ..decimals import index
from .report import UnfitError

Schema = Mapping[str, Any]

MAPS = ("properties", "$defs", "definitions", "patternProperties", "dependentSchemas", "dependencies")
LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_SINGLE_NAMES = """
    items additionalItems additionalProperties contains propertyNames unevaluatedItems unevaluatedProperties
    not if then else contentSchema
"""
SINGLE = tuple(_SINGLE_NAMES.split())
HOLDERS = frozenset({*MAPS, *LISTS, *SINGLE})
DEFINITIONS = ("$defs", "definitions")
MAX_DEPTH = 64
"""Schemas within each other; OpenAI allows 10 levels of objects ("Structured model outputs")."""
MAX_INLINED = 20_000
"""Subschemas of a schema without its `$ref`s: some 500 kB."""


def rewritten(schema: Schema, change: Callable[[dict[str, Any]], dict[str, Any]], depth: int = 0) -> dict[str, Any]:
    """A copy whose subschemas, the innermost first, are what `change` makes of them. Raises UnfitError."""
    if depth > MAX_DEPTH:
        raise UnfitError("schema", "takes no schema that nests so deeply")

    def inner(one: Any) -> Any:
        return rewritten(one, change, depth + 1) if _is_schema(one) else one

    copy = dict(schema)
    if HOLDERS.isdisjoint(copy):
        return change(copy)  # almost all of them
    for name in HOLDERS & copy.keys():
        held = copy[name]
        if name in MAPS:
            if _is_schema(held):
                copy[name] = {key: inner(value) for key, value in held.items()}
        else:
            copy[name] = [inner(value) for value in held] if isinstance(held, list) else inner(held)
    return change(copy)


def subschemas(schema: Schema) -> Iterator[Schema]:
    """The schema and everything in it."""
    waiting: list[Any] = [schema]
    while waiting:
        if not _is_schema(one := waiting.pop()):
            continue
        yield one
        if HOLDERS.isdisjoint(one):
            continue  # almost all of them
        for name in HOLDERS & one.keys():
            held = one[name]
            if isinstance(held, list) and name not in MAPS:
                waiting.extend(held)
            elif name not in MAPS:
                waiting.append(held)
            elif _is_schema(held):
                waiting.extend(held.values())


def _is_schema(value: Any) -> bool:
    """Parsed JSON is a dict; to ask an abstract class takes ten times as long, and schemas have thousands of values."""
    return type(value) is dict or isinstance(value, Mapping)


class References:
    """Where the `$ref`s of a schema lead."""

    def __init__(self, root: Schema) -> None:
        self.root = root
        self._within: dict[str, list[str]] = {}
        """Pointer -> the pointers in what it leads to."""
        waiting = _pointers(root)
        while waiting:
            if (pointer := waiting.pop()) not in self._within:
                target = self.target(pointer)
                self._within[pointer] = [] if target is None else _pointers(target)
                waiting.extend(self._within[pointer])

    def __bool__(self) -> bool:
        return bool(self._within)

    @property
    def dangling(self) -> bool:
        """One leads nowhere, or out of the schema."""
        return any(self.target(pointer) is None for pointer in self._within)

    @property
    def recursive(self) -> bool:
        """One leads, by way of others or at once, to what it is in itself."""
        state: dict[str, bool] = {}
        """True: all that it leads to has been seen; False: it is on the way that is being followed."""
        way: list[tuple[str, Iterator[str]]] = []
        for start in self._within:
            way.append((start, iter(self._within[start])))
            while way:
                pointer, rest = way[-1]
                state.setdefault(pointer, False)
                following = next(rest, None)
                if following is None:
                    state[pointer] = True
                    way.pop()
                elif state.get(following) is False:
                    return True
                elif following not in state:
                    way.append((following, iter(self._within[following])))
        return False

    def target(self, pointer: str) -> Schema | None:
        """What a pointer (`#/$defs/Node`) leads to; None: nothing."""
        if pointer != "#" and not pointer.startswith("#/"):
            return None
        node: Any = self.root
        for step in unquote(pointer[1:]).split("/")[1:] if pointer != "#" else ():
            name = step.replace("~1", "/").replace("~0", "~")
            if isinstance(node, Mapping):
                node = node.get(name)
            elif isinstance(node, list) and (place := index(name)) is not None and place < len(node):
                node = node[place]
            else:
                return None
        return node if isinstance(node, Mapping) else None

    def inlined(self) -> dict[str, Any]:
        """The schema with what its `$ref`s lead to in their place; there must be no recursive or dangling one.

        Raises UnfitError where that would be too large. What is used twice is made once and shared.
        """
        made: dict[str, tuple[dict[str, Any], int]] = {}

        def place(node: Schema, depth: int) -> tuple[dict[str, Any], int]:
            if depth > MAX_DEPTH:
                raise UnfitError("schema", "takes no `$ref` in a schema, and this one goes on for too long")
            sizes = [1]

            def change(one: dict[str, Any]) -> dict[str, Any]:
                sizes.append(1)
                if not isinstance(pointer := one.get("$ref"), str):
                    return one
                if pointer not in made:
                    made[pointer] = place(self._known(pointer), depth + 1)
                target, size = made[pointer]
                sizes.append(size)
                if sum(sizes) > MAX_INLINED:
                    raise UnfitError("schema", "takes no `$ref` in a schema, and without them it would be too large")
                return {**target, **{name: value for name, value in one.items() if name != "$ref"}}

            return rewritten(node, change), sum(sizes)

        root = {name: value for name, value in self.root.items() if name not in DEFINITIONS}
        return place(root, 0)[0]

    def _known(self, pointer: str) -> Schema:
        target = self.target(pointer)
        if target is None:
            raise UnfitError("schema", "takes no `$ref` that leads out of its schema")
        return target


def _pointers(schema: Schema) -> list[str]:
    return [one["$ref"] for one in subschemas(schema) if isinstance(one.get("$ref"), str)]
