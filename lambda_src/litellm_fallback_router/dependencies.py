"""What a Router needs beyond its mapping: the adapters that the settings ask for."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from .adapters.image_fetch import ImageFetcher
from .adapters.local_accounts import LocalAccounts, LocalSpend
from .adapters.logs import LogObserver
from .adapters.memory import MemoryCache, MemoryCircuits, MemoryRateLimits, MemoryResponses
from .adapters.provider_keys import EnvironmentKeys
from .engine import Engine
from .routing.accounts import Accounts, Spending
from .routing.errors import ConfigurationError
from .routing.execution import Cooldowns
from .routing.interceptors import RouterDependencies
from .routing.mapping import Guardrail, PromptAccess, RouterConfig
from .routing.observe import LiveObserver
from .routing.ports import (
    AccountStore,
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
from .settings import Settings, lookup
from .simulated import SIMULATED_REGION, bedrock, s3

if TYPE_CHECKING:
    from .adapters.cloudwatch import CloudWatchObserver
    from .adapters.prometheus import PrometheusObserver
    from .adapters.secrets_manager import SecretKeys

# What AWS needs is imported where it is used: without AWS its libraries are never loaded.


def router_dependencies(config: RouterConfig, settings: Settings, *, read_keys: bool) -> RouterDependencies:
    """All state in this process, unless `settings` name a place in AWS. `read_keys`: read the secrets now.

    Raises ConfigurationError.
    """
    observer = _observer(settings)
    keys = provider_keys(config, settings, read=read_keys)
    circuits, rate_limits, accounts, spend = _state(config, settings, observer)
    seen = _traced(observer, settings)
    live = LiveObserver(seen) if settings.shows_console else None
    return RouterDependencies(
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
    )


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
