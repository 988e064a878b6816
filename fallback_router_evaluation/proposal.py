"""From standings to a mapping: each strategy in the order that the evidence speaks for."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import yaml

from litellm_fallback_router.routing.mapping import converted_config, cycles, is_litellm_config

from .standings import Standing

Goal = Literal["quality", "cost", "latency"]
GOOD_ENOUGH = 0.9
"""Share of the best quality that a cheap or quick model must reach to be asked first."""
BY_EVIDENCE: Mapping[str, Goal] = {
    "evaluated-quality": "quality",
    "evaluated-cost": "cost",
    "evaluated-latency": "latency",
}
"""Strategies over every evaluated model, added to the mapping's own."""
_WORDS: Mapping[str, Goal] = {
    **dict.fromkeys(("cost", "cheap"), "cost"),
    **dict.fromkeys(("latency", "performance", "speed", "fast"), "latency"),
}
"""What a strategy's name says it is for."""
_SECRETS = frozenset(
    {
        *("api_key", "extra_headers", "extra_body", "azure_ad_token", "azure_password", "client_secret"),
        *("vertex_credentials", "aws_access_key_id", "aws_secret_access_key", "aws_session_token"),
        *("aws_web_identity_token", "aws_external_id"),
    }
)
"""Parameters that hold a secret unless they are a reference (`os.environ/NAME`)."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A mapping that `ROUTER_CONFIG` accepts."""

    mapping: Mapping[str, Any]
    orders: Mapping[str, tuple[Goal, tuple[str, ...]]]
    """Strategy -> what it is for, and its models in order."""
    left_out: tuple[str, ...]
    """Paths of literal secrets, which no file of ours repeats."""
    closing: Mapping[str, tuple[str, ...]]
    """Model -> the fallbacks it lost, as they would close a circle: legal in LiteLLM's config, a mistake in ours."""

    def to_yaml(self, header: str) -> str:
        comment = "".join(f"# {line}\n" for line in header.splitlines())
        return comment + yaml.safe_dump(self.mapping, sort_keys=False, allow_unicode=True, width=120)


def propose(mapping: Mapping[str, Any], places: Sequence[Standing]) -> Proposal:
    """The mapping with its strategies in a new order. Members stay the same: a strategy says who may be asked.

    Models that were not evaluated, or not scored, keep their place behind those that were. A strategy is for cost or
    latency if its name says so, else for quality.
    """
    left_out: list[str] = []
    proposed = _without_secrets(_ours(mapping), left_out)
    ranked = [one for one in places if one.quality is not None and one.answered]
    by_name: dict[str, Standing] = {}
    for one in ranked:  # the best member speaks for its group
        by_name.setdefault(one.model.model_name, one)
    wanted: dict[str, tuple[Goal, Sequence[str]]] = {
        name: (goal_of(name), members)
        for name, members in (proposed.get("strategies") or {}).items()
        if name not in BY_EVIDENCE
    }
    if by_name:
        wanted |= {name: (goal, list(by_name)) for name, goal in BY_EVIDENCE.items()}
    orders = {name: (goal, ordered(members, by_name, goal)) for name, (goal, members) in wanted.items()}
    proposed["strategies"] = {name: list(members) for name, (_, members) in orders.items()}
    return Proposal(proposed, orders, tuple(left_out), _opened(proposed))


def goal_of(strategy: str) -> Goal:
    return next((goal for word, goal in _WORDS.items() if word in strategy.lower()), "quality")


def ordered(members: Sequence[str], places: Mapping[str, Standing], goal: Goal) -> tuple[str, ...]:
    """The members that were evaluated, by the goal; the others behind, as they stood."""
    known = [name for name in members if name in places]
    best = max((places[name].quality or 0.0 for name in known), default=0.0)

    def good_enough(place: Standing) -> bool:
        return (place.quality or 0.0) >= GOOD_ENOUGH * best

    def rank(name: str) -> tuple[bool, float, float]:
        place = places[name]
        quality = -(place.quality or 0.0)
        if goal == "quality" or not good_enough(place):
            # Of equally good ones the cheaper.
            return not good_enough(place), quality, _or_last(place.usd_per_1000)
        return False, _or_last(_VALUES[goal](place)), quality

    return (*sorted(known, key=rank), *(name for name in members if name not in places))


_VALUES: Mapping[Goal, Callable[[Standing], float | None]] = {
    "cost": lambda place: place.usd_per_1000,
    "latency": lambda place: place.p50_seconds,
}


def _or_last(value: float | None) -> float:
    return float("inf") if value is None else value


def _ours(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """The mapping in our shape, to change."""
    if not is_litellm_config(mapping):
        return copy.deepcopy(dict(mapping))
    converted = converted_config(mapping, [])
    items = [item for index, item in enumerate(converted.mapping["model_list"]) if index not in converted.left_out]
    ours = {**converted.mapping, "model_list": items}
    return copy.deepcopy({key: value for key, value in ours.items() if value is not None})


def _opened(mapping: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    """Takes the fallbacks that close a circle out of the mapping; gives them."""
    fallbacks, strategies = mapping.get("fallbacks") or {}, mapping["strategies"]
    taken: dict[str, tuple[str, ...]] = {}
    while found := cycles(fallbacks, strategies):
        edges = list(pairwise(found[0]))
        # A strategy says who may be asked, so it keeps its members where a fallback can go instead.
        name, closing = next((edge for edge in reversed(edges) if edge[0] not in strategies), edges[-1])
        lists = strategies if name in strategies else fallbacks
        lists[name] = [one for one in lists[name] if one != closing]
        if not lists[name]:
            del lists[name]
        taken[name] = (*taken.get(name, ()), closing)
    return taken


def _without_secrets(mapping: dict[str, Any], left_out: list[str]) -> dict[str, Any]:
    for index, item in enumerate(mapping.get("model_list") or ()):
        params = item.get("params") or {}
        for name in list(params):
            if name in _SECRETS and not _is_reference(params[name]):
                del params[name]
                left_out.append(f"model_list[{index}].params.{name}")
    return mapping


def _is_reference(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("os.environ/")
