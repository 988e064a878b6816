"""One drill, from the mapping to its report."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from ..routing.callers import NANO
from ..routing.errors import RouterError
from ..routing.interceptors import RouterDependencies
from ..routing.ledger import AttemptRecord, rounded_usd
from ..routing.mapping import RouterConfig
from ..routing.types import ChatRequest, ChatResult
from .asking import Drill, Limits
from .cases import Case, cases_of
from .findings import findings_of, prices_of
from .hops import hops_of
from .proofs import proven_by
from .report import SIMULATOR, Report, mapping_digest


class Silent:
    """Implements `Observer`: what a drill asks is in its report alone, not among the callers' requests."""

    def attempted(self, request: ChatRequest, attempt: AttemptRecord) -> None:
        """Say nothing."""

    def finished(self, request: ChatRequest, outcome: ChatResult | RouterError) -> None:
        """Say nothing."""


async def drilled(
    config: RouterConfig,
    dependencies: RouterDependencies,
    limits: Limits,
    *,
    chains: Sequence[str] = (),
    where: str,
    former: Report | None,
    tell: Callable[[int, int, str], None] = lambda done, total, hop: None,
) -> Report:
    """Run a drill.

    Args:
        config: The mapping.
        dependencies: Of this drill alone.
        limits: What it may use.
        chains: Names of chains to look at; empty: all.
        where: `this machine`, `simulator`, or the stage's name.
        former: The report before this one; None: there is none.
        tell: Called with the questions answered, all of them, and the hop of the last.

    Returns:
        The report, not sealed yet.
    """
    if former is not None and former.simulated != (where == SIMULATOR):
        former = None
    now, began = int(time.time()), time.monotonic()
    cases = _longest_unproven_first(cases_of(config, chains), config, former)
    drill = Drill(config, dependencies, limits)
    await drill.run(cases, tell)
    hops = hops_of(chains or config.chains, cases, drill.answers)
    looked_at = list(dict.fromkeys(case.hop.id for case in cases))
    deployments = [one for one in config.deployments if one.id in looked_at]
    today = datetime.fromtimestamp(now, UTC).date()
    return Report(
        at=now,
        where=where,
        mapping=mapping_digest(config),
        seconds=round(time.monotonic() - began, 3),
        max_usd=limits.budget.nano_usd / NANO,
        cost_usd=rounded_usd(drill.cost_usd),
        hops=tuple(hops),
        findings=tuple(findings_of(hops, deployments, {} if former is None else former.prices, today)),
        prices=prices_of(config.deployments),
        proofs=proven_by(hops, config.deployments, {} if former is None else former.proofs, now),
    )


def _longest_unproven_first(cases: list[Case], config: RouterConfig, former: Report | None) -> list[Case]:
    """The order in which a drill asks: where its budget or time is over before the end, the next one begins with what
    this one left out."""
    proofs = {} if former is None else former.proofs
    order = {one.id: place for place, one in enumerate(config.deployments)}

    def age(case: Case) -> tuple[int, int]:
        proof = proofs.get(case.hop.id)
        return (proof.at if proof is not None and proof.of(case.hop) else 0, order[case.hop.id])

    return sorted(cases, key=age)
