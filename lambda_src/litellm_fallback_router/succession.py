"""One Router takes another's place when the mapping has changed, with what was learnt so far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from .adapters.memory import MemoryCircuits, MemoryRateLimits, MemoryResponses
from .adapters.provider_keys import EnvironmentKeys
from .bootstrap import assemble, usable
from .engine import Engine
from .routing.execution import carried_over, same_places, with_same_deployments
from .routing.interceptors import RouterDependencies
from .routing.mapping import RouterConfig
from .routing.ports import Circuits, RateLimits
from .routing.router import Router
from .settings import Settings


def prepared(former: Router, settings: Settings, mapping: Any) -> Callable[[], Router]:
    """Build a Router for `mapping`. Blocks for some 50 ms, and while the keys are read.

    Gives what makes it take over the state of `former`, to be called on the event loop: it awaits nothing, so that no
    request comes between. `former` goes on with the requests that it has; it must not be closed, for both share
    connections and accounts.

    Raises ConfigurationError with every mistake; then nothing has changed.
    """
    # Only the former's observer sees requests, so a second one serves and sends nothing.
    unseen = settings.model_copy(update={"metrics_port": None, "otlp_endpoint": None})
    fresh = assemble(usable(settings, mapping), unseen)

    def take_over() -> Router:
        config = with_same_deployments(former.config, fresh.config)
        return Router(config, _succeeding(former, config, fresh.dependencies))

    return take_over


def _succeeding(former: Router, config: RouterConfig, fresh: RouterDependencies) -> RouterDependencies:
    """The parts of `former`, in a state for `config`; `fresh` ones where the mapping decides what they are."""
    before, kept = former.config, former.dependencies
    same = same_places(before, config)
    accounts = kept.accounts
    if accounts is not None:
        budgets = config.budgets
        accounts.reconfigure(fail_closed=budgets.on_state_loss == "fail_closed", local_share=budgets.local_share)
    if kept.spending is not None:
        kept.spending.reconfigure({one.id: one.model_name for one in config.deployments})
    dependencies = replace(
        kept,
        circuits=_circuits(kept.circuits, config, same),
        rate_limits=_rate_limits(kept.rate_limits, same),
        images=(kept.images or fresh.images) if config.settings.fetch_images else None,
        samples=kept.samples if before.settings.sample_fallbacks == config.settings.sample_fallbacks else fresh.samples,
        prompts=kept.prompts if before.prompts == config.prompts else fresh.prompts,
        # An answer is found by the chain that gave it, so a changed chain finds none of the former's.
        cache=kept.cache if before.cache == config.cache else fresh.cache,
        guard=kept.guard if before.guardrail == config.guardrail else fresh.guard,
        **carried_over(kept, config, same),
    )
    if isinstance(kept.provider, Engine) and isinstance(kept.keys, EnvironmentKeys):
        kept.provider.keep(config.deployments)
    else:
        # Those of Secrets Manager are of the mapping's providers, and were read a moment ago.
        dependencies = replace(dependencies, provider=fresh.provider, keys=fresh.keys)
    return _with_responses(dependencies, config, fresh)


def _circuits(kept: Circuits, config: RouterConfig, same: frozenset[str]) -> Circuits:
    numbers = config.settings
    if isinstance(kept, MemoryCircuits):
        return kept.carried(
            same,
            failures=numbers.circuit_failures,
            open_seconds=numbers.circuit_open_seconds,
            probe_seconds=numbers.deadline,
        )
    # The fleet's are known by their names alone, whatever mapping each environment has.
    from .adapters.dynamodb.circuits import SharedCircuits  # noqa: PLC0415 - AWS's libraries, only where they are used

    if isinstance(kept, SharedCircuits):
        kept.reconfigure(
            failures=numbers.circuit_failures,
            open_seconds=numbers.circuit_open_seconds,
            probe_seconds=numbers.deadline,
        )
    return kept


def _rate_limits(kept: RateLimits, same: frozenset[str]) -> RateLimits:
    return kept.carried(same) if isinstance(kept, MemoryRateLimits) else kept


def _with_responses(
    dependencies: RouterDependencies, config: RouterConfig, fresh: RouterDependencies
) -> RouterDependencies:
    """A conversation goes on where its place is still the same kind of place."""
    kept = dependencies.responses
    if isinstance(kept, MemoryResponses) and isinstance(fresh.responses, MemoryResponses):
        kept.keep_for(config.settings.responses_store_seconds)
        return dependencies
    return replace(dependencies, responses=fresh.responses)
