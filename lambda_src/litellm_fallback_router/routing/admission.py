"""Whether a candidate may be asked now. A plan is made of what was known when the request came; while it waits, for
a retry or for those before it, other requests learn more. So it is all checked again right before an attempt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .health import WAITING, Health, out_of_rate
from .ledger import Dropped
from .outside import Outside
from .planner import Candidate
from .types import Deployment


async def admit(candidate: Candidate, outside: Outside) -> Candidate | Dropped:
    """The candidate as it may be asked at this moment, with its probe and its place in the rate taken; or why not."""
    deployment = candidate.deployment
    health = await health_of((deployment,), outside)
    doubt = health.unfit(deployment)
    if doubt is not None and not (candidate.last_resort and doubt.code in WAITING):
        return doubt
    probe = False
    if doubt is None and health.circuit(deployment).open:
        probe = await outside.circuits.acquire_probe(deployment.id)
        if not probe:
            doubt = Dropped(deployment.id, "circuit_open", "its circuit is open; another request is probing it")
            if not candidate.last_resort:
                return doubt
    if deployment.rpm is not None and not await outside.rate_limits.take(deployment):
        if probe:
            await outside.circuits.released(deployment.id)
        return out_of_rate(deployment, outside.rate_limits.retry_after(deployment))
    return replace(candidate, probe=probe, doubt=doubt)


async def in_vain(candidate: Candidate, outside: Outside) -> Dropped | None:
    """Why waiting for another try of `candidate` is of no use as things are; None: it may be."""
    return (await health_of((candidate.deployment,), outside)).unfit(candidate.deployment)


async def health_of(deployments: Sequence[Deployment], outside: Outside) -> Health:
    """Circuits, cooldowns and keys; not the rates, which are counted as they are taken."""
    names = {d.id for d in deployments} | {d.credential for d in deployments}
    return Health(
        circuits=await outside.circuits.states([d.id for d in deployments]),
        cooling={name: left for name in names if (left := outside.cooldowns.left(name))},
        keyless={d.id: why for d in deployments if (why := outside.keys.missing(d))},
    )
