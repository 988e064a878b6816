"""Whether a candidate may be asked now. A plan is made of what was known when the request came; while it waits, for
a retry or for those before it, other requests learn more. So it is all checked again right before an attempt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..ledger import Dropped
from ..plan import WAITING, Candidate, Health, out_of_rate
from ..types import Deployment
from .dependencies import RouterDependencies


async def admit(candidate: Candidate, dependencies: RouterDependencies) -> Candidate | Dropped:
    """The candidate as it may be asked at this moment, with its probe and its place in the rate taken; or why not."""
    deployment = candidate.deployment
    health = await health_of((deployment,), dependencies)
    deprioritized = health.unfit(deployment)
    if deprioritized is not None and not (candidate.last_resort and deprioritized.code in WAITING):
        return deprioritized
    probe = False
    if deprioritized is None and health.circuit(deployment).open:
        probe = await dependencies.circuits.acquire_probe(deployment.id)
        if not probe:
            deprioritized = Dropped(deployment.id, "circuit_open", "its circuit is open; another request is probing it")
            if not candidate.last_resort:
                return deprioritized
    if deployment.rpm is not None and not await dependencies.rate_limits.take(deployment):
        if probe:
            await dependencies.circuits.released(deployment.id)
        return out_of_rate(deployment, dependencies.rate_limits.retry_after(deployment))
    return replace(candidate, probe=probe, deprioritized=deprioritized)


async def in_vain(candidate: Candidate, dependencies: RouterDependencies) -> Dropped | None:
    """Why waiting for another try of `candidate` is of no use as things are; None: it may be."""
    return (await health_of((candidate.deployment,), dependencies)).unfit(candidate.deployment)


async def health_of(deployments: Sequence[Deployment], dependencies: RouterDependencies) -> Health:
    """Circuits, cooldowns and keys; not the rates, which are counted as they are taken."""
    names = {d.id for d in deployments} | {d.credential for d in deployments}
    return Health(
        circuits=await dependencies.circuits.states([d.id for d in deployments]),
        cooling={name: left for name in names if (left := dependencies.cooldowns.left(name))},
        keyless={d.id: why for d in deployments if (why := dependencies.keys.missing(d))},
    )
