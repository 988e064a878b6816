"""What OpenAI clients send, through the real gateway, to each provider."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI

from local.simulator import SimulatorControl
from tests.support.gateway import Gateway
from tests.support.three_providers import PARIS, PROVIDERS, gateway_to_all, mapping

WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
PIXEL = base64.b64encode(
    bytes.fromhex(
        "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
        "0000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
    )
).decode()


@pytest.fixture(scope="module")
def gateway(simulator: SimulatorControl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with gateway_to_all(simulator, tmp_path_factory.mktemp("gateway")) as running:
        yield running


@pytest.mark.parametrize("model", PROVIDERS)
def test_a_question_is_answered_with_usage_and_cost(client: OpenAI, model: str) -> None:
    raw = client.chat.completions.with_raw_response.create(model=model, messages=PARIS)
    answer = raw.parse()
    assert answer.choices[0].message.content == "Paris is the capital of France."
    assert answer.usage is not None
    assert answer.usage.total_tokens > 0
    assert float(raw.headers["x-router-cost-usd"]) > 0
    assert raw.headers["x-router-provider"] == model


@pytest.mark.parametrize("model", PROVIDERS)
def test_an_answers_model_can_be_asked_again(client: OpenAI, model: str) -> None:
    first = client.chat.completions.create(model=model, messages=PARIS)
    again = client.chat.completions.with_raw_response.create(model=first.model, messages=PARIS)
    assert again.parse().model == first.model
    assert (again.headers["x-router-provider"], again.headers["x-router-fallback"]) == (model, "false")


def test_an_unknown_model_leads_to_one_of_the_same_provider(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="did you mean 'anthropic'") as caught:
        client.chat.completions.create(model="claude-3-5-sonnet-20241022", messages=PARIS)
    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")


@pytest.mark.parametrize("model", PROVIDERS)
def test_a_stream_is_the_same_text_with_a_finish_reason_and_usage(client: OpenAI, model: str) -> None:
    chunks = list(
        client.chat.completions.create(model=model, messages=PARIS, stream=True, stream_options={"include_usage": True})
    )
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "Paris is the capital of France."
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens > 0


@pytest.mark.parametrize("model", PROVIDERS)
def test_a_stream_costs_what_the_same_whole_answer_costs(client: OpenAI, model: str) -> None:
    explain = {"router": {"explain": True}}
    whole: Any = client.chat.completions.create(model=model, messages=PARIS, extra_body=explain)
    *_, last = client.chat.completions.create(model=model, messages=PARIS, stream=True, extra_body=explain)
    assert last.model_extra is not None
    assert last.model_extra["router"]["cost_usd"] == whole.router["cost_usd"] > 0


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("model", PROVIDERS)
def test_parallel_tool_calls_and_their_results(client: OpenAI, model: str, streaming: bool) -> None:
    messages: Any = [{"role": "user", "content": "What is the weather in Paris and Rome?"}]
    if streaming:
        with client.chat.completions.stream(model=model, messages=messages, tools=[WEATHER]) as stream:
            answer: Any = stream.get_final_completion()
    else:
        answer = client.chat.completions.create(model=model, messages=messages, tools=[WEATHER])
    choice = answer.choices[0]
    calls = choice.message.tool_calls
    assert choice.finish_reason == "tool_calls"
    assert [json.loads(call.function.arguments)["city"] for call in calls] == ["Paris", "Rome"]
    messages += [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.function.name, "arguments": call.function.arguments},
                }
                for call in calls
            ],
        },
        *({"role": "tool", "tool_call_id": call.id, "content": f"{20 + n} degrees"} for n, call in enumerate(calls)),
    ]
    final = client.chat.completions.create(model=model, messages=messages, tools=[WEATHER])
    assert final.choices[0].message.content == "The tools say: 20 degrees; 21 degrees. That is all I know."


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("model", [*PROVIDERS, "nova"])
def test_a_json_schema_is_kept_to(client: OpenAI, model: str, streaming: bool) -> None:
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string"}, "people": {"type": "integer"}},
        "required": ["city", "people"],
        "additionalProperties": False,
    }
    wanted: Any = {"type": "json_schema", "json_schema": {"name": "city", "strict": True, "schema": schema}}
    if streaming:
        with client.chat.completions.stream(model=model, messages=PARIS, response_format=wanted) as stream:
            answer: Any = stream.get_final_completion()
    else:
        answer = client.chat.completions.create(model=model, messages=PARIS, response_format=wanted)
    assert answer.choices[0].finish_reason == "stop"
    assert set(json.loads(answer.choices[0].message.content or "")) == {"city", "people"}


@pytest.mark.parametrize("model", PROVIDERS)
def test_an_image_reaches_the_provider(client: OpenAI, simulator: SimulatorControl, model: str) -> None:
    content = [
        {"type": "text", "text": "What is the capital of France?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
    ]
    answer = client.chat.completions.create(model=model, messages=[{"role": "user", "content": content}])  # type: ignore[list-item,misc]
    assert answer.choices[0].message.content == "Paris is the capital of France."
    assert PIXEL in json.dumps(simulator.requests()[-1].body)


def test_the_gateway_fetches_no_image_from_its_own_network(client: OpenAI, simulator: SimulatorControl) -> None:
    """Bedrock takes images as bytes, so LiteLLM fetches a URL; a caller must not reach inside with that."""
    content: Any = [{"type": "image_url", "image_url": {"url": f"{simulator.url}/openai/v1/models"}}]
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model="bedrock", messages=[{"role": "user", "content": content}])
    assert simulator.requests() == []


def test_n_stop_seed_and_penalties_reach_openai(client: OpenAI, simulator: SimulatorControl) -> None:
    answer = client.chat.completions.create(
        model="openai", messages=PARIS, n=2, stop=["capital"], seed=7, frequency_penalty=0.5, user="u1"
    )
    assert [choice.message.content for choice in answer.choices] == ["Paris is the ", "Paris is the "]
    body = simulator.requests()[-1].body
    assert {k: body[k] for k in ("n", "stop", "seed", "frequency_penalty", "user")} == {
        "n": 2,
        "stop": ["capital"],
        "seed": 7,
        "frequency_penalty": 0.5,
        "user": "u1",
    }


@pytest.mark.parametrize("model", ["anthropic", "bedrock"])
def test_wishes_a_provider_lacks_are_dropped_and_reported(client: OpenAI, model: str) -> None:
    answer = client.chat.completions.create(
        model=model,
        messages=PARIS,
        seed=7,
        user="u1",
        temperature=1.7,
        max_tokens=50,
        extra_body={"router": {"explain": True}},
    )
    router: Any = answer.model_extra["router"] if answer.model_extra else None
    assert router["attempts"][0]["adjusted"] == ["seed dropped", "user dropped", "temperature clamped to 1"]


CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}


def test_needs_drop_the_candidates_that_cannot(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="one choice only"):
        client.chat.completions.create(model="anthropic", messages=PARIS, n=2)
    raw = client.chat.completions.with_raw_response.create(
        model="thrifty",
        messages=PARIS,
        response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": CITY}},
    )
    assert raw.headers["x-router-provider"] == "anthropic"
    assert raw.headers["x-router-fallback"] == "true"


def test_a_request_may_narrow_but_not_widen(client: OpenAI) -> None:
    narrowed = client.chat.completions.with_raw_response.create(
        model="thrifty", messages=PARIS, extra_body={"router": {"providers": ["anthropic"]}}
    )
    assert narrowed.headers["x-router-provider"] == "anthropic"
    with pytest.raises(openai.BadRequestError, match="excludes"):
        client.chat.completions.create(model="thrifty", messages=PARIS, extra_body={"router": {"regions": ["eu-*"]}})
    for field in ("api_base", "api_key", "mock_response", "aws_region_name", "extra_headers", "fallbacks"):
        with pytest.raises(openai.BadRequestError, match=field):
            client.chat.completions.create(model="openai", messages=PARIS, extra_body={field: "x"})


async def test_the_async_client_asks_many_at_once(gateway: Gateway, simulator: SimulatorControl) -> None:
    simulator.reset()
    simulator.settings(latency=0.5)
    began = time.monotonic()
    async with gateway.async_client() as client:
        answers = await asyncio.gather(
            *(client.chat.completions.create(model="anthropic", messages=PARIS) for _ in range(20))
        )
    assert len(answers) == 20
    assert time.monotonic() - began < 8, "they do not wait for one another"
    simulator.reset()


def test_ask_tells_who_answered(gateway: Gateway, simulator: SimulatorControl) -> None:
    simulator.reset()
    body = {"question": "What is the capital of France?", "system_prompt": "Be brief.", "primary_model": "anthropic"}
    answer = httpx.post(f"{gateway.url}/ask", json=body, timeout=30).json()
    assert (answer["provider"], answer["response"]) == (
        "anthropic:claude-sonnet-4-6",
        "Paris is the capital of France.",
    )
    assert answer["cost_usd"] > 0
    assert len(answer["attempts"]) == 1


def test_models_and_strategies_are_listed(client: OpenAI) -> None:
    assert {model.id for model in client.models.list()} == {
        *(m["model_name"] for m in mapping()["model_list"]),
        "thrifty",
    }
    assert client.models.retrieve("thrifty").id == "thrifty"
    asked_as: Any = client.models.retrieve("us.anthropic.claude-sonnet-4-6")
    assert asked_as.id == "bedrock"
    assert asked_as.aliases == [
        "us.anthropic.claude-sonnet-4-6",
        "bedrock:us.anthropic.claude-sonnet-4-6",
        "bedrock/us.anthropic.claude-sonnet-4-6",
    ]
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("nope")
