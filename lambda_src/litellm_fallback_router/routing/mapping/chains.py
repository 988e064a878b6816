"""Fallbacks and strategies, expanded: for every name a caller may use, the models to ask, in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping

Names = Mapping[str, tuple[str, ...]]


def expand(models: Iterable[str], fallbacks: Names, strategies: Names) -> dict[str, tuple[str, ...]]:
    """The chains. A model's is itself, its fallbacks in the listed order, then the fallbacks of those, each
    name once. A strategy's is exactly its members, and stands for them wherever it is named."""
    members = {name: _members(name, strategies) for name in strategies}
    chains = {model: _reachable(model, fallbacks, members) for model in models}
    return {**chains, **members}


def cycles(fallbacks: Names, strategies: Names) -> list[list[str]]:
    """The cycles, each as `[a, b, a]`; empty where there is none."""
    edges = {**fallbacks, **strategies}
    found: list[list[str]] = []
    done: set[str] = set()
    for start in edges:
        path: list[str] = []
        branches = [iter([start])]
        while branches:
            name = next(branches[-1], None)
            if name is None:
                branches.pop()
                if path:
                    done.add(path.pop())
            elif name in path:
                found.append([*path[path.index(name) :], name])
            elif name not in done:
                path.append(name)
                branches.append(iter(edges.get(name, ())))
    return found


def _members(strategy: str, strategies: Names) -> tuple[str, ...]:
    found: dict[str, None] = {}
    seen = {strategy}
    waiting = deque(strategies[strategy])
    while waiting:
        name = waiting.popleft()
        if name not in strategies:
            found[name] = None
        elif name not in seen:
            seen.add(name)
            waiting.extendleft(reversed(strategies[name]))
    return tuple(found)


def _reachable(model: str, fallbacks: Names, members: Names) -> tuple[str, ...]:
    found: dict[str, None] = {model: None}
    followed = {model}
    waiting = deque([model])
    while waiting:
        for name in fallbacks.get(waiting.popleft(), ()):
            found.update(dict.fromkeys(members.get(name, (name,))))
            if name not in members and name not in followed:
                followed.add(name)
                waiting.append(name)
    return tuple(found)
