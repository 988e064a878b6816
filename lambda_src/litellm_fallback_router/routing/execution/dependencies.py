"""What all walks of a Router share: the ports, and what is remembered from one request to the next."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from ..ports import Circuits, Guard, Keys, Observer, Prompts, Provider, RateLimits, ResponseStore, Samples
from ..request import Images
from .cooldowns import Cooldowns
from .short_timeouts import ShortTimeouts
from .waits import Waits


class ShutdownState:
    """Of the process that answers. Once it is ending, work is cancelled for its sake and not because a caller left."""

    def __init__(self) -> None:
        self.ending = False


@dataclass(frozen=True, slots=True)
class RouterDependencies:
    """Everything a walk touches beyond its own request."""

    provider: Provider
    keys: Keys
    circuits: Circuits
    rate_limits: RateLimits
    observer: Observer
    cooldowns: Cooldowns
    rng: random.Random
    short_timeouts: ShortTimeouts = field(default_factory=ShortTimeouts)
    waits: Waits = field(default_factory=Waits)
    samples: Samples | None = None
    """None: no answer is kept."""
    prompts: Prompts | None = None
    """None: the mapping allows no managed prompts."""
    guard: Guard | None = None
    """None: the mapping has no guardrail."""
    images: Images | None = None
    """None: nothing is fetched for callers."""
    responses: ResponseStore | None = None
    """None: no response is kept."""
    shutdown: ShutdownState = field(default_factory=ShutdownState)
