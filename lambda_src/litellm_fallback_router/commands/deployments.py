"""Deployments as commands look at them: which have no key, and each without the others."""

from __future__ import annotations

from dataclasses import replace

from ..routing.adaptation import EMBEDDINGS
from ..routing.mapping import RouterConfig
from ..routing.router import Router
from ..routing.types import ChatRequest, Message, NativeRequest, RoutingConstraints

QUESTION: list[Message] = [{"role": "user", "content": "What is the capital of France?"}]


def request_to(model: str, config: RouterConfig, question: list[Message] = QUESTION) -> ChatRequest:
    """Make a small request that a model of the mapping can answer.

    Args:
        model: A model or a strategy of the mapping, or a provider's own name of one.
        config: The mapping.
        question: The prompt of a model that chats; one that embeds texts is given its text.

    Returns:
        The request.

    Raises:
        UnknownModelError: There is no such model.
    """
    if not config.embeds(config.resolve(model)):
        return ChatRequest(model, question)
    texts = [str(message["content"]) for message in question]
    return ChatRequest(model, question, native=NativeRequest(EMBEDDINGS, {"input": texts}), validated=True)


async def keyless(router: Router) -> dict[str, str]:
    """Deployment id -> why it has no key, with the fix."""
    reasons: dict[str, str] = {}
    for model in dict.fromkeys(d.model_name for d in router.config.deployments):
        alone = RoutingConstraints(fallback=False)
        plan = await router.explain(replace(request_to(model, router.config), constraints=alone))
        reasons |= {drop.deployment: drop.reason for drop in plan.dropped if drop.code == "no_key"}
    return reasons


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
        # The most there is: one deployment's circuit must not hide its next answer.
        "circuit_failures": 100,
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
