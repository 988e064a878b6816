"""Health checks right before an attempt. A plan uses the circuits, cooldowns, keys and rates of the moment when the
request arrived; while the request waits, other requests change them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..ledger import Dropped
from ..plan import WAITING, Candidate, Health, out_of_rate
from ..types import Deployment
from .dependencies import ExecutionDependencies


async def admit(candidate: Candidate, dependencies: ExecutionDependencies) -> Candidate | Dropped:
    """The candidate, with its circuit probe acquired and its request counted against `rpm`; or why it is skipped."""
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


async def in_vain(candidate: Candidate, dependencies: ExecutionDependencies) -> Dropped | None:
    """Why a retry of `candidate` would be skipped at present; None: it would not."""
    return (await health_of((candidate.deployment,), dependencies)).unfit(candidate.deployment)


async def health_of(deployments: Sequence[Deployment], dependencies: ExecutionDependencies) -> Health:
    """Circuits, cooldowns and keys of `deployments`; without rates, which are counted when they are taken."""
    names = {d.id for d in deployments} | {d.credential for d in deployments}
    return Health(
        circuits=await dependencies.circuits.states([d.id for d in deployments]),
        cooling={name: left for name in names if (left := dependencies.cooldowns.left(name))},
        keyless={d.id: why for d in deployments if (why := dependencies.keys.missing(d))},
    )
