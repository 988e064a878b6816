"""How large a JSON schema is with every `$ref` replaced by what it stands for, found without replacing any.

Definitions that refer to each other grow exponentially: thirty of them, each with two references to the next, stand for
a billion values in three kilobytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from ..decimals import index

MAX_STEPS = 10_000
"""References followed in all schemas of a request. What a converter does about definitions that refer to each other in
a circle is to go round on every way there is, and only walking the ways counts them."""
DEFINITIONS = ("$defs", "definitions")
DEFINITIONS_PER_VALUE = 100
"""A converter may carry all definitions along to each value it looks at (LiteLLM's does, as a dictionary of its own):
so many of them cost about as much as the value."""


class Size(NamedTuple):
    values: int
    """Objects, arrays and scalars."""
    characters: int
    """Of names and strings."""
    depth: int


class SchemaTooLargeError(Exception):
    """Says what is too large, fit for a caller."""


class Budget:
    """The most that all schemas of a request may hold together."""

    def __init__(self, most: Size) -> None:
        self.most = most
        self._left = most
        self._reads = 2 * most.values
        self._steps = MAX_STEPS

    def spend(self, schema: Any) -> None:
        """Subtract the size of `schema`. Raises SchemaTooLargeError as soon as it is known to exceed what is left.

        A reference inside a circle to where it came from counts as one value, and so does one that leads nowhere.
        """
        if isinstance(schema, dict):
            size, left = _Meter(schema, self).size, self._left
            self._left = Size(left.values - size.values, left.characters - size.characters, left.depth)

    def allow(self, size: Size) -> Size:
        if size.values > self._left.values:
            raise SchemaTooLargeError(f"the schemas have more than {self.most.values} values (max_values)")
        if size.characters > self._left.characters:
            raise SchemaTooLargeError(f"the schemas have more than {self.most.characters} characters")
        if size.depth > self.most.depth:
            raise SchemaTooLargeError(f"it is nested deeper than {self.most.depth} levels (max_depth)")
        return size

    def read(self, values: int) -> None:
        """References to parts of parts would have the same values read again and again."""
        self._reads -= values
        if self._reads < 0:
            raise SchemaTooLargeError(f"the schemas have more than {self.most.values} values (max_values)")

    def step(self, references: int) -> None:
        self._steps -= references
        if self._steps < 0:
            raise SchemaTooLargeError("the definitions refer to each other in too many ways")


class _Node:
    """A definition, or the schema itself: what it holds without what its references stand for."""

    def __init__(self, value: Any, budget: Budget, without: str = "") -> None:
        self.values = self.characters = self.depth = 0
        self.references: list[tuple[str, int]] = []
        """Each reference, and how deep it stands."""
        self.targets: list[tuple[int, list[_Node]]] = []
        """What each reference may stand for, and how deep."""
        level, names = [value], list[Any]()
        while level:
            budget.read(len(level))
            self.depth += 1
            self.values += len(level)
            below: list[Any] = []
            for one in level:
                if isinstance(one, str):
                    self.characters += len(one)
                elif isinstance(one, dict):
                    names += one
                    below += one.values()
                    if "$ref" in one and isinstance(reference := one["$ref"], str):
                        self.references.append((reference, self.depth))
                elif isinstance(one, list | tuple):
                    below += one
            level = below if self.depth > 1 else [inner for name, inner in value.items() if name != without]
        self.characters += sum(len(name) for name in names if isinstance(name, str))


class _Meter:
    """Finds the size of one schema."""

    def __init__(self, schema: dict[Any, Any], budget: Budget) -> None:
        self._schema = schema
        self._budget = budget
        self._nodes: dict[int, _Node] = {}
        self._targets: dict[str, list[_Node]] = {}
        self._known: dict[_Node, Size] = {}
        """Of nodes that are come to from outside of their circle."""
        self._circles: dict[_Node, int] = {}
        """The same number for nodes that refer to each other in a circle."""
        # Definitions at the top are taken out before references are replaced, and count where they are referred to.
        root = _Node(schema, budget, without="$defs")
        if not root.references:
            self.size = budget.allow(Size(root.values, root.characters, root.depth))
            return
        self._named = _definitions(schema)
        self._weight = 1 + sum(map(len, self._named.values())) // DEFINITIONS_PER_VALUE
        self._follow(root)
        self.size = self._size(root, 0, set())

    def _size(self, node: _Node, above: int, way: set[_Node]) -> Size:
        """Of `node`, `above` levels down; `way` has the nodes of its circle that lead here."""
        known = None if way else self._known.get(node)
        size = known or Size(node.values * self._weight, node.characters, node.depth)
        self._budget.allow(size._replace(depth=above + size.depth))
        if known:
            return known
        way = way | {node}
        for level, targets in node.targets:
            largest = Size(0, 0, 0)
            for target in targets:
                if target not in way:
                    alike = self._circles[target] == self._circles[node]
                    self._budget.step(1)
                    found = self._size(target, above + level, way if alike else set())
                    largest = Size(*map(max, largest, found))
            values, characters = size.values + largest.values, size.characters + largest.characters
            size = self._budget.allow(Size(values, characters, max(size.depth, level + largest.depth)))
        if len(way) == 1:
            self._known[node] = size
        return size

    def _follow(self, root: _Node) -> None:
        """Finds all targets, and the circles among them: Tarjan's strongly connected components."""
        order: dict[_Node, int] = {}
        lowest: dict[_Node, int] = {}
        open_nodes: list[_Node] = []
        stack: list[tuple[_Node, list[_Node]]] = []

        def enter(node: _Node) -> None:
            order[node] = lowest[node] = len(order)
            open_nodes.append(node)
            node.targets = [(level, self._found(reference)) for reference, level in node.references]
            stack.append((node, [target for _, targets in node.targets for target in targets]))

        enter(root)
        while stack:
            node, left = stack[-1]
            if left:
                target = left.pop()
                if target not in order:
                    enter(target)
                elif target not in self._circles:
                    lowest[node] = min(lowest[node], order[target])
                continue
            stack.pop()
            if stack:
                above = stack[-1][0]
                lowest[above] = min(lowest[above], lowest[node])
            while lowest[node] == order[node] and node not in self._circles:
                self._circles[open_nodes.pop()] = order[node]

    def _found(self, reference: str) -> list[_Node]:
        """What `reference` may stand for: by its path, as RFC 6901 has it, or by its last part, as converters do."""
        if reference not in self._targets:
            values = list(self._named.get(reference.rpartition("/")[2], ()))
            if reference.startswith("#"):
                values.append(_at(self._schema, reference[1:]))
            found = {id(value): value for value in values if isinstance(value, dict)}
            self._targets[reference] = [self._node(value) for value in found.values()]
        targets = self._targets[reference]
        self._budget.step(len(targets))
        return targets

    def _node(self, value: dict[Any, Any]) -> _Node:
        if id(value) not in self._nodes:
            self._nodes[id(value)] = _Node(value, self._budget)
        return self._nodes[id(value)]


def _levels(value: dict[Any, Any]) -> Iterator[list[Any]]:
    """All values in `value`, itself first, by how deep they stand."""
    yield [value]
    level = list(value.values())
    while level:
        yield level
        below: list[Any] = []
        for one in level:
            if type(one) is str:
                continue
            if isinstance(one, dict):
                below.extend(one.values())
            elif isinstance(one, list | tuple):
                below.extend(one)
        level = below


def _definitions(schema: dict[Any, Any]) -> dict[str, list[Any]]:
    """All definitions by name, wherever they stand."""
    components = schema.get("components")
    blocks = [components.get("schemas")] if isinstance(components, dict) else []
    for level in _levels(schema):
        blocks += [one.get(key) for one in level if isinstance(one, dict) for key in DEFINITIONS]
    named: dict[str, list[Any]] = {}
    for block in blocks:
        for name, value in block.items() if isinstance(block, dict) else ():
            named.setdefault(str(name), []).append(value)
    return named


def _at(schema: Any, pointer: str) -> Any:
    """What stands at a JSON pointer; None where nothing does."""
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(schema, dict):
            schema = schema.get(name)
        elif isinstance(schema, list) and (place := index(name)) is not None and place < len(schema):
            schema = schema[place]
        else:
            return None
    return schema
