"""LiteLLM's own `config.yaml`, read as a mapping of ours, with a warning for each key that is not used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def recognises(mapping: Any) -> bool:
    """True for LiteLLM's shape: an item of `model_list` has `litellm_params`."""
    items = mapping.get("model_list") if isinstance(mapping, Mapping) else None
    return isinstance(items, list) and any(isinstance(one, Mapping) and "litellm_params" in one for one in items)


def convert(mapping: Mapping[Any, Any]) -> tuple[dict[str, Any], list[str]]:
    """The mapping in our shape, and the warnings."""
    raise NotImplementedError
