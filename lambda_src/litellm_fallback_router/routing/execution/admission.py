"""Health checks right before an attempt. A plan uses the circuits, cooldowns, keys and rates of the moment when the
request arrived; while the request waits, other requests change them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..callers import Priority
from ..ledger import Dropped
from ..mapping import RouterSettings
from ..plan import WAITING, Candidate, Health, out_of_rate, rpm_kept
from ..ports import RateLimits
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
        if drop is None and deployment.rpm is not None:
            drop = await _counted(candidate, dependencies.rate_limits)
    except BaseException:
        await withdraw(deployment, holds, dependencies, probe=probe)
        raise
    if drop is not None:
        await withdraw(deployment, holds, dependencies, probe=probe)
        return drop
    if (probe, deprioritized) != (candidate.probe, candidate.deprioritized):
        candidate = replace(candidate, probe=probe, deprioritized=deprioritized)
    return Admission(candidate, tuple(holds))


async def _counted(candidate: Candidate, rates: RateLimits) -> Dropped | None:
    """Count the request against `rpm`. A drop: it was not, since the minute is used up."""
    deployment, kept = candidate.deployment, candidate.rpm_kept
    if await rates.take(deployment, keep=kept):
        return None
    return out_of_rate(deployment, rates.retry_after(deployment, keep=kept), kept=kept)


async def withdraw(
    deployment: Deployment, holds: Sequence[Hold], dependencies: ExecutionDependencies, *, probe: bool
) -> None:
    """Give back what was acquired for an attempt that is not made; requests counted against `rpm` stay counted."""
    settle(tuple(holds), None)
    if probe:
        await dependencies.circuits.released(deployment.id)


async def health_for_plan(
    deployments: Sequence[Deployment],
    dependencies: ExecutionDependencies,
    settings: RouterSettings,
    priority: Priority,
    *,
    streamed: bool,
) -> Health:
    """All that a plan asks of `deployments`, for a request of this priority. `streamed`: a first token is waited for,
    not a whole answer."""
    names, room, rates = [d.id for d in deployments], dependencies.room, dependencies.rate_limits
    limited = [d for d in deployments if d.rpm is not None]
    left = await rates.left(limited) if limited else {}
    circuits = await dependencies.circuits.states(names)
    returning = dependencies.returns.shares(circuits, names, settings.return_seconds)
    if returning:
        # One request at a time is no load, whatever its share.
        returning = {name: part for name, part in returning.items() if room.under_way(name)}
    known = Health(
        circuits=circuits,
        cooling=dependencies.cooldowns.of(deployments),
        keyless=_keyless(deployments, dependencies),
        timed_out=dependencies.short_timeouts.of(names, streamed=streamed),
        busy=room.full(names, priority, settings),
        returning=returning,
        latency=dependencies.latencies.averages(names, streamed=streamed),
    )
    if not limited:
        return known
    kept = {d.id: rpm_kept(d, priority, settings) for d in limited}
    return replace(
        known,
        rpm_left={name: number - kept[name] for name, number in left.items()},
        rpm_kept=kept,
        rpm_retry_after={d.id: rates.retry_after(d, keep=kept[d.id]) for d in limited},
    )


async def in_vain(candidate: Candidate, dependencies: ExecutionDependencies) -> Dropped | None:
    """Why a retry of `candidate` would be skipped at present; None: it would not."""
    return (await health_of((candidate.deployment,), dependencies)).unfit(candidate.deployment)


async def health_of(deployments: Sequence[Deployment], dependencies: ExecutionDependencies) -> Health:
    """Circuits, cooldowns and keys of `deployments`; without rates, which are counted when they are taken."""
    return Health(
        circuits=await dependencies.circuits.states([d.id for d in deployments]),
        cooling=dependencies.cooldowns.of(deployments),
        keyless=_keyless(deployments, dependencies),
    )


def _keyless(deployments: Sequence[Deployment], dependencies: ExecutionDependencies) -> dict[str, str]:
    return {d.id: why for d in deployments if (why := dependencies.keys.missing(d))}
