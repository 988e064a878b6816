"""What retries, hedges and abandoned attempts may cost: one budget per chain, in requests and in USD.

Each answer earns a share of a request and of its own cost; each retry spends a request, each wasted attempt its cost.
An empty budget stops retries, not fallbacks: in an outage that every caller meets, retries only multiply the load.
Sources of the idea: Google's SRE book, "Handling Overload" (retry budgets, 10 %); AWS SDKs' retry token buckets.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from ..mapping import RouterSettings

EARNED_OVER = 500
"""Requests. A full budget is worth what so many answers earn, and so is its reserve at the start."""
EARNED_OVER_USD = 50.0
"""The same for USD."""


@dataclass(slots=True)
class _Spent:
    """What is spent and not earned back yet."""

    requests: float = 0.0
    usd: float = 0.0


class WasteBudget:
    """The budgets of all chains, and the retry tokens of each provider, over all chains. Shared by a process's
    requests; bounded by the mapping."""

    def __init__(self) -> None:
        self._chains: dict[str, _Spent] = {}
        self._providers: dict[str, _Spent] = {}

    def carried(self, chains: Collection[str], providers: Collection[str]) -> WasteBudget:
        """Make those of another mapping: what is spent under either counts for both, where they have the same names."""
        other = WasteBudget()
        other._chains = {name: self._chains.setdefault(name, _Spent()) for name in chains}
        other._providers = {name: self._providers.setdefault(name, _Spent()) for name in providers}
        return other

    def take(self, chain: str, provider: str, settings: RouterSettings) -> bool:
        """Spend one request on a retry or a hedge. False: nothing is spent, and the budget is used up."""
        if not self.left(chain, provider, settings):
            return False
        self._chains[chain].requests += 1
        self._providers[provider].requests += 1
        return True

    def left(self, chain: str, provider: str, settings: RouterSettings) -> bool:
        """True where `take` would spend a request now."""
        spent = self._chains.setdefault(chain, _Spent())
        tokens = self._providers.setdefault(provider, _Spent())
        most = settings.waste_requests * EARNED_OVER
        return max(spent.requests, tokens.requests) + 1 <= most and self._usd_left(spent, settings)

    def answered(self, chain: str, provider: str, cost_usd: float | None, settings: RouterSettings) -> None:
        """Earn by an answer; an unknown cost earns no USD."""
        if (spent := self._chains.get(chain)) is not None:
            spent.requests = max(0.0, spent.requests - settings.waste_requests)
            spent.usd = max(0.0, spent.usd - settings.waste_usd * (cost_usd or 0.0))
        if (tokens := self._providers.get(provider)) is not None:
            tokens.requests = max(0.0, tokens.requests - settings.waste_requests)

    def wasted(self, chain: str, cost_usd: float, settings: RouterSettings) -> None:
        """Spend the cost of an attempt that brought the caller nothing. At most one full budget is owed: an expensive
        attempt must not end retries for days."""
        spent = self._chains.setdefault(chain, _Spent())
        spent.usd = min(spent.usd + cost_usd, 2 * settings.waste_usd * EARNED_OVER_USD)

    def _usd_left(self, spent: _Spent, settings: RouterSettings) -> bool:
        return spent.usd <= 0 or spent.usd < settings.waste_usd * EARNED_OVER_USD
