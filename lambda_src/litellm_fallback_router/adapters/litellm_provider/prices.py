"""What tokens cost, from LiteLLM's price map: tiers, cache writes and cache reads at their own prices."""

from __future__ import annotations

from typing import Any

from ...routing.types import Deployment
from .loading import litellm


def cost_of(deployment: Deployment, usage: Any, tier: str | None = None) -> float | None:
    """USD of LiteLLM's `usage` object at that deployment; None where the map has no price for the model.

    `tier`: the service tier that answered, where the provider said so.
    """
    try:
        prompt, completion = litellm().cost_per_token(
            model=deployment.model,
            custom_llm_provider=deployment.provider,
            region_name=deployment.region if deployment.provider == "bedrock" else None,
            usage_object=usage,
            service_tier=tier,
        )
    except Exception:  # noqa: BLE001 - a price that cannot be told must never cost the caller an answer
        return None
    return float(prompt + completion)


def cost_of_answer(deployment: Deployment, response: Any) -> float | None:
    """USD of LiteLLM's whole `response`, what the provider's own tools cost included; None as above."""
    told = (getattr(response, "_hidden_params", None) or {}).get("response_cost")
    if told is not None:
        return float(told)
    if deployment.provider == "openai" and not any(
        getattr(choice.message, "annotations", None) for choice in response.choices
    ):
        # Nothing but tokens was used: that is told in a sixth of the time.
        return cost_of(deployment, getattr(response, "usage", None), getattr(response, "service_tier", None))
    try:
        cost = litellm().completion_cost(
            completion_response=response, model=deployment.litellm_model, custom_llm_provider=deployment.provider
        )
    except Exception:  # noqa: BLE001 - as above
        return None
    return float(cost)
