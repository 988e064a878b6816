"""The mapping that is deployed, checked for what only shows in AWS."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from litellm_fallback_router.mapping import ROUTER_STYLE_MAPPING
from litellm_fallback_router.routing.errors import ConfigurationError
from litellm_fallback_router.routing.mapping import (
    RouterConfig,
    load_config,
    read_mapping,
    unfit,
    with_guardrail,
    with_prompts,
)
from litellm_fallback_router.routing.types import ModelInfo


def load_chain(
    mapping: Path | None, prompts: Sequence[str] = (), guardrail: tuple[str, str] | None = None
) -> RouterConfig:
    """The mapping of the file, or the shipped one; with `prompts` and `guardrail` (id and version) in the place of its
    own, if there are any.

    Raises ConfigurationError with every mistake: those of any mapping, a key that would end up in the package, and a
    deadline that API Gateway would not wait for.
    """
    content = ROUTER_STYLE_MAPPING if mapping is None else read_mapping(mapping)
    content = with_guardrail(with_prompts(content, prompts), *(guardrail or (None, None)))
    config = load_config(content, lambda _provider, _model: ModelInfo())
    if problems := unfit(config):
        raise ConfigurationError(problems)
    return config
