"""What a deployment's tokens cost: by the mapping's own prices, else by LiteLLM's price map, looked up once."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

from ..routing.ledger import Usage
from ..routing.prices import Rates, usd_of
from ..routing.types import Deployment
from .loading import litellm
from .usage import of_openai
from .wire import usage_of

USUAL_TIERS = frozenset({None, "default", "standard", "auto"})
SIZES = (1, 1_000, 100_000, 130_000, 210_000, 280_000, 600_000, 1_100_000)
"""Tokens. Prices that depend on a prompt's length change between two of these."""


class Prices:
    """Of one deployment."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment

    def usd(self, reported: Any, tier: str | None = None) -> float | None:
        """USD of LiteLLM's usage object in a service tier; None where the price is unknown."""
        if (stated := self._stated(reported)) is not None:
            return stated
        cost = cost_of(self._deployment, reported, tier) if self._mapped else None
        return usd_of(self._deployment.info, usage_of(reported)) if cost is None else cost

    def usd_of_tokens(self, usage: Usage, tier: str | None = None) -> float | None:
        """The same of tokens that are of no further kinds: no audio, none written to a cache."""
        if tier in USUAL_TIERS and self._rates is not None:
            return self._rates.of(usage)
        return self.usd(_as_litellms(usage), tier) if self._mapped else usd_of(self._deployment.info, usage)

    def of_openai(self, reported: dict[str, Any] | None, tier: str | None) -> tuple[Usage, float | None]:
        """OpenAI's `usage`, and USD; estimated where there is none that can be true."""
        if reported is None:
            return Usage(estimated=True), None
        if (usage := of_openai(reported)) is not None:
            return usage, self.usd_of_tokens(usage, tier)
        built = reported_usage(reported)
        return usage_of(built), None if built is None else self.usd(built, tier)

    def usd_of_answer(self, response: Any) -> float | None:
        """USD of LiteLLM's whole `response`, what the provider's own tools cost included."""
        if not getattr(response.usage, "server_tool_use", None) and not _is_annotated(response):
            # Nothing but tokens was used: their price takes a tenth of the time.
            return self.usd(response.usage, getattr(response, "service_tier", None))
        cost = cost_of_answer(self._deployment, response) if self._mapped else None
        return usd_of(self._deployment.info, usage_of(response.usage)) if cost is None else cost

    def usd_of_stream(self, reported: Any) -> float | None:
        """USD of a stream's usage, what the provider's own tools cost included."""
        if not getattr(reported, "server_tool_use", None):
            return self.usd(reported)
        return self.usd_of_answer(litellm().ModelResponse(usage=reported))

    def _stated(self, reported: Any) -> float | None:
        if not self._deployment.profile.states_prices or self._deployment.own_prices:
            return None
        stated = getattr(reported, "cost", None)
        return float(stated) if isinstance(stated, int | float) and 0 <= stated < math.inf else None

    @cached_property
    def _mapped(self) -> bool:
        """The price map has a price. A lookup that fails takes longer than one that does not."""
        return not self._deployment.own_prices and cost_of(self._deployment, _as_litellms(Usage(1, 1))) is not None

    @cached_property
    def _rates(self) -> Rates | None:
        """None where LiteLLM's function gives none that hold for prompts of any length."""
        if not self._mapped:
            return None
        fresh, cached, completion = (
            self.usd(_as_litellms(usage)) for usage in (Usage(1000, 0), Usage(1000, 0, 1000), Usage(0, 1000))
        )
        if fresh is None or cached is None or completion is None:
            return None
        rates = Rates(fresh / 1000, cached / 1000, completion / 1000)
        tried = (Usage(size, size, size // 2, size // 3) for size in SIZES)
        hold = all(math.isclose(rates.of(usage), self.usd(_as_litellms(usage)) or 0.0) for usage in tried)
        return rates if hold else None


def _as_litellms(usage: Usage) -> Any:
    return litellm().Usage(
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        total_tokens=usage.total_tokens,
        prompt_tokens_details={"cached_tokens": usage.cached_tokens},
        completion_tokens_details={"reasoning_tokens": usage.reasoning_tokens},
    )


def _is_annotated(response: Any) -> bool:
    return any(getattr(choice.message, "annotations", None) for choice in response.choices)


def cost_of(deployment: Deployment, usage: Any, tier: str | None = None) -> float | None:
    """USD of LiteLLM's `usage` object at that deployment; None where the map has no price for the model.

    `tier`: the service tier that answered, where the provider reported it.
    """
    try:
        prompt, completion = litellm().cost_per_token(
            model=deployment.model,
            custom_llm_provider=deployment.provider,
            region_name=deployment.region if deployment.profile.bedrock else None,
            usage_object=usage,
            service_tier=tier,
        )
    except Exception:  # noqa: BLE001 - an unknown price must never cost the caller an answer
        return None
    return float(prompt + completion)


def cost_of_answer(deployment: Deployment, response: Any) -> float | None:
    """USD of LiteLLM's whole `response`, what the provider's own tools cost included; None as above."""
    reported = (getattr(response, "_hidden_params", None) or {}).get("response_cost")
    if reported is not None:
        return float(reported)
    if deployment.profile.tools_annotate and not _is_annotated(response):
        # Nothing but tokens was used: their price takes a sixth of the time.
        return cost_of(deployment, getattr(response, "usage", None), getattr(response, "service_tier", None))
    try:
        cost = litellm().completion_cost(
            completion_response=response, model=deployment.litellm_model, custom_llm_provider=deployment.provider
        )
    except Exception:  # noqa: BLE001 - as above
        return None
    return float(cost)


def reported_usage(usage: dict[str, Any]) -> Any:
    """As LiteLLM's object; None, which is estimated, where the provider reports what cannot be."""
    try:
        return litellm().Usage(**usage)
    except (TypeError, ValueError):
        return None
