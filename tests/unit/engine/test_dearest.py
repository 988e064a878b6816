"""No answer costs more than the bound that a budget reserves for it."""

from __future__ import annotations

import functools
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from litellm_fallback_router.adapters import price_map
from litellm_fallback_router.engine.dearest import dearest_prices
from litellm_fallback_router.engine.loading import litellm
from litellm_fallback_router.engine.prices import cost_of
from litellm_fallback_router.mapping import ROUTER_STYLE_MAPPING
from litellm_fallback_router.routing.mapping import load_config
from litellm_fallback_router.routing.plan import (
    Candidate,
    most_completion_tokens,
    most_prompt_tokens,
    runs_providers_tools,
)
from litellm_fallback_router.routing.ports import DearestPrices
from litellm_fallback_router.routing.types import Deployment, NativeRequest

DEAR = {"model_list": [{"model_name": name, "params": {"model": name}} for name in ("claude-opus-4-8", "gpt-6.1-sol")]}
"""Models with prices for fast answers and for places."""
DEPLOYMENTS = tuple(
    one for mapping in (ROUTER_STYLE_MAPPING, DEAR) for one in load_config(mapping, price_map.describe).deployments
)
SOME = [deployment for deployment in DEPLOYMENTS if deployment.space is None]


def candidate(
    deployment: Deployment, messages: list[dict[str, Any]], params: dict[str, Any] | None = None
) -> Candidate:
    return Candidate(deployment, list(messages), params or {})


@functools.cache
def dearest_of(number: int) -> DearestPrices:
    dearest = dearest_prices(DEPLOYMENTS[number])
    assert dearest is not None
    return dearest


@pytest.mark.parametrize("number", range(len(DEPLOYMENTS)), ids=[deployment.id for deployment in DEPLOYMENTS])
@settings(max_examples=60)
@given(data=st.data())
def test_no_usage_costs_more_a_token_than_the_dearest_price(number: int, data: st.DataObject) -> None:
    deployment, dearest = DEPLOYMENTS[number], dearest_of(number)
    prompt = data.draw(st.integers(1, 1_200_000))
    cached = data.draw(st.integers(0, prompt))
    written = data.draw(st.integers(0, prompt - cached))
    completion = 0 if deployment.space is not None else data.draw(st.integers(0, 60_000))
    usage = litellm().Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=prompt + completion,
        prompt_tokens_details={"cached_tokens": cached, "cache_creation_tokens": written},
        cache_creation_input_tokens=written,
        completion_tokens_details={"reasoning_tokens": data.draw(st.integers(0, completion))},
        **data.draw(st.sampled_from([{}, {"speed": "fast"}, {"inference_geo": "us"}])),
    )
    tiers = [None, "default", "flex", "priority", "fast", "ultrafast"]
    cost = cost_of(deployment, usage, data.draw(st.sampled_from(tiers)))
    assert cost is not None
    assert cost <= (dearest.prompt * prompt + dearest.completion * completion) * (1 + 1e-9)


@settings(max_examples=80)
@given(texts=st.lists(st.text(max_size=200), min_size=1, max_size=8), tools=st.integers(0, 4))
def test_a_prompt_is_never_more_tokens_than_the_bound(texts: list[str], tools: int) -> None:
    """By the tokenizer of OpenAI's newer models, which LiteLLM brings."""
    messages = [{"role": "user", "content": text} for text in texts]
    schema = {"type": "object", "properties": {"city": {"type": "string", "description": texts[0]}}}
    params = {
        "tools": [
            {"type": "function", "function": {"name": f"t{n}", "description": texts[-1], "parameters": schema}}
            for n in range(tools)
        ]
    }
    counted = litellm().token_counter(model="gpt-4o", messages=messages) + litellm().token_counter(
        model="gpt-4o", text=json.dumps(params, ensure_ascii=False)
    )
    assert counted <= most_prompt_tokens(candidate(SOME[0], messages, params))


def test_files_and_conversations_that_a_provider_keeps_may_fill_the_window() -> None:
    place = SOME[0]
    window = place.info.max_input_tokens
    document = [{"role": "user", "content": [{"type": "file", "file": {"file_id": "file-1"}}]}]
    assert most_prompt_tokens(candidate(place, document)) == window
    kept = NativeRequest("responses", {"previous_response_id": "resp_1", "input": "And then?"})
    assert most_prompt_tokens(Candidate(place, [], {}, native=kept)) == window
    argument = [{"role": "user", "content": "x", "tool_calls": [{"function": {"arguments": '{"prompt": "y"}'}}]}]
    assert most_prompt_tokens(candidate(place, argument)) < 2_000


def test_an_image_counts_as_the_most_that_its_model_makes_of_one() -> None:
    image = [
        {
            "role": "user",
            "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 400_000}}],
        }
    ]
    assert 1_000 < most_prompt_tokens(candidate(SOME[0], image)) < 20_000


@pytest.mark.parametrize(
    ("params", "most"),
    [({"max_tokens": 7}, 7), ({"max_completion_tokens": 9, "n": 3}, 27), ({}, None)],
)
def test_an_answer_is_never_longer_than_its_limit_or_the_models_own(params: dict[str, Any], most: int | None) -> None:
    known = SOME[0].info.max_output_tokens
    assert known
    assert most_completion_tokens(candidate(SOME[0], [], params)) == (known if most is None else most)


def test_tools_that_a_provider_runs_are_told_from_the_callers_own() -> None:
    searching = candidate(SOME[0], [], {"web_search_options": {}})
    assert runs_providers_tools(searching)
    for tool, own in [
        ({"type": "web_search_20250305", "name": "web_search"}, True),
        ({"type": "function", "name": "f"}, False),
        ({"name": "f", "input_schema": {}}, False),
        ({"type": "custom", "name": "f", "input_schema": {}}, False),
        ({"type": "bash_20250124", "name": "bash"}, True),
    ]:
        native = NativeRequest("messages", {"tools": [tool]})
        assert runs_providers_tools(Candidate(SOME[0], [], {}, native=native)) == own
