"""Which deployment a conversation goes to first, so that the cached part of its prompt costs what cached tokens do.
Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..prices import cached_price
from ..types import Deployment, ModelInfo


def warm_first(usable: Sequence[Deployment], warm: Mapping[str, int]) -> list[Deployment]:
    """Put the deployment first that holds the conversation's cache, unless the one that would be first costs less.

    Args:
        usable: The deployments that may be sent the request, in order.
        warm: Prompt tokens that a deployment has cached, by id.

    Returns:
        The same deployments.
    """
    holders = [deployment for deployment in usable if deployment.id in warm]
    if not holders:
        return list(usable)
    # What is new in the prompt costs little against what is cached somewhere, and is the same for all.
    tokens = max(warm.values())
    first = min(
        [*holders, usable[0]],
        key=lambda one: (_usd(one.info, warm.get(one.id, 0), tokens), one.id not in warm),
    )
    return [first, *(one for one in usable if one is not first)]


def _usd(info: ModelInfo, cached: int, tokens: int) -> float:
    """What the prompt costs there. A deployment without a price costs nothing where it has a cache, so that a
    conversation stays, and is never gone back to for its price."""
    fresh, from_cache = info.input_usd_per_token, cached_price(info)
    if fresh is None or from_cache is None:
        return 0.0 if cached else float("inf")
    cached = min(cached, tokens)
    return (tokens - cached) * fresh + cached * from_cache
