"""OpenRouter. Sources: OpenRouter, "Quick start" (the address) and "Usage accounting" (prices)."""

from __future__ import annotations

from .profile import Profile

OPENROUTER = Profile(
    read_by_class=True,
    states_prices=True,
    base_variable="OPENROUTER_API_BASE",
    usual_base="https://openrouter.ai/api/v1",
)
