"""What a drill asks: for each hop of each chain, the chain that is left once everything before it is out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ..routing.callers import Budget
from ..routing.mapping import Budgets, RouterConfig
from ..routing.types import Deployment

NEVER = 100
"""Failures in a row that no drill reaches: what one question found must not hide the next answer."""


@dataclass(frozen=True, slots=True)
class Case:
    """A chain without its first hops. The hop that it tries is the first of `left`."""

    left: tuple[Deployment, ...]
    """Who may be asked, in order. Siblings of the hop in its group are out too."""
    places: tuple[tuple[str, int], ...]
    """Each chain in which exactly these are left, with the hop's place in it from 1."""

    @property
    def hop(self) -> Deployment:
        return self.left[0]


def cases_of(config: RouterConfig, chains: Sequence[str] = ()) -> list[Case]:
    """List the cases of a mapping, each once: chains often end alike, and what is left of them then is the same.

    Args:
        config: The mapping.
        chains: Names of chains to look at; empty: all.

    Returns:
        The cases, in the order of the chains.
    """
    found: dict[tuple[str, ...], Case] = {}
    for name in chains or config.chains:
        for place, left in enumerate(_tails(config, name), start=1):
            ids = tuple(one.id for one in left)
            former = found.get(ids)
            places = (*(former.places if former else ()), (name, place))
            found[ids] = Case(left, places)
    return list(found.values())


def _tails(config: RouterConfig, name: str) -> Iterator[tuple[Deployment, ...]]:
    groups = [config.group(one) for one in config.chains[name]]
    for number, group in enumerate(groups):
        behind = tuple(one for later in groups[number + 1 :] for one in later)
        for hop in group:
            yield (hop, *behind)


def config_of(case: Case, config: RouterConfig, budget: Budget) -> RouterConfig:
    """Make the mapping of one case: the hops before it are not in it, so nothing can ask them.

    One try for each deployment, no verdict of an earlier question, no guardrail and no managed prompts in between.

    Args:
        case: The case.
        config: The whole mapping.
        budget: What the whole drill may cost.

    Returns:
        A mapping with one chain, named as its hop.
    """
    numbers = {
        "max_attempts": min(len(case.left) + 1, 20),
        "tries_per_deployment": 1,
        "tries_on_last": 1,
        "credential_block_seconds": 0.0,
        "circuit_failures": NEVER,
        "cache_affinity": False,
        "sample_fallbacks": 0.0,
        "responses_store": None,
    }
    groups = tuple(dict.fromkeys(one.model_name for one in case.left))
    return replace(
        config,
        deployments=case.left,
        chains={groups[0]: groups},
        strategies=frozenset(),
        settings=config.settings.model_copy(update=numbers),
        guardrail=None,
        prompts=None,
        budgets=Budgets(stage=budget),
    )
