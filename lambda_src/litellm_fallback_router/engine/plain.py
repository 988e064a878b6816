"""Plain JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .failures import no_format

_DECODER = json.JSONDecoder()


def object_of(data: bytes, *, begun: bool = False) -> dict[str, Any]:
    """The object that these bytes are. Raises ProviderFailure for anything else."""
    try:
        found = _DECODER.decode(data.decode())
    except (ValueError, RecursionError) as error:
        raise no_format(error, begun=begun) from error
    if not isinstance(found, dict):
        raise no_format(begun=begun)
    return found


def copied(value: Any) -> Any:
    """A copy of objects and lists. LiteLLM's classes write into their arguments, which further attempts use too."""
    if type(value) is str:  # most of them, and to ask an abstract class takes ten times as long
        return value
    if type(value) is dict or isinstance(value, Mapping):
        return {name: copied(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [copied(inner) for inner in value]
    return value
