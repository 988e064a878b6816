"""Which deployments a request may ask, in which order, and why not the others. Pure: it decides, nothing else."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from ..adaptation import EMBEDDINGS, Adapted, Conversation, Postprocessor, UnfitError, adapt, speaks
from ..errors import invalid
from ..ledger import Dropped
from ..mapping import Hedge, RouterConfig
from ..ports import CLOSED
from ..request import MessageFeatures
from ..types import ChatRequest, Deployment, Message, NativeRequest, RoutingConstraints
from .health import WAITING, Health
from .order import behind_others, spread
from .requirements import Requirements
from .warm import warm_first


@dataclass(frozen=True, slots=True)
class Candidate:
    """A deployment the plan will ask, and how."""

    deployment: Deployment
    messages: list[Message] = field(repr=False)
    params: Mapping[str, Any] = field(repr=False)
    adjusted: tuple[str, ...] = ()
    postprocessors: tuple[Postprocessor, ...] = ()
    """What is done to its answer, in the order in which the request was adapted."""
    native: NativeRequest | None = field(default=None, repr=False)
    """It is sent this; messages and parameters only say what it is about."""
    images_by_url: frozenset[str] = frozenset()
    """Schemes of images that are fetched for it before it is asked."""
    probe: bool = False
    """Its circuit is open and a probe is due: one try, by one request at a time."""
    deprioritized: Dropped | None = None
    """Why it comes after the others; also why it was not asked, where it was not."""
    rpm_kept: int = 0
    """Requests of the deployment's minute that are kept for interactive callers, where this request is none."""

    @property
    def last_resort(self) -> bool:
        """Its circuit is open or it is cooling: it gets one attempt, after every other candidate has failed."""
        return self.deprioritized is not None and self.deprioritized.code in WAITING


@dataclass(frozen=True, slots=True)
class Plan:
    """The decision: which deployments are asked, in order, and which are not, each with its reason."""

    candidates: tuple[Candidate, ...]
    """Last resorts come last, the least bad of them first."""
    dropped: tuple[Dropped, ...]
    """Those that are not asked, whatever happens."""
    primary: str
    """The model name whose group was asked for; an answer from elsewhere is a fallback."""
    chain: str
    """The name of the mapping's chain that this is: a model's or a strategy's."""
    hedge: Hedge | None = None
    """When a slow answer is raced; None: it is waited for."""


def plan(
    request: ChatRequest,
    config: RouterConfig,
    health: Health,
    rng: random.Random,
    features: MessageFeatures | None = None,
) -> Plan:
    """Decide which deployments a request may be sent to, in which order. Pure but for `rng`.

    Args:
        request: The validated request.
        config: The validated mapping.
        health: What is known of circuits, rates, latencies, cooldowns and keys.
        rng: Spreads requests over the deployments of a group, and over those that return from an outage.
        features: What the request's messages hold, where it has been found already.

    Returns:
        The candidates, and the dropped deployments, each with its reason. A plan without candidates is no error.

    Raises:
        UnknownModelError: The mapping has no such model or strategy.
    """
    name = config.resolve(request.model, param=request.param("model"))
    chain = _chain(name, request, config)
    features = features or MessageFeatures.of(request.messages)
    requirements, fetch = Requirements.of(features, request.params), config.settings.fetch_images
    conversation = Conversation(request.messages, features)
    adapted: dict[str, Adapted] = {}
    usable: list[Deployment] = []
    last_resorts: list[tuple[float, Deployment, Dropped]] = []
    dropped: list[Dropped] = []
    for model_name in chain:
        for deployment in spread(config.group(model_name), health, rng, config.settings):
            drop = (
                _outside_constraints(deployment, request.constraints)
                or requirements.unmet_by(deployment, fetch_images=fetch, native=speaks(deployment, request.native))
                or _misfit(deployment, request, features, conversation, adapted)
                or health.unfit(deployment)
            )
            if drop is None:
                usable.append(deployment)
            elif drop.code in WAITING:
                last_resorts.append((drop.retry_after or 0.0, deployment, drop))
            else:
                dropped.append(drop)
    put_back = behind_others(usable, request, config.settings, health, rng)
    if put_back:
        usable.sort(key=lambda deployment: deployment.id in put_back)
    if request.warm:
        fit = {d.id: request.warm[d.id] for d in usable if d.id in request.warm and d.id not in put_back}
        usable = warm_first(usable, {name: n for name, n in fit.items() if not health.circuits.get(name, CLOSED).open})
    last_resorts.sort(key=lambda waiting: waiting[0])
    # A Retry-After is honoured: of the deployments that sent one, only the one due soonest is a last resort.
    for waiting in [waiting for waiting in last_resorts if waiting[2].code == "cooling"][1:]:
        last_resorts.remove(waiting)
        dropped.append(waiting[2])
    candidates = [
        *(
            _candidate(
                d, adapted[d.id], requirements, health, probe=health.circuit(d).open, deprioritized=put_back.get(d.id)
            )
            for d in usable
        ),
        *(_candidate(d, adapted[d.id], requirements, health, deprioritized=drop) for _, d, drop in last_resorts),
    ]
    return Plan(tuple(candidates), tuple(dropped), chain[0], name, config.hedge(name))


def _chain(name: str, request: ChatRequest, config: RouterConfig) -> tuple[str, ...]:
    chain = config.chains[name]
    embeds = request.native is not None and request.native.format == EMBEDDINGS
    if config.embeds(name) != embeds:
        text = (
            f"'{name}' answers chats and embeds no texts: name a model that embeds them."
            if embeds
            else f"'{name}' embeds texts and answers no chats: ask it at POST /v1/embeddings, or name another model."
        )
        raise invalid(text, request.param("model"), "wrong_kind_of_model")
    return chain if request.constraints.fallback else chain[:1]


def _outside_constraints(deployment: Deployment, constraints: RoutingConstraints) -> Dropped | None:
    if constraints.providers is not None and deployment.provider not in constraints.providers:
        return Dropped(deployment.id, "narrowed", f"the request excludes provider {deployment.provider}")
    if constraints.regions is not None and not any(
        fnmatchcase(deployment.region or "", pattern) for pattern in constraints.regions
    ):
        where = f"Region {deployment.region}" if deployment.region else "deployments without a Region"
        return Dropped(deployment.id, "narrowed", f"the request excludes {where}")
    return None


def _misfit(
    deployment: Deployment,
    request: ChatRequest,
    features: MessageFeatures,
    conversation: Conversation,
    adapted: dict[str, Adapted],
) -> Dropped | None:
    """Adapts the request; the result for the deployment goes into `adapted`."""
    try:
        adapted[deployment.id] = adapt(deployment, request, features, conversation)
    except UnfitError as error:
        return Dropped(deployment.id, error.code, f"{deployment.label} {error.reason}", param=error.param)
    return None


def _candidate(
    deployment: Deployment,
    adapted: Adapted,
    requirements: Requirements,
    health: Health,
    *,
    probe: bool = False,
    deprioritized: Dropped | None = None,
) -> Candidate:
    return Candidate(
        deployment,
        adapted.messages,
        adapted.params,
        adapted.adjusted,
        adapted.postprocessors,
        adapted.native,
        images_by_url=(
            requirements.unfetched_by(deployment)
            if requirements.features.image_schemes and adapted.native is None
            else frozenset()
        ),
        probe=probe,
        deprioritized=deprioritized,
        rpm_kept=health.rpm_kept.get(deployment.id, 0),
    )
