"""What one mapping has that another has not, in words for the operator. Values that may be keys are not shown."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from pydantic import BaseModel

from ..types import Deployment
from .config import RouterConfig

REVISION = 12
"""Hexadecimal digits of a mapping's revision."""
_NOT_TOLD = frozenset({"id", "model_name", "credential", "info", "space", "own_prices"})
"""Of a deployment: names, and what follows from the rest or from the price map."""


def revision_of(mapping: Any) -> str:
    """Name a mapping by its content: the same for the same, whatever its file's format, order or comments.

    Args:
        mapping: The mapping as it was read.

    Returns:
        The beginning of a SHA-256 hash, in hexadecimal digits.
    """
    text = json.dumps(_sorted(mapping), default=repr)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:REVISION]


def _sorted(value: Any) -> Any:
    """JSON's own sorting fails where some names are text and others numbers, as YAML allows."""
    if isinstance(value, Mapping):
        return sorted(([repr(name), _sorted(item)] for name, item in value.items()), key=lambda pair: str(pair[0]))
    return [_sorted(item) for item in value] if isinstance(value, list | tuple) else value


def changes(before: RouterConfig, after: RouterConfig) -> list[str]:
    """Tell how one mapping became another.

    Args:
        before: The mapping as it was.
        after: The mapping as it is.

    Returns:
        One line for each thing that was added, removed or changed, beginning with where it stands; empty where both
        say the same.
    """
    return [
        *_of_deployments(before, after),
        *_of_names("strategies", _lists(before, strategies=True), _lists(after, strategies=True)),
        *_of_names("chains", _lists(before, strategies=False), _lists(after, strategies=False)),
        *_of_names("hedge", before.hedges, after.hedges),
        *_of_names("settings", _fields(before.settings), _fields(after.settings)),
        *_of_names("budgets", _fields(before.budgets), _fields(after.budgets)),
        *_of_names("cache", _fields(before.cache), _fields(after.cache)),
        *_of_names("prompts", _fields(before.prompts), _fields(after.prompts)),
        *_of_names("guardrail", _fields(before.guardrail), _fields(after.guardrail)),
    ]


def _of_deployments(before: RouterConfig, after: RouterConfig) -> list[str]:
    old, new = ({one.id: one for one in config.deployments} for config in (before, after))
    lines = []
    for id in dict.fromkeys([*old, *new]):
        if id not in new:
            lines.append(f"deployments.{id}: removed ({old[id].label})")
        elif id not in old:
            lines.append(f"deployments.{id}: added ({new[id].label})")
        elif told := _differences(old[id], new[id]):
            lines.append(f"deployments.{id}: {', '.join(told)}")
    return lines


def _differences(old: Deployment, new: Deployment) -> list[str]:
    """The fields that differ; with their values only those that can hold no key."""
    told = []
    for name in (field.name for field in fields(Deployment) if field.name not in _NOT_TOLD):
        was, now = getattr(old, name), getattr(new, name)
        if was == now:
            continue
        secret = name in {"api_key", "extra", "litellm_model"}
        told.append(f"{name} changed" if secret else f"{name} {_said(was)} -> {_said(now)}")
    return told or (["model_info changed"] if old.info != new.info else [])


def _lists(config: RouterConfig, *, strategies: bool) -> dict[str, tuple[str, ...]]:
    """What a caller's names lead to."""
    return {name: chain for name, chain in config.chains.items() if (name in config.strategies) == strategies}


def _fields(part: BaseModel | None) -> Mapping[str, Any]:
    return {} if part is None else {name: getattr(part, name) for name in type(part).model_fields}


def _of_names(part: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    lines = []
    for name in dict.fromkeys([*old, *new]):
        if name not in new:
            lines.append(f"{part}.{name}: removed")
        elif name not in old:
            lines.append(f"{part}.{name}: added, {_said(new[name])}")
        elif old[name] != new[name]:
            lines.append(f"{part}.{name}: {_said(old[name])} -> {_said(new[name])}")
    return lines


def _said(value: Any) -> str:
    text = ", ".join(str(one) for one in value) if isinstance(value, list | tuple) else str(value)
    return text if len(text) <= 200 else f"{text[:197]}..."
