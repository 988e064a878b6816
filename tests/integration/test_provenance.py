"""What is sent is what was asked: every leaf of a provider's request comes from the caller's request, the mapping or a
line of `adjusted` (or is a constant of the API), every leaf of the caller's request is in it or in `adjusted`, or
dropped the candidate. And who is asked takes what is sent: the simulators refuse what the providers refuse.

For every deployment that ships, whole and streamed, over real sockets; with requests from a grammar and with those that
went wrong once.
"""

from __future__ import annotations

import asyncio
import copy
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from litellm_fallback_router.adapters.price_map import describe
from litellm_fallback_router.api.formats.chat import NOT_PARAMS, ChatCompletionRequest
from litellm_fallback_router.engine import Engine
from litellm_fallback_router.mapping import ROUTER_STYLE_MAPPING
from litellm_fallback_router.routing.errors import InvalidRequestError
from litellm_fallback_router.routing.failures import ProviderFailure
from litellm_fallback_router.routing.mapping import RouterConfig, load_config
from litellm_fallback_router.routing.mapping.settings import RouterSettings
from litellm_fallback_router.routing.plan.health import Health
from litellm_fallback_router.routing.plan.planner import Candidate, plan
from litellm_fallback_router.routing.plan.requirements import check_choice
from litellm_fallback_router.routing.request.validation import validated
from litellm_fallback_router.routing.types import ChatRequest
from litellm_fallback_router.simulated import simulated
from local.simulator import Simulator
from tests.support.generated_requests import PARAMS, REQUESTS
from tests.support.leaves import Asked
from tests.support.odd_requests import ODD
from tests.support.provenance import invented, lost, moved, swapped

EXAMPLES = 120
"""Requests a deployment, each asked for whole and streamed."""
DEPLOYMENTS = [
    entry["model_name"] for entry in ROUTER_STYLE_MAPPING["model_list"] if not entry["model_name"].endswith("-west")
]
"""Two that differ in nothing but their Region are sent the same."""


@dataclass(frozen=True)
class Place:
    """Where requests go: the mapping that ships, at a simulator, in one event loop."""

    simulator: Simulator
    config: RouterConfig
    runner: asyncio.Runner

    def sent(self, name: str, request: dict[str, Any]) -> Iterator[str]:
        """What is wrong with what one deployment is sent; nothing where it is not asked."""
        try:
            asked = validated(ChatRequest(name, request["messages"], request["params"]), RouterSettings())
            check_choice(asked.params)
        except InvalidRequestError:
            return
        config = replace(self.config, chains={name: (name,)})
        for candidate in plan(asked, config, Health(), random.Random(1)).candidates:
            for stream in (False, True):
                before = copy.deepcopy((request, candidate.messages, candidate.params))
                self.simulator.clear_requests()
                failure = self.runner.run(_ask(candidate, stream=stream))
                yield from self._wrong(candidate, asked, failure)
                if before != (request, candidate.messages, candidate.params):
                    yield "the caller's own messages or parameters were written into"

    def _wrong(self, candidate: Candidate, asked: ChatRequest, failure: ProviderFailure | None) -> Iterator[str]:
        records = self.simulator.requests
        if len(records) != 1:
            yield f"asked {len(records)} times: {failure}"
            return
        body = records[0].body
        if records[0].status != 200:
            yield f"refused with {records[0].status}: {failure and failure.detail}"
        compared = Asked(
            [dict(message) for message in asked.messages],
            dict(asked.params),
            tuple(candidate.adjusted),
            candidate.deployment,
            body,
        )
        yield from (f"nobody asked for: {leaf}" for leaf in invented(compared))
        yield from (f"lost: {leaf}" for leaf in lost(compared))
        yield from swapped(compared)
        yield from moved(compared)


async def _ask(candidate: Candidate, *, stream: bool) -> ProviderFailure | None:
    engine = Engine(lambda place: place.api_key)
    try:
        if stream:
            async for _ in engine.stream(candidate.deployment, candidate.messages, candidate.params):
                pass
        else:
            await engine.complete(candidate.deployment, candidate.messages, candidate.params)
    except ProviderFailure as failure:
        return failure
    return None


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with asyncio.Runner() as runner:
        simulator = Simulator()
        runner.run(simulator.__aenter__())
        yield Place(simulator, simulated(load_config(ROUTER_STYLE_MAPPING, describe), simulator.url), runner)
        runner.run(Engine(lambda place: None).aclose())
        runner.run(simulator.__aexit__(None, None, None))


def test_every_parameter_of_a_request_is_tried() -> None:
    assert PARAMS.keys() == set(ChatCompletionRequest.__annotations__) - NOT_PARAMS


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_what_is_sent_is_what_was_asked(place: Place, name: str) -> None:
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(REQUESTS)
    def check(request: dict[str, Any]) -> None:
        _check(place, name, request)

    check()


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_what_went_wrong_once_does_not_again(place: Place, name: str, odd: str) -> None:
    _check(place, name, copy.deepcopy(ODD[odd]))


def _check(place: Place, name: str, request: dict[str, Any]) -> None:
    wrong = list(dict.fromkeys(place.sent(name, request)))
    if wrong:
        sent = place.simulator.requests[-1].body if place.simulator.requests else None
        shown = [*wrong, f"asked: {json.dumps(request)}", f"sent: {json.dumps(sent)}"]
        pytest.fail(f"{name}:\n" + "\n".join(shown), pytrace=False)
