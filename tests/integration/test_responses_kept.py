"""Conversations that the gateway keeps: they go on by id, whoever answers next, and for their caller alone."""

from __future__ import annotations

import json
import random
import string
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai import OpenAI

from local.simulator import Fault, SimulatorControl
from tests.support.gateway import Gateway, gateway_process

KEYS = ("key-of-one", "key-of-other")
QUESTION = "What is the capital of France?"
WEATHER: Any = {
    "type": "function",
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    "strict": False,
}


def mapping() -> dict[str, Any]:
    def entry(name: str, provider: str, model: str) -> dict[str, Any]:
        return {"model_name": name, "litellm_provider": provider, "params": {"model": model}}

    return {
        "model_list": [
            entry("gpt", "openai", "gpt-5.4"),
            entry("claude", "anthropic", "claude-sonnet-4-6"),
            entry("plain", "openai", "gpt-4o"),
        ],
        "fallbacks": {"gpt": ["claude"]},
        "settings": {"circuit_failures": 100, "responses_store": "memory"},
    }


@pytest.fixture(scope="module")
def gateway(simulator: SimulatorControl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    env = {"GATEWAY_API_KEYS": ",".join(KEYS)}
    folder = tmp_path_factory.mktemp("kept")
    with gateway_process(folder, mapping(), simulator_url=simulator.url, env=env) as running:
        yield running


@pytest.fixture
def client(gateway: Gateway, simulator: SimulatorControl) -> Iterator[OpenAI]:
    simulator.reset()
    with OpenAI(base_url=f"{gateway.url}/v1", api_key=KEYS[0], max_retries=0, timeout=60) as made:
        yield made


def last_of(simulator: SimulatorControl, model: str) -> Any:
    return [record.body for record in simulator.requests() if record.model == model][-1]


def asked(client: OpenAI, *, stream: bool, **body: Any) -> Any:
    if not stream:
        return client.responses.create(**body)
    *_, last = client.responses.create(**body, stream=True)
    assert last.type == "response.completed"
    return last.response


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("first", ["gpt", "claude"])
def test_a_conversation_goes_on_by_id_whoever_answers(
    *, client: OpenAI, simulator: SimulatorControl, first: str, stream: bool
) -> None:
    one = asked(client, stream=stream, model=first, input=QUESTION, instructions="Be brief.")
    assert one.model_extra["store"] is True
    simulator.inject(Fault(kind="status", status=500), model="gpt-5.4")
    two = asked(client, stream=stream, model="gpt", input="And of Spain?", previous_response_id=one.id)
    assert two.model == "claude-sonnet-4-6"
    assert two.previous_response_id == one.id
    said = last_of(simulator, "claude-sonnet-4-6")
    assert [turn["role"] for turn in said["messages"]] == ["user", "assistant", "user"]
    assert "Paris" in json.dumps(said["messages"][1])
    assert "Be brief." not in json.dumps(said)
    simulator.reset()
    three = asked(client, stream=stream, model="gpt", input="And of Peru?", previous_response_id=two.id)
    assert three.model == "gpt-5.4"
    given = last_of(simulator, "gpt-5.4")
    assert given["store"] is False
    assert "previous_response_id" not in given
    assert [item["role"] for item in given["input"] if "role" in item] == [*["user", "assistant"] * 2, "user"]


def test_a_loop_of_tool_calls_goes_on_by_references(client: OpenAI, simulator: SimulatorControl) -> None:
    history: list[Any] = [{"role": "user", "content": "What is the weather in Ulm?"}]
    answer = client.responses.create(model="claude", input=history, tools=[WEATHER])
    call = answer.output[-1]
    assert call.type == "function_call"
    history += [{"type": "item_reference", "id": item.id} for item in answer.output]
    history.append({"type": "function_call_output", "call_id": call.call_id, "output": "sunny"})
    assert "sunny" in client.responses.create(model="claude", input=history, tools=[WEATHER]).output_text


def test_nobody_else_can_go_on(client: OpenAI, gateway: Gateway) -> None:
    answer = client.responses.create(model="claude", input=QUESTION)
    with OpenAI(base_url=f"{gateway.url}/v1", api_key=KEYS[1], max_retries=0) as other:
        with pytest.raises(openai.BadRequestError) as caught:
            other.responses.create(model="claude", input="And?", previous_response_id=answer.id)
        assert (caught.value.param, caught.value.code) == ("previous_response_id", "previous_response_not_found")
        reference: Any = [{"type": "item_reference", "id": answer.output[0].id}]
        with pytest.raises(openai.BadRequestError) as caught:
            other.responses.create(model="claude", input=reference)
        assert (caught.value.param, caught.value.code) == ("input[0]", "item_not_found")


def test_what_is_not_to_be_stored_is_not(client: OpenAI) -> None:
    answer = client.responses.create(model="claude", input=QUESTION, store=False)
    assert (answer.model_extra or {})["store"] is False
    with pytest.raises(openai.BadRequestError, match="is not kept here"):
        client.responses.create(model="claude", input="And?", previous_response_id=answer.id)


def test_what_is_too_large_is_answered_and_says_that_it_is_not_kept(client: OpenAI) -> None:
    noise = "".join(random.Random(1).choices(string.printable[:90], k=600_000))
    answer = client.responses.create(model="claude", input=noise)
    assert (answer.model_extra or {})["store"] is False
    with pytest.raises(openai.BadRequestError, match="too large to be kept") as caught:
        client.responses.create(model="claude", input="And?", previous_response_id=answer.id)
    assert caught.value.code == "response_too_large"


def test_openai_s_own_ids_still_lead_to_openai(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(model="claude", input="And?", previous_response_id="resp_0123456789abcdef")
    assert caught.value.param == "previous_response_id"


@pytest.mark.parametrize(
    ("include", "adjusted"), [(None, []), (["reasoning.encrypted_content"], ["include[0] dropped"])]
)
def test_only_what_a_caller_asked_for_is_told_to_be_dropped(client: OpenAI, include: Any, adjusted: list[str]) -> None:
    more = {} if include is None else {"include": include}
    answer = client.responses.create(
        model="plain", input=QUESTION, extra_body={"router": {"explain": True, "fallback": False}}, **more
    )
    (attempt,) = answer.model_extra["router"]["attempts"] if answer.model_extra else []
    assert attempt.get("adjusted", []) == adjusted
