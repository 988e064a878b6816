"""JSON mode and one call at a time through the real gateway, for providers whose API has no switch for them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai import OpenAI

from litellm_fallback_router.routing.adaptation.json_mode import ADJUSTED, INSTRUCTION
from litellm_fallback_router.routing.adaptation.one_call import ADJUSTED as ONE_CALL
from local.simulator import SimulatorControl
from tests.support.gateway import Gateway, gateway_process
from tests.support.three_providers import LLAMA

MODELS = {
    "gpt": ("openai", {"model": "gpt-4o"}),
    "claude": ("anthropic", {"model": "claude-sonnet-4-6"}),
    "bedrock-claude": ("bedrock", {"model": "us.anthropic.claude-sonnet-4-6", "region": "us-east-1"}),
    "nova": ("bedrock", {"model": "us.amazon.nova-2-lite-v1:0", "region": "us-east-1"}),
    "llama": ("bedrock", {"model": LLAMA, "region": "us-west-2", "model_info": {"json_schema": False}}),
}
INSTRUCTED = [name for name in MODELS if name != "gpt"]
JSON_MODE: Any = {"type": "json_object"}
EXPLAIN = {"router": {"explain": True}}
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
FORCED: Any = {"type": "function", "function": {"name": "get_weather"}}


@pytest.fixture(scope="module")
def gateway(simulator: SimulatorControl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    models = [
        {"model_name": name, "litellm_provider": provider, "params": params}
        for name, (provider, params) in MODELS.items()
    ]
    strategies = {"gpt-then-claude": ["gpt", "claude"], "claude-then-gpt": ["claude", "gpt"]}
    mapping = {"model_list": models, "strategies": strategies}
    with gateway_process(tmp_path_factory.mktemp("gateway"), mapping, simulator_url=simulator.url) as running:
        yield running


def asked(text: str) -> Any:
    return [{"role": "system", "content": "Be brief."}, {"role": "user", "content": text}]


def answer(client: OpenAI, *, streaming: bool, **request: Any) -> tuple[Any, dict[str, Any]]:
    """The first choice and the ledger."""
    if not streaming:
        whole: Any = client.chat.completions.create(**request, extra_body=EXPLAIN)
        return whole.choices[0], whole.router
    with client.chat.completions.stream(**request, extra_body=EXPLAIN) as stream:
        said = [event.chunk.model_extra or {} for event in stream if event.type == "chunk"]
        ledgers = [extra["router"] for extra in said if "router" in extra]
        final: Any = stream.get_final_completion()
    return final.choices[0], ledgers[-1]


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("text", ["Paris, as JSON", "Paris, as JSON in a fence"])
@pytest.mark.parametrize("model", INSTRUCTED)
def test_an_object_comes_from_models_without_a_json_mode(
    client: OpenAI, simulator: SimulatorControl, model: str, text: str, streaming: bool
) -> None:
    request = {"model": model, "messages": asked(text), "response_format": JSON_MODE}
    choice, ledger = answer(client, streaming=streaming, **request)
    assert isinstance(json.loads(choice.message.content), dict)
    assert choice.message.content[0] + choice.message.content[-1] == "{}"
    assert choice.finish_reason == "stop"
    assert ledger["attempts"][0]["adjusted"] == [ADJUSTED.format(INSTRUCTION)]
    (sent,) = simulator.requests()
    said = [block["text"] for block in sent.body["system"]]
    assert said == ["Be brief.", INSTRUCTION]


@pytest.mark.parametrize("streaming", [False, True])
def test_prose_falls_back(client: OpenAI, streaming: bool) -> None:
    request = {"model": "claude-then-gpt", "messages": asked("As JSON, in prose"), "response_format": JSON_MODE}
    choice, ledger = answer(client, streaming=streaming, **request)
    assert isinstance(json.loads(choice.message.content), dict)
    assert [(one["deployment"], one["outcome"]) for one in ledger["attempts"]] == [
        ("claude", "invalid_response"),
        ("gpt", "answered"),
    ]


@pytest.mark.parametrize("streaming", [False, True])
def test_prose_alone_is_an_error_that_says_why(client: OpenAI, streaming: bool) -> None:
    with pytest.raises(openai.InternalServerError, match="its answer is no JSON object") as caught:
        client.chat.completions.create(
            model="nova", messages=asked("As JSON, in prose"), response_format=JSON_MODE, stream=streaming
        )
    assert caught.value.status_code == 502
    assert "in prose" not in str(caught.value)


@pytest.mark.parametrize("streaming", [False, True])
def test_without_the_word_openai_refuses_and_the_next_one_answers(client: OpenAI, streaming: bool) -> None:
    request = {"model": "gpt-then-claude", "messages": asked("Paris"), "response_format": JSON_MODE}
    choice, ledger = answer(client, streaming=streaming, **request)
    assert isinstance(json.loads(choice.message.content), dict)
    assert [(one["deployment"], one["status"]) for one in ledger["attempts"]] == [("gpt", 400), ("claude", None)]


def test_without_the_word_and_without_another_candidate_openais_refusal_is_the_answer(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="must contain the word 'json'"):
        client.chat.completions.create(model="gpt", messages=asked("Paris"), response_format=JSON_MODE)


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize(
    ("model", "choice"),
    [*((model, choice) for model in ("nova", "claude") for choice in ("auto", "required", FORCED)), ("llama", "auto")],
)
def test_one_call_at_a_time(client: OpenAI, model: str, choice: Any, streaming: bool) -> None:
    request = {
        "model": model,
        "messages": asked("What is the weather in Paris and Rome?"),
        "tools": [WEATHER],
        "tool_choice": choice,
        "parallel_tool_calls": False,
    }
    said, ledger = answer(client, streaming=streaming, **request)
    (call,) = said.message.tool_calls
    assert json.loads(call.function.arguments) == {"city": "Paris"}
    assert said.finish_reason == "tool_calls"
    assert ledger["attempts"][0]["adjusted"] == ([] if model == "claude" else [ONE_CALL])
