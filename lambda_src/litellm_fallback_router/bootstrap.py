"""The composition root: settings -> Router. The only place that names adapters."""

from __future__ import annotations

import logging
import random
from typing import Any

from .adapters import price_map
from .adapters.circuits import MemoryCircuits
from .adapters.litellm_provider import LiteLLMProvider
from .adapters.litellm_provider.library import warm_up
from .adapters.logs import LogObserver
from .adapters.provider_keys import EnvironmentKeys
from .adapters.rate_limits import MemoryRateLimits
from .mapping import ROUTER_STYLE_MAPPING
from .routing.config import RouterConfig, load_config
from .routing.cooldowns import Cooldowns
from .routing.executor import Outside
from .routing.mapping_file import read_mapping
from .routing.router import Router
from .settings import Settings, load_settings, lookup
from .simulated import simulated

__all__ = ["assemble", "build_router", "load", "warm_up"]

logger = logging.getLogger("litellm_fallback_router")


def load(settings: Settings, mapping: Any = None) -> RouterConfig:
    """The validated mapping: the one given, else the file that `ROUTER_CONFIG` names, else the shipped one.

    Raises ConfigurationError with every mistake. Warnings are logged.
    """
    if mapping is None:
        mapping = ROUTER_STYLE_MAPPING if settings.config_file is None else read_mapping(settings.config_file)
    config = load_config(mapping, price_map.describe, lookup)
    for warning in config.warnings:
        logger.warning("%s", warning)
    return config if settings.simulator_url is None else simulated(config, settings.simulator_url)


def build_router(settings: Settings | None = None, mapping: Any = None) -> Router:
    """A Router over LiteLLM, with circuits and rate limits in this process's memory."""
    return assemble(load(settings or load_settings(), mapping))


def assemble(config: RouterConfig) -> Router:
    """A Router that obeys `config`. Its first request imports LiteLLM, unless `warm_up` (seconds, blocking) did so."""
    keys = EnvironmentKeys(lookup)
    return Router(
        config,
        Outside(
            provider=LiteLLMProvider(keys.resolve),
            keys=keys,
            circuits=MemoryCircuits(
                failures=config.settings.circuit_failures,
                open_seconds=config.settings.circuit_open_seconds,
                probe_seconds=config.settings.deadline,
            ),
            rate_limits=MemoryRateLimits(),
            observer=LogObserver(),
            cooldowns=Cooldowns(),
            rng=random.Random(),  # noqa: S311 - spreads load and jitter, guards nothing
        ),
    )
