"""Nothing of a request vanishes: for every field a caller may send and every deployment that ships, it is in the
request that the provider gets, or reported as adjusted, or the deployment was passed over with a reason.

A new field of the API without a sample here fails the first tests.
"""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any

import pytest

from litellm_fallback_router.adapters.price_map import describe
from litellm_fallback_router.api.formats.chat import NOT_PARAMS, ChatCompletionRequest
from litellm_fallback_router.engine import Engine
from litellm_fallback_router.mapping import ROUTER_STYLE_MAPPING
from litellm_fallback_router.routing.execution.exhausted import INCAPABLE
from litellm_fallback_router.routing.failures import ProviderFailure
from litellm_fallback_router.routing.mapping import RouterConfig, load_config
from litellm_fallback_router.routing.plan.health import Health
from litellm_fallback_router.routing.plan.planner import plan
from litellm_fallback_router.routing.request.messages import MAY_REPLACE_CONTENT, ROLES, USER_PARTS
from litellm_fallback_router.routing.types import ChatRequest
from litellm_fallback_router.simulated import simulated
from local.simulator import SimulatorControl
from tests.support.samples import ASKED, PARAMS, PART, SAID, TOOL, Sample

SAMPLES = PARAMS | {f"part: {name}": s for name, s in PART.items()} | {f"said: {name}": s for name, s in SAID.items()}


def test_every_field_of_a_request_has_a_sample() -> None:
    assert set(ChatCompletionRequest.__annotations__) - NOT_PARAMS <= PARAMS.keys()


def test_every_kind_of_content_and_message_has_a_sample() -> None:
    assert set(USER_PARTS) <= PART.keys()
    assert {*ROLES, *MAY_REPLACE_CONTENT} <= SAID.keys()


def alone(config: RouterConfig, name: str) -> RouterConfig:
    return replace(config, chains={name: (name,)})


async def sent(simulator: SimulatorControl, config: RouterConfig, name: str, sample: Sample) -> str:
    """What became of a sample at one deployment: the provider's request, with the report or the reason in front."""
    decided = plan(ChatRequest(name, sample.messages, sample.params), alone(config, name), Health(), random.Random(1))
    if not decided.candidates:
        (dropped,) = decided.dropped
        assert dropped.code in INCAPABLE
        return f"passed over: {dropped.reason}"
    (candidate,) = decided.candidates
    if any(line.startswith(sample.report) for line in candidate.adjusted):
        return f"reported: {candidate.adjusted}"
    simulator.clear_requests()
    try:
        await Engine(lambda place: place.api_key).complete(candidate.deployment, candidate.messages, candidate.params)
    except ProviderFailure as failure:
        # The simulator knows fewer fields than the providers; what counts is what it was sent.
        refusal = failure.reason
    else:
        refusal = ""
    bodies = [json.dumps(request.body, ensure_ascii=False) for request in simulator.requests()]
    if any(trace in body for body in bodies for trace in sample.traces):
        return "arrived"
    return f"LOST: {refusal} {bodies} {candidate.adjusted}"


@pytest.mark.parametrize("sample", SAMPLES)
async def test_nothing_vanishes(simulator: SimulatorControl, sample: str) -> None:
    config = simulated(load_config(ROUTER_STYLE_MAPPING, describe), simulator.url)
    fates = {d.id: await sent(simulator, config, d.id, SAMPLES[sample]) for d in config.deployments}
    assert {name: fate for name, fate in fates.items() if fate.startswith("LOST")} == {}


