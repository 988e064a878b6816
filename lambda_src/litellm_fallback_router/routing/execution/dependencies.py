"""What all executions of a Router share: the ports, and what is remembered from one request to the next."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from typing import TypeVar

from ..ports import Circuits, Keys, Observer, Provider, RateLimits, ResponseStore
from ..request import Images
from .caches import PromptCaches
from .cooldowns import Cooldowns
from .hedge_share import HedgeShare
from .latencies import Latencies
from .returns import Returns
from .room import Room
from .short_timeouts import ShortTimeouts
from .waits import Waits
from .waste import WasteBudget


class ShutdownState:
    """Whether the process ends. If so, a cancelled request was cancelled for that, not because its caller left."""

    def __init__(self) -> None:
        self.ending = False


@dataclass(frozen=True, slots=True)
class ExecutionDependencies:
    """The ports and the shared state that executions use."""

    provider: Provider
    keys: Keys
    circuits: Circuits
    rate_limits: RateLimits
    observer: Observer
    cooldowns: Cooldowns
    rng: random.Random
    short_timeouts: ShortTimeouts = field(default_factory=ShortTimeouts)
    waits: Waits = field(default_factory=Waits)
    latencies: Latencies = field(default_factory=Latencies)
    returns: Returns = field(default_factory=Returns)
    room: Room = field(default_factory=Room)
    caches: PromptCaches = field(default_factory=PromptCaches)
    waste: WasteBudget = field(default_factory=WasteBudget)
    hedges: HedgeShare = field(default_factory=HedgeShare)
    images: Images | None = None
    """None: nothing is fetched for callers."""
    responses: ResponseStore | None = None
    """None: no response is kept."""
    shutdown: ShutdownState = field(default_factory=ShutdownState)


D = TypeVar("D", bound=ExecutionDependencies)


def forgetful(dependencies: D) -> D:
    """Make dependencies with the same ports, that remember nothing of earlier requests but the circuits' state.

    Args:
        dependencies: Of any executions.

    Returns:
        Others, for executions that must not see what those have learnt.
    """
    return replace(
        dependencies,
        cooldowns=Cooldowns(),
        short_timeouts=ShortTimeouts(),
        waits=Waits(),
        latencies=Latencies(),
        caches=PromptCaches(),
        waste=WasteBudget(),
        hedges=HedgeShare(),
    )
