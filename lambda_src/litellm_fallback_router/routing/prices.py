"""What tokens cost by a model's facts: the prices of the mapping, else those of the price map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .ledger import Usage
    from .types import ModelInfo


@dataclass(frozen=True, slots=True)
class Rates:
    """USD a token, where that is the same for every request."""

    fresh: float
    cached: float
    completion: float

    def of(self, usage: Usage) -> float:
        """USD of these tokens."""
        fresh = usage.prompt_tokens - usage.cached_tokens
        return fresh * self.fresh + usage.cached_tokens * self.cached + usage.completion_tokens * self.completion


def usd_of(info: ModelInfo, usage: Usage) -> float | None:
    """USD of these tokens; None where a price is unknown."""
    fresh, cached, completion = info.input_usd_per_token, cached_price(info), info.output_usd_per_token
    if fresh is None or cached is None or completion is None:
        return None
    return Rates(fresh, cached, completion).of(usage)


def cached_price(info: ModelInfo) -> float | None:
    """USD of a prompt token read from the cache: that of any other where the model has none for it; None: unknown."""
    return info.input_usd_per_token if info.cached_usd_per_token is None else info.cached_usd_per_token