REASONERS = {
    "openai": "gpt-5-mini gpt-5-chat-latest gpt-5.1 gpt-5.2-chat-latest gpt-5.2 gpt-5.4-mini gpt-5.5 gpt-5.6 gpt-6-sol "
    "gpt-6-astra gpt-6.1-sol o4-mini gpt-5-pro gpt-5.2-pro gpt-5-codex gpt-5.3-codex o3-pro "
    "ft:gpt-4o-mini-2024-07-18:us::1",
    "azure": "gpt-5-mini gpt-5.1 gpt-5.4 gpt-5.5 gpt5_series/ours our-gpt-5.4 o4-mini o_series/ours "
    "ours=gpt-5.1 ours=gpt-5.4 ours=gpt-5.6 ours=o4-mini",
}
"""After `=` the base model of a name that does not say it."""
BESIDE: dict[str, dict[str, Any]] = {
    "no effort": {"reasoning_effort": "none"},
    "an effort": {"reasoning_effort": "low"},
    "functions": {"reasoning_effort": "low", "tools": [TOOL]},
}
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


def reasoner(simulator: SimulatorControl, provider: str, model: str) -> RouterConfig:
    name, _, base_model = model.partition("=")
    params: dict[str, Any] = {"model": name, "model_info": {"base_model": base_model} if base_model else {}}
    if provider == "azure":
        params |= {"api_base": f"{simulator.url}/openai/v1", "api_key": "sim-openai-key", "api_version": "2024-10-21"}
    mapping = {"model_list": [{"model_name": "thinker", "litellm_provider": provider, "params": params}]}
    return simulated(load_config(mapping, describe), simulator.url)


@pytest.mark.parametrize(
    ("provider", "model"), [(name, model) for name, models in REASONERS.items() for model in models.split()]
)
async def test_nothing_vanishes_beside_reasoning(simulator: SimulatorControl, provider: str, model: str) -> None:
    config = reasoner(simulator, provider, model)
    asked = {f"effort {effort}": effort_of(effort) for effort in EFFORTS}
    for name, sample in PARAMS.items():
        asked[name] = sample
        for beside, more in BESIDE.items():
            if not more.keys() & sample.params.keys():
                asked[f"{name} beside {beside}"] = replace(sample, params={**more, **sample.params})
    fates = {name: await sent(simulator, config, "thinker", sample) for name, sample in asked.items()}
    assert {name: fate for name, fate in fates.items() if fate.startswith("LOST")} == {}


def effort_of(effort: str) -> Sample:
    traces = (f'"effort": "{effort}"', f'"reasoning_effort": "{effort}"')
    return Sample(traces, "reasoning_effort", {"reasoning_effort": effort})


@pytest.mark.parametrize("sample", PARAMS)
@pytest.mark.parametrize("provider", ["openai", "hosted_vllm", "lm_studio"])
async def test_other_servers_of_openais_api_get_everything_as_it_came(
    simulator: SimulatorControl, provider: str, sample: str
) -> None:
    base = f"{simulator.url}/openai/v1"
    params = {"model": "gpt-4o", "api_base": base, "api_key": "sim-openai-key", "model_info": {"reasoning": True}}
    mapping = {"model_list": [{"model_name": "own", "litellm_provider": provider, "params": params}]}
    asked = PARAMS[sample]
    assert await sent(simulator, load_config(mapping, describe), "own", asked) == "arrived"
    (request,) = simulator.requests()
    assert {name: request.body.get(name) for name in asked.params} == asked.params


async def test_a_stream_of_such_a_server_gets_it_too(simulator: SimulatorControl) -> None:
    params = {"model": "gpt-4o", "api_base": f"{simulator.url}/openai/v1", "api_key": "sim-openai-key"}
    mapping = {"model_list": [{"model_name": "own", "litellm_provider": "openai", "params": params}]}
    (own,) = load_config(mapping, describe).deployments
    simulator.reset()
    asked = {"user": "user-717", "max_tokens": 20, "metadata": {"run": "717"}, "store": True}
    said = [chunk async for chunks in Engine(lambda place: place.api_key).stream(own, ASKED, asked) for chunk in chunks]
    assert any(choice["finish_reason"] for chunk in said for choice in chunk.choices)
    (request,) = simulator.requests()
    assert request.stream
    assert {name: request.body[name] for name in asked} == asked
