"""Hops: each deployment at its place in each chain, with what a drill found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from .asking import Answer
from .cases import Case

Verdict = Literal["proven", "failed", "not asked"]


@dataclass(frozen=True, slots=True)
class Hop:
    """One deployment in one chain, asked with everything before it out."""

    chain: str
    place: int
    """From 1."""
    deployment: str
    answers: tuple[Answer, ...]

    @property
    def verdict(self) -> Verdict:
        """`proven`: it answered in every way in which it can be asked, and in one at least."""
        statuses = [one.status for one in self.answers if one.status != "unable"]
        if "failed" in statuses or not statuses:
            return "failed"
        return "not asked" if "not asked" in statuses else "proven"

    @property
    def holds(self) -> bool:
        """True where a caller got an answer in every way, be it from a hop behind this one."""
        return all(one.answered_by is not None for one in self.answers if one.status != "unable")


def hops_of(
    chains: Iterable[str], cases: Iterable[Case], answers: Mapping[tuple[str, ...], tuple[Answer, ...]]
) -> list[Hop]:
    """List the hops, in the order of chains and places."""
    order: dict[str, list[Hop]] = {name: [] for name in chains}
    for case in cases:
        found = answers.get(tuple(one.id for one in case.left), ())
        for chain, place in case.places:
            order[chain].append(Hop(chain, place, case.hop.id, found))
    return [hop for chain in order.values() for hop in sorted(chain, key=lambda one: one.place)]
