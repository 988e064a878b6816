"""The composition root: settings -> Router. The only place that names adapters."""

from __future__ import annotations

import gc
import logging
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from .adapters import price_map
from .adapters.image_fetch import ImageFetcher
from .adapters.keys_file import KeysFile
from .adapters.local_accounts import LocalAccounts
from .adapters.logs import LogObserver
from .adapters.memory import MemoryCache, MemoryCircuits, MemoryRateLimits, MemoryResponses
from .adapters.provider_keys import EnvironmentKeys
from .collector import gc_paused
from .engine import Engine, loading
from .engine.converse import is_conversed
from .mapping import ROUTER_STYLE_MAPPING
from .routing.accounts import Accounts, Spending
from .routing.errors import ConfigurationError
from .routing.execution import Cooldowns
from .routing.interceptors import RouterDependencies
from .routing.mapping import (
    Guardrail,
    PromptAccess,
    RouterConfig,
    load_config,
    master_key,
    other_ways,
    read_mapping,
    revision_of,
    with_guardrail,
    with_prompts,
)
from .routing.observe import LiveObserver
from .routing.ports import (
    AccountStore,
    CallerKeys,
    Circuits,
    Guard,
    Observer,
    Prompts,
    RateLimits,
    ResponseCache,
    ResponseStore,
    Samples,
    SpendLog,
)
from .routing.router import Router
from .settings import Settings, load_settings, lookup
from .simulated import SIMULATED_REGION, bedrock, s3, simulated

__all__ = [
    "assemble",
    "build_router",
    "caller_keys",
    "load",
    "mapping_of",
    "provider_keys",
    "usable",
    "warm_up",
    "warm_up_streams",
    "with_callers_keys",
]

if TYPE_CHECKING:
    from .adapters.cloudwatch import CloudWatchObserver
    from .adapters.prometheus import PrometheusObserver
    from .adapters.secrets_manager import SecretKeys

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
    """A Router that obeys `config`, with all its state in this process unless `settings` name a place in AWS. Its
    first request imports LiteLLM, unless `warm_up` (seconds, blocking) did so.

    `read_keys`: read the secrets now, which takes some seconds at worst. False where a snapshot of this process is
    still to be taken: no key may be in it.

    Raises ConfigurationError.
    """
    observer = _observer(settings)
    keys = provider_keys(config, settings, read=read_keys)
    circuits, rate_limits, accounts, spend = _state(config, settings, observer)
    seen = _traced(observer, settings)
    live = LiveObserver(seen) if settings.shows_console else None
    return Router(
        config,
        RouterDependencies(
            provider=Engine(keys.resolve),
            keys=keys,
            circuits=circuits,
            rate_limits=rate_limits,
            observer=seen if live is None else live,
            live=live,
            cooldowns=Cooldowns(),
            rng=random.Random(),  # noqa: S311 - spreads load and jitter, guards nothing
            responses=_responses(config, settings),
            samples=_samples(config.settings.sample_fallbacks, settings),
            prompts=None if config.prompts is None else _prompts(config.prompts, settings),
            images=ImageFetcher() if config.settings.fetch_images else None,
            guard=None if config.guardrail is None else _guard(config.guardrail, settings),
            cache=_cache(config, settings, observer),
            accounts=_accounts(config, settings, accounts),
            spending=None if spend is None else Spending(spend, {d.id: d.model_name for d in config.deployments}),
        ),
    )


# What AWS needs is imported where it is used: without AWS its libraries are never loaded.


def _observer(settings: Settings) -> LogObserver | CloudWatchObserver | PrometheusObserver:
    if settings.service is not None:
        from .adapters.cloudwatch import CloudWatchObserver  # noqa: PLC0415

        return CloudWatchObserver(settings.service, settings.log_level)
    if settings.metrics_port is None:
        return LogObserver()
    try:
        from .adapters.prometheus import PrometheusObserver  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise _without_telemetry("ROUTER_METRICS_PORT", error) from error
    observer = PrometheusObserver(LogObserver())
    observer.serve(settings.metrics_port)
    return observer


def _without_telemetry(variable: str, error: ModuleNotFoundError) -> ConfigurationError:
    how = "pip install 'litellm-fallback-router[telemetry]', or unset it"
    return ConfigurationError([f"{variable}: {error.name} is not installed; {how}"])


def _traced(observer: LogObserver | CloudWatchObserver | PrometheusObserver, settings: Settings) -> Observer:
    if settings.otlp_endpoint is None:
        return observer
    try:
        from .adapters.tracing import TracingObserver, otlp_provider  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise _without_telemetry("OTEL_EXPORTER_OTLP_ENDPOINT", error) from error
    return TracingObserver(observer, otlp_provider(settings.service or "fallback-router"))


