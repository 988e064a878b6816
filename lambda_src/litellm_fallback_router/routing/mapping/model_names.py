"""The names that models go by besides those of the mapping: their providers' own."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches

from ..types import Deployment
from .provider_names import target

LONGEST = 100
"""Characters of an unknown name that are compared, and repeated in the error."""
RESEMBLES = 0.4
"""How like another id of the same provider's an id must be (1: equal): models of one provider share much of them."""


def find_aliases(deployments: Iterable[Deployment], names: Collection[str]) -> dict[str, str]:
    """Model id (`gpt-4o`), label (`openai:gpt-4o`) and LiteLLM's (`openai/gpt-4o`) -> the model name of the mapping,
    so that a caller can ask for the model that answered. The mapping's own names win; of several groups with one id,
    the mapping's first."""
    aliases: dict[str, str] = {}
    for deployment in deployments:
        for alias in (deployment.model, deployment.label, f"{deployment.provider}/{deployment.model}"):
            if alias not in names and deployment.model_name in names:
                aliases.setdefault(alias, deployment.model_name)
    return aliases


def closest(
    unknown: str, names: Collection[str], aliases: Mapping[str, str], deployments: Iterable[Deployment]
) -> str | None:
    """The known name that `unknown` may stand for. The id of a provider's model leads to another of that provider."""
    word = unknown[:LONGEST]
    own = [d for d in deployments if d.provider == _provider(word) and d.model_name in names]
    tail = word.rpartition("/")[2].lower()
    if like := get_close_matches(tail, [deployment.model for deployment in own], n=1, cutoff=RESEMBLES):
        return next(deployment.model_name for deployment in own if deployment.model == like[0])
    known = {**aliases, **{name: name for name in names}}
    found = get_close_matches(word, known, n=1) or get_close_matches(word.lower(), known, n=1)
    return known[found[0]] if found else None


def _provider(name: str) -> str | None:
    """The provider whose models are named like `name`; None: no provider's are."""
    try:
        return target(name, None).provider
    except ValueError:
        return None
