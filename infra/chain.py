"""The mapping that is deployed, checked for what only shows in AWS."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from litellm_fallback_router.mapping import ROUTER_STYLE_MAPPING
from litellm_fallback_router.routing.errors import ConfigurationError
from litellm_fallback_router.routing.mapping import (
    REFERENCE,
    RouterConfig,
    load_config,
    read_mapping,
    with_guardrail,
    with_prompts,
)
from litellm_fallback_router.routing.types import Deployment, ModelInfo

MOST_SILENCE = 290.0
"""Seconds. API Gateway cuts a regional streaming response after 5 minutes without a byte, and a whole answer is
it sends nothing until it is there. Source: API Gateway developer guide, "Stream the integration response"."""
_SECRETS = frozenset(
    {"aws_secret_access_key", "aws_session_token", "azure_ad_token", "azure_password", "client_secret"}
)


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
    problems = [problem for deployment in config.deployments for problem in _keys_in(deployment)]
    if config.settings.deadline > MOST_SILENCE:
        problems.append(f"settings.deadline: API Gateway waits {MOST_SILENCE:g} seconds at most; lower it")
    if problems:
        raise ConfigurationError(problems)
    return config


def _keys_in(deployment: Deployment) -> list[str]:
    values = {"api_key": deployment.api_key} | {name: deployment.extra.get(name) for name in sorted(_SECRETS)}
    return [
        f"{deployment.id}: params.{name} is written out in the mapping, and the package would show it; write "
        f"{REFERENCE}NAME, and put the key into Secrets Manager with fallback-router secrets set {deployment.provider}"
        for name, value in values.items()
        if value and not str(value).startswith(REFERENCE)
    ]
