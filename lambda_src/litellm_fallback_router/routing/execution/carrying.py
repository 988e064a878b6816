"""What is remembered from one request to the next, carried over to a Router with another mapping.

A request ends under the mapping it began with, so for a while two Routers work side by side, each with the state of
its own deployments. What is known of a deployment that is the same place in both goes along; nothing that is known, or
still found out, of one that is another place now reaches the new one under its old name.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypedDict

from ..mapping import RouterConfig
from ..types import Deployment
from .caches import PromptCaches
from .cooldowns import Cooldowns
from .dependencies import ExecutionDependencies
from .latencies import Latencies
from .returns import Returns
from .room import Room
from .short_timeouts import ShortTimeouts
from .waits import Waits
from .waste import WasteBudget


class Carried(TypedDict):
    """The fields of `ExecutionDependencies` that are carried over."""

    cooldowns: Cooldowns
    short_timeouts: ShortTimeouts
    waits: Waits
    latencies: Latencies
    returns: Returns
    room: Room
    caches: PromptCaches
    waste: WasteBudget


def same_places(before: RouterConfig, after: RouterConfig) -> frozenset[str]:
    """Find the deployments that are the same place in two mappings.

    Args:
        before: One mapping.
        after: The other.

    Returns:
        The ids under which both have the same model at the same place with the same credential; how much it is asked,
        and how long it is waited for, may differ.
    """
    known = {one.id: _place(one) for one in before.deployments}
    return frozenset(one.id for one in after.deployments if known.get(one.id) == _place(one))


def _place(deployment: Deployment) -> tuple[object, ...]:
    one = deployment
    return (
        *(one.model_name, one.provider, one.model, one.litellm_model, one.credential, one.region),
        *(one.api_base, one.api_key, one.openai_compatible, dict(one.extra)),
    )


def carried_over(former: ExecutionDependencies, after: RouterConfig, same: frozenset[str]) -> Carried:
    """Carry over what this process remembers of deployments, chains and providers.

    Args:
        former: What is remembered under the mapping before.
        after: The mapping from now on.
        same: The ids that `same_places` found.

    Returns:
        The state of the new Router.
    """
    credentials = {one.credential for one in after.deployments}
    return Carried(
        cooldowns=former.cooldowns.carried(same | credentials),
        short_timeouts=former.short_timeouts.carried(same),
        waits=Waits(),
        latencies=former.latencies.carried(same),
        returns=former.returns.carried(same),
        room=former.room.carried(same),
        caches=former.caches.carried(same),
        waste=former.waste.carried(after.chains.keys(), {one.provider for one in after.deployments}),
    )


def with_same_deployments(before: RouterConfig, after: RouterConfig) -> RouterConfig:
    """Put the very objects of the mapping before in the place of deployments that are equal to them.

    What was made for them, such as an engine's formats, is found by the object.
    """
    known = {one.id: one for one in before.deployments}
    kept = tuple(old if (old := known.get(one.id)) == one and old is not None else one for one in after.deployments)
    return replace(after, deployments=kept)
