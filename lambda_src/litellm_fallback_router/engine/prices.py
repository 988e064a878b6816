"""What a deployment's tokens cost: by the mapping's own prices, else by LiteLLM's price map, looked up once."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from ..adapters.litellm_provider.loading import litellm
from ..adapters.litellm_provider.prices import cost_of, cost_of_answer
from ..adapters.litellm_provider.wire import usage_of
from ..routing.ledger import Usage
from ..routing.types import Deployment


class Prices:
    """Of one deployment."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment

    def usd(self, reported: Any, tier: str | None = None) -> float | None:
        """USD of LiteLLM's usage object in a service tier; None where the price is unknown."""
        cost = cost_of(self._deployment, reported, tier) if self._mapped else None
        return estimated_cost(self._deployment, usage_of(reported)) if cost is None else cost

    def usd_of_answer(self, response: Any) -> float | None:
        """USD of LiteLLM's whole `response`, what the provider's own tools cost included."""
        cost = cost_of_answer(self._deployment, response) if self._mapped else None
        return estimated_cost(self._deployment, usage_of(response.usage)) if cost is None else cost

    @cached_property
    def _mapped(self) -> bool:
        """The price map has a price. A lookup that fails takes longer than one that does not."""
        if self._deployment.own_prices:
            return False
        one = litellm().Usage(prompt_tokens=1, completion_tokens=1, total_tokens=2)
        return cost_of(self._deployment, one) is not None


def estimated_cost(deployment: Deployment, usage: Usage) -> float | None:
    """USD by what the mapping knows of the model; None where that is nothing."""
    info = deployment.info
    if info.input_usd_per_token is None or info.output_usd_per_token is None:
        return None
    cached = info.cached_usd_per_token if info.cached_usd_per_token is not None else info.input_usd_per_token
    fresh = usage.prompt_tokens - usage.cached_tokens
    return (
        fresh * info.input_usd_per_token
        + usage.cached_tokens * cached
        + usage.completion_tokens * info.output_usd_per_token
    )
