"""Which deployments have no key."""

from __future__ import annotations

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
