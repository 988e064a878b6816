"""The health of deployments at this moment, and which of it keeps one from being asked. The planner reads it for a
whole chain, and the execution again before every attempt: by one rule, so that they never disagree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..callers import Priority
from ..ledger import Dropped
from ..mapping import RouterSettings
from ..ports import CLOSED, CircuitState
from ..types import Deployment

WAITING = frozenset({"circuit_open", "cooling"})
"""Codes of drops that are a guess about health: such a deployment is still a last resort."""

BUSY = "busy"
"""Code of the drop of a deployment that has as many requests under way as it takes: it comes after the others."""
LATER = 1.0
"""Seconds after which a request that was refused for that may be sent again. Nobody knows when an answer ends."""


@dataclass(frozen=True, slots=True)
class Health:
    """What is known of the deployments at this moment."""

    circuits: Mapping[str, CircuitState] = field(default_factory=dict)
    cooling: Mapping[str, float] = field(default_factory=dict)
    """Seconds left, by deployment id or credential."""
    rpm_left: Mapping[str, int] = field(default_factory=dict)
    """By deployment id, for this request: without those that are kept for others."""
    rpm_kept: Mapping[str, int] = field(default_factory=dict)
    """Requests of the minute that are kept for others, by deployment id."""
    rpm_retry_after: Mapping[str, float] = field(default_factory=dict)
    keyless: Mapping[str, str] = field(default_factory=dict)
    """Why there is no key, by deployment id."""
    timed_out: Mapping[str, float] = field(default_factory=dict)
    """Seconds that requests with short timeouts have just waited without an answer, by deployment id."""
    busy: frozenset[str] = frozenset()
    """Ids of those that have as many requests under way as they take."""
    latency: Mapping[str, float] = field(default_factory=dict)
    """Recent average seconds to a first token, or to a whole answer where that is asked for, by deployment id."""
    returning: Mapping[str, float] = field(default_factory=dict)
    """Share of the requests that a deployment gets just after an outage, by deployment id."""

    def circuit(self, deployment: Deployment) -> CircuitState:
        return self.circuits.get(deployment.id, CLOSED)

    def unfit(self, deployment: Deployment) -> Dropped | None:
        """Why `deployment` may not be asked now; None: it may. A code in `WAITING` makes it a last resort."""
        return self._out_of_service(deployment) or self._used_up(deployment) or self._down(deployment)

    def _out_of_service(self, deployment: Deployment) -> Dropped | None:
        if why := self.keyless.get(deployment.id):
            return Dropped(deployment.id, "no_key", why)
        if self.circuit(deployment).drained:
            return Dropped(deployment.id, "drained", "an operator has taken it out of service")
        return None

    def _used_up(self, deployment: Deployment) -> Dropped | None:
        if left := self.cooling.get(deployment.credential, 0.0):
            reason = f"its credential was refused or has no credit left; not used for another {left:.0f} s"
            return Dropped(deployment.id, "credential", reason, left)
        if deployment.rpm is not None and self.rpm_left.get(deployment.id, deployment.rpm) <= 0:
            kept = self.rpm_kept.get(deployment.id, 0)
            return out_of_rate(deployment, self.rpm_retry_after.get(deployment.id), kept=kept)
        return None

    def _down(self, deployment: Deployment) -> Dropped | None:
        if left := self.cooling.get(deployment.id, 0.0):
            return Dropped(deployment.id, "cooling", f"the provider asked for {left:.0f} s more", left)
        circuit = self.circuit(deployment)
        if circuit.open and not circuit.probe_due:
            reason = f"its circuit is open; a probe is due in {circuit.retry_after:.1f} s"
            return Dropped(deployment.id, "circuit_open", reason, circuit.retry_after)
        return None


def out_of_rate(deployment: Deployment, retry_after: float | None, *, kept: int = 0) -> Dropped:
    """The drop of a deployment whose requests a minute are used up; `retry_after` is in seconds, and `kept` requests
    are for interactive callers."""
    but = f" but {kept} kept for interactive callers" if kept else ""
    return Dropped(deployment.id, "rpm", f"its {deployment.rpm} requests a minute{but} are used up", retry_after)


def rpm_kept(deployment: Deployment, priority: Priority, settings: RouterSettings) -> int:
    """Requests of a deployment's minute that are not for a request of this priority."""
    if deployment.rpm is None or priority is not Priority.BATCH:
        return 0
    return deployment.rpm - max(1, int(deployment.rpm * settings.batch_share))


def busy(deployment: str) -> Dropped:
    """The drop of a deployment that has as many requests under way as it takes."""
    return Dropped(deployment, BUSY, "it has as many requests under way as it takes; the others go first", LATER)
