"""The most that a token can cost at a deployment, for budgets that must hold whatever the answer is."""

from __future__ import annotations

from typing import Any

from ..routing.ports import DearestPrices
from ..routing.types import Deployment
from .loading import litellm
from .prices import cost_of

TIERS = (None, "priority", "ultrafast")
"""Service tiers that answer; `flex`, `balanced` and `batch` cost less."""
ELSEWHERE: dict[str, Any] = {"inference_geo": "us", "speed": "fast"}
"""What raises the price of all tokens of an answer. Source: Anthropic, "Pricing": data residency, and fast mode."""
SIZES = (1_000, 150_000, 250_000, 1_100_000)
"""Tokens. One between any two of the sizes at which prices change, where they only rise: 128, 200 and 272 thousand."""
_PROMPTS: tuple[dict[str, Any], ...] = (
    {},
    {"prompt_tokens_details": {"cached_tokens": 1}},
    {"prompt_tokens_details": {"audio_tokens": 1}},
    {"prompt_tokens_details": {"image_tokens": 1}},
    {"cache_creation_input_tokens": 1},
    {
        "cache_creation_input_tokens": 1,
        "prompt_tokens_details": {
            "cache_creation_tokens": 1,
            "cache_creation_token_details": {"ephemeral_1h_input_tokens": 1},
        },
    },
)
"""Kinds of prompt tokens, each as LiteLLM's usage names it; 1 stands for all of them."""
_COMPLETIONS: tuple[dict[str, Any], ...] = (
    {},
    {"completion_tokens_details": {"reasoning_tokens": 1}},
    {"completion_tokens_details": {"audio_tokens": 1}},
    {"completion_tokens_details": {"image_tokens": 1}},
)


def dearest_prices(deployment: Deployment) -> DearestPrices | None:
    """USD a token of the dearest kind, tier and size of prompt; None where there is no price. Takes milliseconds.

    It charges single kinds of tokens by the function that prices answers, so that the two cannot disagree.
    """
    info = deployment.info
    stated = (info.input_usd_per_token, info.output_usd_per_token)
    prompts = [price for price in (stated[0], info.cached_usd_per_token) if price is not None]
    completions = [price for price in (stated[1],) if price is not None]
    if not deployment.own_prices:
        for tier in TIERS:
            for size in SIZES:
                # A long prompt makes the completion dearer too, so the completion is charged on top of one.
                plain = _usd(deployment, size, 0, {}, tier)
                prompts += [price / size for kind in _PROMPTS if (price := _usd(deployment, size, 0, kind, tier))]
                completions += [
                    (price - (plain or 0.0)) / 1000
                    for kind in _COMPLETIONS
                    if (price := _usd(deployment, size, 1000, kind, tier))
                ]
    if not prompts or (deployment.space is None and not completions):
        return None
    more = 1.0 if deployment.own_prices else _surcharge(deployment)
    return DearestPrices(more * max(prompts), more * max(completions, default=0.0))


def _surcharge(deployment: Deployment) -> float:
    """By how much an answer in the dearest place and at the dearest speed costs more."""
    usual, dear = (_usd(deployment, 1_000, 0, marks, None) for marks in ({}, ELSEWHERE))
    return max(1.0, dear / usual) if usual and dear else 1.0


def _usd(deployment: Deployment, prompt: int, completion: int, kind: dict[str, Any], tier: str | None) -> float | None:
    usage = litellm().Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=prompt + completion,
        **_filled(kind, completion or prompt),
    )
    return cost_of(deployment, usage, tier)


def _filled(kind: dict[str, Any], tokens: int) -> dict[str, Any]:
    return {
        name: _filled(value, tokens) if isinstance(value, dict) else value if isinstance(value, str) else tokens
        for name, value in kind.items()
    }
