"""A new provider is one profile and one line: here a made-up one, registered as its line would."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from litellm_fallback_router.adapters.provider_keys import EnvironmentKeys
from litellm_fallback_router.commands.fixes import fix
from litellm_fallback_router.providers import (
    PROFILES,
    Dialect,
    Family,
    Feature,
    FinishReasons,
    Override,
    Processing,
    Profile,
    Simulator,
    profile_of,
)
from litellm_fallback_router.routing.adaptation import adapt
from litellm_fallback_router.routing.failures import FailureKind
from litellm_fallback_router.routing.mapping import RouterConfig, load_config, reach, secret_providers
from litellm_fallback_router.routing.request import MessageFeatures
from litellm_fallback_router.routing.types import ChatRequest, Deployment, ModelInfo
from litellm_fallback_router.simulated import simulated

DIALECT = Dialect(
    cannot=frozenset({Feature.MANY_CHOICES}), lacks=frozenset({"seed"}), temperature_max=1.0, parallel_switch=False
)
NEBULA = Profile(
    dialect=DIALECT,
    finish_reasons=FinishReasons(complete={"done": "stop"}, cut=frozenset({"full"})),
    families=(Family(re.compile("large"), Override(dialect=replace(DIALECT, temperature_max=1.5))),),
    own_domain="nebula.test",
    bare_names=re.compile("neb-"),
    key_variables=("NEBULA_TOKEN",),
    processing=Processing("Nebula runs anywhere", "leave it out"),
    fixes={FailureKind.QUOTA_EXHAUSTED: "buy stars for {model}"},
    simulator=Simulator("/nebula", "sim-nebula-key"),
)


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(PROFILES, "nebula", NEBULA)
    yield
    profile_of.cache_clear()


def config(**params: Any) -> RouterConfig:
    item = {"model_name": "star", "params": {"model": "neb-small", **params}}
    return load_config({"model_list": [item]}, lambda provider, model: ModelInfo(), lambda name: None)


def only(**params: Any) -> Deployment:
    return config(**params).deployments[0]


def test_its_models_are_known_by_their_names() -> None:
    deployment = only()
    assert (deployment.provider, deployment.litellm_model) == ("nebula", "nebula/neb-small")
    assert only(model="nebula/other").provider == "nebula"


def test_its_key_is_read_from_its_variable_and_its_secret() -> None:
    deployment = only()
    assert deployment.credential == "nebula:NEBULA_TOKEN"
    assert secret_providers([deployment]) == ["nebula"]
    assert EnvironmentKeys({"NEBULA_TOKEN": "key"}.get).resolve(deployment) == "key"
    assert EnvironmentKeys(lambda name: None).missing(deployment) == "no key: set NEBULA_TOKEN"
    foreign = only(api_base="http://127.0.0.1:9/v1")
    assert EnvironmentKeys({"NEBULA_TOKEN": "key"}.get).resolve(foreign) is None


def test_a_request_is_fitted_to_it_or_passes_it_by() -> None:
    request = ChatRequest("star", [{"role": "user", "content": "hello"}], {"seed": 1, "temperature": 1.7})
    small = adapt(only(), request, MessageFeatures.of(request.messages))
    large = adapt(only(model="neb-large"), request, MessageFeatures.of(request.messages))
    assert small.params == {"temperature": 1.0}
    assert large.params == {"temperature": 1.5}
    assert small.adjusted == ("seed dropped", "temperature clamped to 1")


def test_only_its_reasons_make_an_answer_complete() -> None:
    reasons = only().profile.finish_reasons
    assert [reasons.as_openai(one) for one in ("done", "full", "stop")] == ["stop", "length", None]


def test_operators_are_told_its_fixes_and_where_it_processes() -> None:
    assert fix(only(), FailureKind.QUOTA_EXHAUSTED) == "buy stars for neb-small"
    assert reach(only(), "eu-central-1").because == "Nebula runs anywhere"


def test_it_is_simulated() -> None:
    (deployment,) = simulated(config(), "http://127.0.0.1:9").deployments
    assert (deployment.api_base, deployment.api_key) == ("http://127.0.0.1:9/nebula", "sim-nebula-key")
