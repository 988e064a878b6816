"""The two fleets of the day: a deployed stage on Lambda and a process as in a container, with one state table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from litellm_fallback_router.bootstrap import load
from litellm_fallback_router.live_mapping import POLL_SECONDS
from litellm_fallback_router.routing.mapping import revision_of
from litellm_fallback_router.settings import load_settings
from tests.support.chaos.balancer import Balancer, Fleet, balanced
from tests.support.chaos.callers import Day
from tests.support.chaos.container import Container, container
from tests.support.chaos.judge import InForce
from tests.support.deployed import KEYS
from tests.support.live_stage import LiveStage
from tests.support.waiting import wait_until

FILE_SECONDS = 20.0
"""Within which the container has taken up its file."""
APPCONFIG_SECONDS = POLL_SECONDS + 45.0
"""Within which every environment of the function has read AppConfig, under load."""
ENVIRONMENTS = 2
QUICK: dict[str, Any] = {
    "tries_per_deployment": 1,
    "circuit_failures": 3,
    "circuit_open_seconds": 3.0,
    "credential_block_seconds": 2.0,
    "first_token_timeout": 3.0,
    "answer_timeout": 4.0,
    "deadline": 20.0,
}
"""A day in two minutes: what lasts a minute otherwise lasts seconds."""


@dataclass(frozen=True)
class Fleets:
    stage: LiveStage
    container: Container
    balancer: Balancer
    day: Day

    def mapping(self, **models: str) -> dict[str, Any]:
        """As `LiveStage.mapping`, with the settings of the day."""
        return {**self.stage.mapping(**models), "settings": QUICK}

    def in_force(self, mapping: Mapping[str, Any]) -> InForce:
        """From now on answers may be by that mapping."""
        known = InForce(models_of(mapping), since=self.day.now())
        return self.day.mappings.setdefault(revision_of(mapping), known)

    def reload(self, mapping: Mapping[str, Any], former: InForce) -> InForce:
        """Another mapping in the container's file, which is taken up before this returns."""
        one = self.in_force(mapping)
        self.container.write(mapping)
        wait_until(lambda: self.container.revision() == revision_of(mapping), FILE_SECONDS)
        former.until = self.day.now() + FILE_SECONDS
        return one

    def authors_since(self, since: float) -> set[str]:
        return {author for one in self.day.noted() if one.began >= since for author in one.models}


def models_of(mapping: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    """Deployment -> the models that may answer for it: its own, and those that it falls back to."""
    config = load(load_settings({}), mapping)
    own: dict[str, set[str]] = {}
    for one in config.deployments:
        own.setdefault(one.model_name, set()).add(one.model)
    return {name: frozenset().union(*(own[each] for each in chain)) for name, chain in config.chains.items()}


@contextmanager
def fleets(stage: LiveStage, folder: Path, keys: list[str]) -> Iterator[Fleets]:
    """Both, behind one address; callers come with one of `keys`."""
    gateway = stage.gateway
    env = {
        **gateway.aws.credentials,
        "ROUTER_STATE_TABLE": gateway.outputs["StateTableName"],
        "ROUTER_SIMULATOR_URL": gateway.simulator.url,
        "GATEWAY_API_KEYS": ",".join(keys),
        "OPENAI_API_KEY": KEYS["openai"],
        "ANTHROPIC_API_KEY": KEYS["anthropic"],
    }
    mapping = {**stage.mapping(), "settings": QUICK}
    with container(folder, mapping, env) as process:
        looks = {"authorization": f"Bearer {keys[0]}", "x-api-key": gateway.usage_key(keys[0]) or "none"}
        on_lambda = Fleet("lambda", gateway.url, ENVIRONMENTS, f"{gateway.url}health", looks)
        in_container = Fleet("container", process.url, ENVIRONMENTS, f"{process.url}health")
        with balanced(on_lambda, in_container) as balancer:
            both = Fleets(stage, process, balancer, Day())
            both.in_force(mapping)
            both.in_force(stage.mapping())
            yield both
