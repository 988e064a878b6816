"""What all walks of a Router share: the ports, and what is remembered from one request to the next."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from .cooldowns import Cooldowns
from .images import Images
from .ports import Circuits, Guard, Keys, Observer, Prompts, Provider, RateLimits, Samples
from .silences import Silences
from .waits import Waits


class Life:
    """Of the process that answers. Once it is ending, work is cancelled for its sake and not because a caller left."""

    def __init__(self) -> None:
        self.ending = False


@dataclass(frozen=True, slots=True)
class Outside:
    """Everything a walk touches beyond its own request."""

    provider: Provider
    keys: Keys
    circuits: Circuits
    rate_limits: RateLimits
    observer: Observer
    cooldowns: Cooldowns
    rng: random.Random
    silences: Silences = field(default_factory=Silences)
    waits: Waits = field(default_factory=Waits)
    samples: Samples | None = None
    """None: no answer is kept."""
    prompts: Prompts | None = None
    """None: the mapping allows no managed prompts."""
    guard: Guard | None = None
    """None: the mapping has no guardrail."""
    images: Images | None = None
    """None: nothing is fetched for callers."""
    life: Life = field(default_factory=Life)
