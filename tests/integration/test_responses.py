"""OpenAI's client asks for responses through the real gateway, of each provider in its own format."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai import OpenAI
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from local.simulator import Fault, SimulatorControl
from tests.support.gateway import Gateway
from tests.support.three_providers import PROVIDERS, gateway_to_all

EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
QUESTION = "What is the capital of France?"
PARIS = "Paris is the capital of France."
WEATHER: Any = {
    "type": "function",
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    "strict": False,
}


@pytest.fixture(scope="module")
def gateway(simulator: SimulatorControl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with gateway_to_all(simulator, tmp_path_factory.mktemp("responses")) as running:
        yield running


def streamed(client: OpenAI, **body: Any) -> list[Any]:
    """The events, each of the SDK's type to the letter."""
    events = list(client.responses.create(stream=True, **body))
    for event in events:
        EVENT.validate_python(json.loads(event.to_json()), strict=True)
    assert [event.sequence_number for event in events] == list(range(len(events)))
    return events


@pytest.mark.parametrize("model", PROVIDERS)
def test_a_question_is_answered_whole_and_streamed(client: OpenAI, model: str) -> None:
    raw = client.responses.with_raw_response.create(model=model, input=QUESTION)
    answer = raw.parse()
    Response.model_validate(json.loads(raw.text), strict=True)
    assert (answer.output_text, answer.status) == (PARIS, "completed")
    assert answer.usage is not None
    assert answer.usage.total_tokens > 0
    assert float(raw.headers["x-router-cost-usd"]) > 0
    assert raw.headers["x-router-provider"] == model
    events = streamed(client, model=model, input=QUESTION)
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == PARIS
    assert events[-1].type == "response.completed"
    assert events[-1].response.output_text == PARIS
    assert events[-1].response.usage.total_tokens > 0


@pytest.mark.parametrize("model", PROVIDERS)
@pytest.mark.parametrize("stream", [False, True])
def test_a_loop_of_tool_calls_comes_to_its_end(*, client: OpenAI, model: str, stream: bool) -> None:
    history: list[Any] = [{"role": "user", "content": "What is the weather in Ulm?"}]
    asked: dict[str, Any] = {"model": model, "tools": [WEATHER], "instructions": "Be brief.", "store": False}
    for expected in ("function_call", "message"):
        if stream:
            answer = streamed(client, input=history, **asked)[-1].response
        else:
            answer = client.responses.create(input=history, **asked)
        last = answer.output[-1]
        assert last.type == expected
        history += [item.to_dict() for item in answer.output]
        if last.type == "function_call":
            assert (last.name, last.status) == ("get_weather", "completed")
            json.loads(last.arguments)
            history.append({"type": "function_call_output", "call_id": last.call_id, "output": "sunny"})


@pytest.mark.parametrize("model", PROVIDERS)
def test_an_answer_keeps_to_a_schema(client: OpenAI, model: str) -> None:
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    }
    form: Any = {"format": {"type": "json_schema", "name": "place", "schema": schema, "strict": True}}
    answer = client.responses.create(model=model, input=QUESTION, text=form)
    assert json.loads(answer.output_text).keys() == {"city"}


def test_what_was_left_out_is_said(client: OpenAI) -> None:
    answer = client.responses.create(
        model="anthropic", input=QUESTION, truncation="auto", extra_body={"router": {"explain": True}}
    )
    told = (answer.model_extra or {})["router"]["attempts"][0]["adjusted"]
    assert told == ["truncation dropped"]


def test_a_stream_that_breaks_raises(client: OpenAI, simulator: SimulatorControl) -> None:
    simulator.inject(Fault(kind="cut"), provider="openai")
    kinds = []
    stream = client.responses.create(
        model="openai", input="Count to 60", stream=True, extra_body={"router": {"fallback": False}}
    )
    with pytest.raises(openai.APIError, match="incomplete"):
        for event in stream:
            kinds.append(event.type)
    assert "response.output_text.delta" in kinds
    assert "response.completed" not in kinds


def test_a_stream_that_breaks_is_resumed_as_one_item(client: OpenAI, simulator: SimulatorControl) -> None:
    simulator.inject(Fault(kind="cut"), provider="openai")
    events = streamed(client, model="openai", input="Count to 60")
    final = events[-1].response
    assert final.output_text == ", ".join(str(n) for n in range(1, 61)) + "."
    assert len(final.output) == 1
    assert len({event.item_id for event in events if hasattr(event, "item_id")}) == 1
    assert len(final.model_extra["router"]["responders"]) == 2


@pytest.mark.parametrize("model", ["anthropic", "bedrock", "nova"])
@pytest.mark.parametrize("stream", [False, True])
def test_a_custom_tool_is_called_by_models_that_have_functions_alone(
    *, client: OpenAI, model: str, stream: bool
) -> None:
    tool: Any = {"type": "custom", "name": "note", "description": "Takes a note."}
    history: list[Any] = [{"role": "user", "content": "Take a note."}]
    if stream:
        events = streamed(client, model=model, input=history, tools=[tool], tool_choice="required")
        assert "response.custom_tool_call_input.done" in [event.type for event in events]
        answer = events[-1].response
    else:
        answer = client.responses.create(model=model, input=history, tools=[tool], tool_choice="required")
    call = answer.output[-1]
    assert (call.type, call.name) == ("custom_tool_call", "note")
    history += [call.to_dict(), {"type": "custom_tool_call_output", "call_id": call.call_id, "output": "noted"}]
    assert "noted" in client.responses.create(model=model, input=history, tools=[tool]).output_text