def provider_keys(config: RouterConfig, settings: Settings, *, read: bool) -> EnvironmentKeys | SecretKeys:
    """The providers' keys. `read`: read the secrets now. Raises ConfigurationError."""
    environment = EnvironmentKeys(lookup)
    if settings.secrets_prefix is None:
        return environment
    from .adapters.secrets_manager import SecretKeys  # noqa: PLC0415

    with _somewhere("the state table and the secrets"):
        keys = SecretKeys(environment, config.deployments, settings.secrets_prefix)
    if read:
        keys.prefetch()
    return keys


def _state(
    config: RouterConfig, settings: Settings, observer: LogObserver | CloudWatchObserver | PrometheusObserver
) -> tuple[Circuits, RateLimits, AccountStore, SpendLog | None]:
    numbers = config.settings
    if settings.state_table is None:
        circuits = MemoryCircuits(
            failures=numbers.circuit_failures,
            open_seconds=numbers.circuit_open_seconds,
            probe_seconds=numbers.deadline,
            moved=observer.circuit_moved,
        )
        if settings.keys_file is None:
            return circuits, MemoryRateLimits(), LocalAccounts(None), None
        from .adapters.local_spend import LocalSpend  # noqa: PLC0415 - SQLite

        file = spend_file(settings.keys_file)
        return circuits, MemoryRateLimits(), LocalAccounts(file), LocalSpend(file)
    from .adapters import dynamodb  # noqa: PLC0415

    with _somewhere("the state table and the secrets"):
        return dynamodb.shared(
            settings.state_table,
            observer,
            failures=numbers.circuit_failures,
            open_seconds=numbers.circuit_open_seconds,
            probe_seconds=numbers.deadline,
        )


def spend_file(keys_file: Path) -> Path:
    """What the keys of that file have spent."""
    return keys_file.with_name(f"{keys_file.name}.spend")


def _accounts(config: RouterConfig, settings: Settings, store: AccountStore) -> Accounts:
    return Accounts(
        store,
        # A function's environment answers one request at a time, and is frozen in between with what it has taken.
        ahead=settings.lambda_function is None,
        fail_closed=config.budgets.on_state_loss == "fail_closed",
        local_share=config.budgets.local_share,
    )


def _responses(config: RouterConfig, settings: Settings) -> ResponseStore | None:
    kept, seconds = config.settings.responses_store, config.settings.responses_store_seconds
    if kept == "memory":
        return MemoryResponses(seconds)
    if kept is None or settings.responses_table is None:
        return None
    from .adapters import dynamodb  # noqa: PLC0415

    with _somewhere("the table of responses"):
        return dynamodb.responses(settings.responses_table, seconds)


def _cache(
    config: RouterConfig, settings: Settings, observer: LogObserver | CloudWatchObserver | PrometheusObserver
) -> ResponseCache | None:
    rules = config.cache
    if rules is None:
        return None
    if rules.store == "memory" or settings.cache_table is None:
        return MemoryCache(rules.ttl, entries=rules.max_entries, size=rules.max_bytes)
    from .adapters import dynamodb  # noqa: PLC0415

    with _somewhere("the table of kept answers"):
        return dynamodb.cache(settings.cache_table, rules.ttl, observer)


def _prompts(access: PromptAccess, settings: Settings) -> Prompts:
    from .adapters import prompts  # noqa: PLC0415

    if settings.simulator_url is not None:
        simulator = bedrock(settings.simulator_url)
        return prompts.ManagedPrompts(prompts.reader(access.where or SIMULATED_REGION, **simulator))
    with _somewhere("the prompts, as prompts.region in the mapping or here"):
        return prompts.ManagedPrompts(prompts.reader(access.where))


def _guard(guardrail: Guardrail, settings: Settings) -> Guard:
    from .adapters.guardrails import BedrockGuard  # noqa: PLC0415

    if settings.simulator_url is not None:
        where, simulator = guardrail.place or SIMULATED_REGION, bedrock(settings.simulator_url)
        return BedrockGuard(guardrail.id, guardrail.version, where, **simulator)
    with _somewhere("the guardrail, as guardrail.region in the mapping or here"):
        return BedrockGuard(guardrail.id, guardrail.version, guardrail.place)


def _samples(share: float, settings: Settings) -> Samples | None:
    if not share or settings.samples is None:
        return None
    from .adapters.fallback_samples import S3Samples, connection  # noqa: PLC0415

    simulator = {} if settings.simulator_url is None else s3(settings.simulator_url)
    return S3Samples(share, settings.samples, connection(simulator))


@contextmanager
def _somewhere(what: str) -> Iterator[None]:
    """Says what to do where AWS cannot tell which Region is meant."""
    from botocore.exceptions import NoRegionError  # noqa: PLC0415

    try:
        yield
    except NoRegionError as error:
        message = f"AWS_DEFAULT_REGION: not set; name the Region of {what}"
        raise ConfigurationError([message]) from error
