"""The composition root: settings and a mapping -> Router."""

from __future__ import annotations

import gc
import logging
from dataclasses import replace
from typing import Any

from pydantic import SecretStr

from .adapters import price_map
from .adapters.keys_file import KeysFile
from .collector import gc_paused
from .dependencies import router_dependencies
from .engine import loading
from .engine.converse import is_conversed
from .mapping import ROUTER_STYLE_MAPPING
from .routing.errors import ConfigurationError
from .routing.mapping import (
    RouterConfig,
    load_config,
    master_key,
    other_ways,
    read_mapping,
    revision_of,
    with_guardrail,
    with_prompts,
)
from .routing.ports import CallerKeys
from .routing.router import Router
from .settings import Settings, load_settings, lookup
from .simulated import simulated

__all__ = [
    "assemble",
    "build_router",
    "caller_keys",
    "load",
    "mapping_of",
    "usable",
    "warm_up",
    "warm_up_streams",
    "with_callers_keys",
]

logger = logging.getLogger("litellm_fallback_router")
LOCAL = load_settings({})
"""Nothing in AWS."""


def load(settings: Settings, mapping: Any = None) -> RouterConfig:
    """The validated mapping: the one given, else the file that `ROUTER_CONFIG` names, else the shipped one.

    Raises ConfigurationError with every mistake. Warnings are logged.
    """
    if mapping is None:
        mapping = mapping_of(settings)
    revision = revision_of(mapping)
    mapping = with_guardrail(with_prompts(mapping, settings.prompts), settings.guardrail_id, settings.guardrail_version)
    config = replace(load_config(mapping, price_map.describe, lookup), revision=revision)
    # The 4,000 models that are in no mapping are let go of before LiteLLM, which has the same map, is loaded.
    price_map.price_map.cache_clear()
    for warning in config.warnings:
        logger.warning("%s", warning)
    return config if settings.simulator_url is None else simulated(config, settings.simulator_url)


def with_callers_keys(settings: Settings) -> Settings:
    """The settings with the `master_key` of a LiteLLM config among the keys that callers need.

    On AWS they need others, which the authorizer in front checks. Raises ConfigurationError where callers would need a
    key that is not there.
    """
    mapping = mapping_of(settings)
    if settings.lambda_function is not None:
        return settings
    if (key := master_key(mapping, lookup)) is not None:
        return settings.model_copy(update={"api_keys": (*settings.api_keys, SecretStr(key))})
    if not settings.needs_key and (ways := other_ways(mapping)):
        what = "without it anyone may call: set GATEWAY_API_KEYS=key1,key2 or GATEWAY_KEYS_FILE, or remove it"
        raise ConfigurationError([f"{way}: not known here, and {what}" for way in ways])
    return settings


def caller_keys(settings: Settings) -> CallerKeys | None:
    """The keys file of the settings; None: they name none. Raises ConfigurationError where it is not right."""
    return None if settings.keys_file is None else KeysFile(settings.keys_file)


def warm_up() -> None:
    """Import LiteLLM now (seconds, blocking), in a process that is ours: what is loaded by then stays for good, and the
    garbage collector, which would traverse all of it (0.2 s), skips it."""
    with gc_paused():
        loading.warm_up()
        gc.freeze()


def warm_up_streams(config: RouterConfig) -> None:
    """Load what the first streams would (blocking). LiteLLM must have been imported."""
    bedrock = [deployment for deployment in config.deployments if deployment.profile.bedrock]
    if any(not is_conversed(deployment) for deployment in bedrock):
        loading.bedrock_streams()


def mapping_of(settings: Settings) -> Any:
    """The mapping as it was written, not yet checked. Raises ConfigurationError where the file cannot be read."""
    return ROUTER_STYLE_MAPPING if settings.config_file is None else read_mapping(settings.config_file)


def build_router(settings: Settings | None = None, mapping: Any = None, *, read_keys: bool = True) -> Router:
    """Build a Router from environment variables and a mapping.

    Args:
        settings: What the environment says; by default that of this process.
        mapping: A mapping in this project's shape or LiteLLM's; by default the file that `ROUTER_CONFIG` names, else
            the shipped one.
        read_keys: True: read the providers' keys from AWS Secrets Manager now, where `ROUTER_SECRETS_PREFIX` is set.
            False where a snapshot of this process is still to be taken: it must hold no key.

    Returns:
        A Router. Its first request imports LiteLLM, which takes seconds, unless `warm_up` did so.

    Raises:
        ConfigurationError: The mapping or a variable is wrong; the error lists every mistake with its fix.
    """
    settings = settings or load_settings()
    return assemble(usable(settings, mapping), settings, read_keys=read_keys)


def usable(settings: Settings, mapping: Any = None) -> RouterConfig:
    """As `load`, where nothing is asked for that the settings have no place for. Raises ConfigurationError."""
    config = load(settings, mapping)
    if config.settings.sample_fallbacks and settings.samples is None:
        raise ConfigurationError(["settings.sample_fallbacks: set ROUTER_SAMPLES=s3://BUCKET/FOLDER, or leave it out"])
    match config.settings.responses_store:
        case "dynamodb" if settings.responses_table is None:
            raise ConfigurationError(
                ["settings.responses_store: set ROUTER_RESPONSES_TABLE for dynamodb, or take memory"]
            )
        case "memory" if settings.lambda_function is not None:
            # The next request may reach another environment.
            raise ConfigurationError(["settings.responses_store: memory is no place on Lambda; take dynamodb"])
    _check_cache(config, settings)
    return config


def _check_cache(config: RouterConfig, settings: Settings) -> None:
    """Raises ConfigurationError where the answers to be kept have no place."""
    match config.cache and config.cache.store:
        case "dynamodb" if settings.cache_table is None:
            raise ConfigurationError(["cache.store: set ROUTER_CACHE_TABLE for dynamodb, or take memory"])
        case "memory" if settings.lambda_function is not None:
            raise ConfigurationError(["cache.store: memory is no place on Lambda; take dynamodb"])


def assemble(config: RouterConfig, settings: Settings = LOCAL, *, read_keys: bool = True) -> Router:
    """A Router for `config`, with all its state in this process unless `settings` name a place in AWS. Its
    first request imports LiteLLM, unless `warm_up` (seconds, blocking) did so.

    `read_keys`: read the secrets now, which takes some seconds at worst. False where a snapshot of this process is
    still to be taken: no key may be in it.

    Raises ConfigurationError.
    """
    return Router(config, router_dependencies(config, settings, read_keys=read_keys))
