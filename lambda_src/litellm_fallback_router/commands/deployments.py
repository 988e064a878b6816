"""Deployments as commands look at them: which have no key, and each without the others."""

from __future__ import annotations

from dataclasses import replace

from ..routing.mapping import RouterConfig
from ..routing.router import Router
from ..routing.types import ChatRequest, Message, RoutingConstraints

QUESTION: list[Message] = [{"role": "user", "content": "What is the capital of France?"}]


async def keyless(router: Router) -> dict[str, str]:
    """Deployment id -> why it has no key, with the fix."""
    reasons: dict[str, str] = {}
    for model in dict.fromkeys(d.model_name for d in router.config.deployments):
        plan = await router.explain(ChatRequest(model, QUESTION, constraints=RoutingConstraints(fallback=False)))
        reasons |= {drop.deployment: drop.reason for drop in plan.dropped if drop.code == "no_key"}
    return reasons


NEVER = 100
"""Failures in a row that no command reaches: one deployment's circuit must not hide its next answer."""


def each_alone(config: RouterConfig, *, deadline: float, tries: int = 1) -> RouterConfig:
    """Every deployment as a model of its own: no fallback, no verdict on its siblings, no guardrail in between
    and no managed prompts.

    `deadline`: seconds for one question; `tries`: on its one deployment, where trying again may help.
    """
    numbers = {
        "deadline": deadline,
        "max_attempts": tries,
        "tries_on_last": tries,
        "credential_block_seconds": 0.0,
        "circuit_failures": NEVER,
    }
    return replace(
        config,
        deployments=tuple(replace(d, model_name=d.id) for d in config.deployments),
        chains={d.id: (d.id,) for d in config.deployments},
        strategies=frozenset(),
        settings=config.settings.model_copy(update=numbers),
        guardrail=None,
        prompts=None,
    )
