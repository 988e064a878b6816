"""Health checks right before an attempt. A plan uses the circuits, cooldowns, keys and rates of the moment when the
request arrived; while the request waits, other requests change them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..ledger import Dropped
from ..plan import WAITING, Candidate, Health, out_of_rate
from ..types import Deployment
from .dependencies import ExecutionDependencies
from .holds import AttemptHook, Hold, settle


@dataclass(frozen=True, slots=True)
class Admission:
    """A candidate that is sent the request now."""

    candidate: Candidate
    holds: tuple[Hold, ...]
    """What is held for it until its attempt has ended."""


async def admit(
    candidate: Candidate,
    dependencies: ExecutionDependencies,
    hooks: Sequence[AttemptHook] = (),
    *,
    probing: bool = True,
) -> Admission | Dropped:
    """The candidate, with its circuit probe acquired, what the hooks hold for it, and its request counted against
    `rpm`; or why it is skipped. `probing`: False skips it where its circuit is open."""
    deployment = candidate.deployment
    health = await health_of((deployment,), dependencies)
    deprioritized = health.unfit(deployment)
    if deprioritized is not None and not (candidate.last_resort and deprioritized.code in WAITING):
        return deprioritized
    probe = False
    if deprioritized is None and health.circuit(deployment).open:
        probe = probing and await dependencies.circuits.acquire_probe(deployment.id)
        if not probe:
            deprioritized = Dropped(deployment.id, "circuit_open", "its circuit is open; another request is probing it")
            if not candidate.last_resort:
                return deprioritized
    holds: list[Hold] = []
    drop: Dropped | None = None
    try:
        for hook in hooks:
            held = await hook.admit(candidate)
            if isinstance(held, Dropped):
                drop = held
                break
            if held is not None:
                holds.append(held)
        if drop is None and deployment.rpm is not None and not await dependencies.rate_limits.take(deployment):
            drop = out_of_rate(deployment, dependencies.rate_limits.retry_after(deployment))
    except BaseException:
        await withdraw(deployment, holds, dependencies, probe=probe)
        raise
    if drop is not None:
        await withdraw(deployment, holds, dependencies, probe=probe)
        return drop
    if (probe, deprioritized) != (candidate.probe, candidate.deprioritized):
        candidate = replace(candidate, probe=probe, deprioritized=deprioritized)
    return Admission(candidate, tuple(holds))


async def withdraw(
    deployment: Deployment, holds: Sequence[Hold], dependencies: ExecutionDependencies, *, probe: bool
) -> None:
    """Give back what was acquired for an attempt that is not made; requests counted against `rpm` stay counted."""
    settle(tuple(holds), None)
    if probe:
        await dependencies.circuits.released(deployment.id)


async def health_for_plan(
    deployments: Sequence[Deployment], dependencies: ExecutionDependencies, *, streamed: bool
) -> Health:
    """All that a plan asks of `deployments`. `streamed`: a first token is waited for, not a whole answer."""
    limited = [d for d in deployments if d.rpm is not None]
    known = await health_of(deployments, dependencies)
    latencies, short_timeouts = dependencies.latencies, dependencies.short_timeouts
    names = [d.id for d in deployments]
    return replace(
        known,
        rpm_left=await dependencies.rate_limits.left(limited) if limited else {},
        rpm_retry_after={d.id: dependencies.rate_limits.retry_after(d) for d in limited},
        timed_out={name: short_timeouts.longest(name, streamed=streamed) for name in names},
        latency={
            name: average for name in names if (average := latencies.average(name, streamed=streamed)) is not None
        },
    )


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
