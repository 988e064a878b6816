"""When each deployment was last proven, carried from report to report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ..routing.types import Deployment
from .hops import Hop

UNPROVEN_AFTER = 7 * 24
"""Hours after which a hop counts as unproven."""


@dataclass(frozen=True, slots=True)
class Proof:
    """A deployment answered in every way while all before it were out."""

    at: int
    """Unix seconds."""
    label: str
    """`provider:model` that answered: another model under the same name is not proven by it."""

    def hours(self, now: float) -> float:
        """Hours since then."""
        return max(0.0, (now - self.at) / 3600)

    def of(self, deployment: Deployment) -> bool:
        """True where it proves what the mapping names now."""
        return self.label == _label(deployment)


def proven_by(
    hops: Sequence[Hop], deployments: Iterable[Deployment], former: Mapping[str, Proof], now: int
) -> dict[str, Proof]:
    """List the last proof of each deployment after a drill.

    Args:
        hops: What the drill found.
        deployments: All of the mapping.
        former: The proofs of the report before.
        now: Unix seconds of the drill.

    Returns:
        By deployment; those that were never proven as the mapping names them are missing.
    """
    proofs = {}
    for one in deployments:
        own = [hop.verdict for hop in hops if hop.deployment == one.id]
        if own and all(verdict == "proven" for verdict in own):
            proofs[one.id] = Proof(now, _label(one))
        elif (before := former.get(one.id)) is not None and before.of(one):
            proofs[one.id] = before
    return proofs


def last_proven(deployment: Deployment, proofs: Mapping[str, Proof], now: float) -> str:
    """Say in words when it was last proven: `3 hours ago`, `never`."""
    proof = proofs.get(deployment.id)
    if proof is None or not proof.of(deployment):
        return "never"
    hours = proof.hours(now)
    return f"{hours:.0f} h ago" if hours < 48 else f"{hours / 24:.0f} days ago"


def unproven(deployments: Iterable[Deployment], proofs: Mapping[str, Proof], now: float) -> dict[str, float]:
    """List the hours since each deployment was last proven; one that never was counts as just due.

    Args:
        deployments: All of the mapping.
        proofs: The last proof of each.
        now: Unix seconds.

    Returns:
        By deployment.
    """
    found = {}
    for one in deployments:
        proof = proofs.get(one.id)
        found[one.id] = proof.hours(now) if proof is not None and proof.of(one) else float(UNPROVEN_AFTER)
    return found


def _label(deployment: Deployment) -> str:
    where = deployment.region or deployment.api_base or ""
    return f"{deployment.label}@{where}" if where else deployment.label


def at_text(seconds: int) -> str:
    """Unix seconds as `2026-11-29T17:00:00Z`."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
