"""What a failed attempt means for the other deployments of its request, and for later requests."""

from __future__ import annotations

from ..failures import FailureKind, NextStep, ProviderFailure
from ..mapping import RouterSettings
from ..types import Deployment
from .dependencies import ExecutionDependencies
from .remaining import Remaining

_TROUBLE = {FailureKind.QUOTA_EXHAUSTED: "has no credit left", FailureKind.AUTHENTICATION: "was refused"}
"""Why the deployments of a credential are skipped, by the kind of its failure."""


def next_step(failure: ProviderFailure, settings: RouterSettings) -> NextStep:
    """Where the chain goes once the deployment is given up, by the policy and the settings."""
    if failure.kind is FailureKind.CONTENT_POLICY and settings.content_policy_fallback:
        return NextStep.NEXT
    return failure.rule.next_step


def apply_failure(
    deployment: Deployment,
    failure: ProviderFailure,
    remaining: Remaining,
    settings: RouterSettings,
    dependencies: ExecutionDependencies,
) -> None:
    """Drop the candidates that would fail the same way; cool the deployment or credential for later requests."""
    step = next_step(failure, settings)
    if failure.retry_after is not None and failure.retry_after > settings.retry_after_max:
        _cool(deployment.id, failure.retry_after, dependencies)
    if step is NextStep.SKIP_CREDENTIAL:
        _cool(deployment.credential, settings.credential_block_seconds, dependencies)
        remaining.drop(
            lambda d: d.credential == deployment.credential,
            "credential",
            f"shares the credential of {deployment.id}, which {_TROUBLE[failure.kind]}",
        )
    elif step is NextStep.LARGER_WINDOW and (window := deployment.info.max_input_tokens) is not None:
        remaining.drop(
            lambda d: d.info.max_input_tokens is not None and d.info.max_input_tokens <= window,
            "context",
            f"its window is no larger than that of {deployment.id}",
        )


def _cool(name: str, seconds: float, dependencies: ExecutionDependencies) -> None:
    """Cool a deployment or a credential, and end the waits of requests that would retry it."""
    if not dependencies.cooldowns.left(name):
        dependencies.waits.interrupt(name)
    dependencies.cooldowns.cool(name, seconds)
