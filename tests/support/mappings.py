"""Small mappings, and what becomes of them."""

from __future__ import annotations

from typing import Any

import pytest

from litellm_fallback_router.routing.errors import ConfigurationError
from litellm_fallback_router.routing.mapping import RouterConfig, load_config
from litellm_fallback_router.routing.types import Deployment, ModelInfo


def loaded(mapping: Any, environment: dict[str, str] | None = None) -> RouterConfig:
    return load_config(mapping, lambda provider, model: ModelInfo(), (environment or {}).get)


def problems_of(mapping: Any) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        loaded(mapping)
    return caught.value.problems


def mapping_of(*names: str, **parts: Any) -> dict[str, Any]:
    models = [{"model_name": name, "params": {"model": "openai/gpt-4o"}} for name in names]
    return {"model_list": models, **parts}


def entry_of(params: dict[str, Any], provider: str | None = None) -> dict[str, Any]:
    entry = {"model_name": "a", "params": params}
    return {"model_list": [entry if provider is None else {**entry, "litellm_provider": provider}]}


def deployment_of(params: dict[str, Any], provider: str | None = None) -> Deployment:
    return loaded(entry_of(params, provider)).deployments[0]
