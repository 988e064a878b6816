"""In which order deployments that may be asked are asked. Pure but for the random numbers it is given."""

from __future__ import annotations

import random
from collections.abc import Sequence

from ..deadline import in_words, share
from ..ledger import Dropped
from ..mapping import RouterSettings
from ..types import ChatRequest, Deployment
from .health import Health, busy

AS_DRAWN = 0.05
"""Share of the requests that go by weight alone: without them the average of a slower deployment would never be news.
"""
LEAST = 1e-9
"""The least favour, in place of none."""


def spread(
    group: tuple[Deployment, ...], health: Health, rng: random.Random, settings: RouterSettings
) -> list[Deployment]:
    """Put a group into a random order that favours weight and the share of the rate that is left; of the first two the
    faster one goes first.

    Args:
        group: The deployments of one model name.
        health: Their rates and their average latencies.
        rng: Draws the order.
        settings: How much faster the second has to be (`prefer_faster`).

    Returns:
        The same deployments.
    """
    if len(group) == 1:
        return list(group)
    favours = {deployment.id: _favour(deployment, health) for deployment in group}
    # Efraimidis and Spirakis: keys u^(1/w) sort into a weighted random order.
    drawn = sorted(group, key=lambda one: rng.random() ** (1.0 / favours[one.id]), reverse=True)
    # The power of two choices (Mitzenmacher, IEEE TPDS 12 (10), 2001): the best of all would draw everyone's load.
    first, second = drawn[:2]
    slow, fast = health.latency.get(first.id), health.latency.get(second.id)
    if slow is None or fast is None or not settings.prefer_faster or rng.random() < AS_DRAWN:
        return drawn
    # Weights say what a deployment can take: one of twice the weight yields to one that is twice as fast again.
    times = settings.prefer_faster * max(1.0, favours[first.id] / favours[second.id])
    return [second, first, *drawn[2:]] if slow > times * fast else drawn


def _favour(deployment: Deployment, health: Health) -> float:
    left = 1.0
    if deployment.rpm:
        left = health.rpm_left.get(deployment.id, deployment.rpm) / deployment.rpm
    return max(deployment.weight * left, LEAST)


def behind_others(
    usable: Sequence[Deployment],
    request: ChatRequest,
    settings: RouterSettings,
    health: Health,
    rng: random.Random,
) -> dict[str, Dropped]:
    """Choose the deployments that are asked after the others for now.

    Args:
        usable: The deployments that may be sent the request, in order.
        request: How long it may take.
        settings: The deadline and its shares.
        health: Which have timed out, and which are busy or return from an outage.
        rng: Draws which requests a returning deployment gets.

    Returns:
        Why, by deployment id.
    """
    put_back = _too_slow(usable, request, settings, health)
    put_back.update({name: busy(name) for name in health.busy})
    if not health.returning:
        return put_back
    for deployment in usable:
        part = health.returning.get(deployment.id)
        others = sum(one.id not in put_back for one in usable) - 1
        if part is None or deployment.id in put_back or not others or rng.random() < part:
            continue
        reason = f"it has just returned from an outage and gets {part:.0%} of the requests; the others go first"
        put_back[deployment.id] = Dropped(deployment.id, "returning", reason)
    return put_back


def _too_slow(
    usable: Sequence[Deployment], request: ChatRequest, settings: RouterSettings, health: Health
) -> dict[str, Dropped]:
    """The deployments that have just timed out after as long as this request could wait for them."""
    if not health.timed_out:
        return {}
    limits = (settings.deadline, request.timeout, request.time_left)
    budget = min(limit for limit in limits if limit is not None)
    slow = {}
    for behind, deployment in enumerate(reversed(usable)):
        waited = health.timed_out.get(deployment.id, 0.0)
        if share(budget, behind=behind, reserve=settings.candidate_reserve) <= waited:
            reason = f"it has just given nothing for {in_words(waited)}; the others go first"
            slow[deployment.id] = Dropped(deployment.id, "silent", reason)
    return slow
