"""The composition root of drills: settings -> what a drill asks with, and where its reports are kept."""

from __future__ import annotations

import random
from pathlib import Path

from .adapters.drill_files import DrillFiles
from .adapters.image_fetch import ImageFetcher
from .adapters.local_accounts import LocalAccounts
from .adapters.memory import MemoryCircuits, MemoryRateLimits
from .dependencies import provider_keys
from .drill import NEVER, Silent
from .engine import Engine
from .routing.accounts import Accounts
from .routing.execution import Cooldowns
from .routing.interceptors import RouterDependencies
from .routing.mapping import RouterConfig
from .settings import Settings

__all__ = ["dependencies_of", "reports_in"]


def dependencies_of(config: RouterConfig, settings: Settings) -> RouterDependencies:
    """Make what a drill asks with: the gateway's keys and connections, and state of its own in this process, so that no
    circuit, rate, budget or metric of the gateway's callers hears of it.

    Raises ConfigurationError.
    """
    keys = provider_keys(config, settings, read=True)
    return RouterDependencies(
        provider=Engine(keys.resolve),
        keys=keys,
        circuits=MemoryCircuits(failures=NEVER, open_seconds=1.0, probe_seconds=config.settings.deadline),
        rate_limits=MemoryRateLimits(),
        observer=Silent(),
        cooldowns=Cooldowns(),
        rng=random.Random(),  # noqa: S311 - spreads load, guards nothing
        images=ImageFetcher() if config.settings.fetch_images else None,
        accounts=Accounts(LocalAccounts(None), ahead=False, fail_closed=True),
    )


def reports_in(folder: Path) -> DrillFiles:
    """The reports of drills in a folder of this machine."""
    return DrillFiles(folder)
