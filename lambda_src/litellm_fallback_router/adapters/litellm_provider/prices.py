"""What tokens cost, from LiteLLM's price map: tiers, cache writes and cache reads at their own prices."""

from __future__ import annotations

from typing import Any

from ...routing.types import Deployment
from .loading import litellm


def cost_of(deployment: Deployment, usage: Any) -> float | None:
    """USD of LiteLLM's `usage` object at that deployment; None where the map has no price for the model."""
    try:
        prompt, completion = litellm().cost_per_token(
            model=deployment.model, custom_llm_provider=deployment.provider, usage_object=usage
        )
    except Exception:  # noqa: BLE001 - a price that cannot be told must never cost the caller an answer
        return None
    return float(prompt + completion)
