"""OpenAI's Responses API, asked with the official client; each event is checked against the client's types."""

import json
from typing import Any

import openai
import pytest
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from local.simulator import Fault, Simulator

TOOLS: Any = [
    {
        "type": "function",
        "name": "get_weather",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
    }
]
CUSTOM: Any = [{"type": "custom", "name": "weather_report", "description": "Looks at the weather."}]
REASONING: Any = {
    "model": "gpt-5.4-mini",
    "reasoning": {"effort": "low", "summary": "auto"},
    "include": ["reasoning.encrypted_content"],
}
EVENTS: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)


async def events_of(client: openai.AsyncOpenAI, **request: Any) -> list[Any]:
    """The events of a stream; each holds to the types, and they are numbered from 0."""
    stream = await client.responses.create(**{"model": "gpt-4o", **request}, stream=True)
    events = [event async for event in stream]
    for event in events:
        EVENTS.validate_python(event.model_dump())
    assert [event.sequence_number for event in events] == list(range(len(events)))
    return events


async def test_a_response_is_complete(openai_client: openai.AsyncOpenAI) -> None:
    response = await openai_client.responses.create(model="gpt-4o", input="Count to 5", instructions="Be brief.")
    Response.model_validate(response.model_dump())
    assert (response.output_text, response.status) == ("1, 2, 3, 4, 5.", "completed")
    assert response.model == "gpt-4o-2024-08-06"
    assert response.instructions == "Be brief."
    assert response.usage is not None
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens


async def test_what_codex_says_of_itself_is_taken(openai_client: openai.AsyncOpenAI) -> None:
    said = {"client_metadata": {"session_id": "01a", "x-codex-turn-metadata": "{}"}}
    response = await openai_client.responses.create(model="gpt-4o", input="Count to 2", extra_body=said)
    assert response.output_text == "1, 2."


async def test_a_stream_builds_the_same_response_by_the_grammar(openai_client: openai.AsyncOpenAI) -> None:
    whole = await openai_client.responses.create(model="gpt-4o", input="Count to 3")
    events = await events_of(openai_client, input="Count to 3")
    assert [event.type for event in events] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        *["response.output_text.delta"] * 3,
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    last = events[-1].response
    assert last.output_text == whole.output_text == "".join(e.delta for e in events if e.type.endswith("text.delta"))
    assert last.usage == whole.usage
    assert {event.item_id for event in events if hasattr(event, "item_id")} == {last.output[0].id}
    assert {event.response.id for event in events if hasattr(event, "response")} == {last.id}


async def test_functions_are_called_and_their_results_are_told(openai_client: openai.AsyncOpenAI) -> None:
    said: list[Any] = [{"role": "user", "content": "weather in Paris and Rome?"}]
    response = await openai_client.responses.create(model="gpt-4o", input=said, tools=TOOLS)
    calls: Any = response.output
    assert [json.loads(call.arguments) for call in calls] == [{"city": "Paris"}, {"city": "Rome"}]
    said += [call.model_dump(exclude_none=True) for call in calls]
    said += [{"type": "function_call_output", "call_id": one.call_id, "output": f"dry in {one.name}"} for one in calls]
    told = await openai_client.responses.create(model="gpt-4o", input=said, tools=TOOLS)
    assert "dry in get_weather; dry in get_weather" in told.output_text


@pytest.mark.parametrize(
    ("tools", "kind", "field"),
    [
        (TOOLS, "response.function_call_arguments", "arguments"),
        (CUSTOM, "response.custom_tool_call_input", "input"),
    ],
    ids=["function", "custom"],
)
async def test_streamed_calls_add_up(openai_client: openai.AsyncOpenAI, tools: Any, kind: str, field: str) -> None:
    events = await events_of(openai_client, input="weather in Paris?", tools=tools)
    added, *_ = [event.item for event in events if event.type == "response.output_item.added"]
    (done,) = [event.item for event in events if event.type == "response.output_item.done"]
    written = "".join(event.delta for event in events if event.type == f"{kind}.delta")
    (whole,) = [getattr(event, field) for event in events if event.type == f"{kind}.done"]
    assert (getattr(added, field), added.id, added.call_id) == ("", done.id, done.call_id)
    assert written == whole == getattr(done, field)
    assert events[-1].response.output == [done]


async def test_reasoning_is_shown_sealed_and_taken_back(openai_client: openai.AsyncOpenAI) -> None:
    said: list[Any] = [{"role": "user", "content": "weather in Paris?"}]
    events = await events_of(openai_client, **REASONING, input=said, tools=TOOLS, store=False)
    kinds = [event.type.removeprefix("response.reasoning_summary_") for event in events if "summary" in event.type]
    assert kinds == ["part.added", *["text.delta"] * 12, "text.done", "part.done"]
    response = events[-1].response
    thought, call = response.output
    assert (thought.type, call.type) == ("reasoning", "function_call")
    assert response.usage.output_tokens_details.reasoning_tokens > 0
    said += [thought.model_dump(exclude_unset=True), call.model_dump(exclude_unset=True)]
    said += [{"type": "function_call_output", "call_id": call.call_id, "output": "dry"}]
    told = await openai_client.responses.create(**REASONING, input=said, tools=TOOLS, store=False)
    assert "dry" in told.output_text


async def test_thoughts_are_not_told_unless_asked_for(openai_client: openai.AsyncOpenAI) -> None:
    response = await openai_client.responses.create(model="gpt-5.4", input="Count to 3", reasoning={"effort": "high"})
    thought: Any = response.output[0]
    assert (thought.type, thought.summary, thought.encrypted_content) == ("reasoning", [], None)


async def test_a_stored_response_is_gone_on_from(openai_client: openai.AsyncOpenAI) -> None:
    first = await openai_client.responses.create(model="gpt-4o", input="weather in Paris?", tools=TOOLS)
    call: Any = first.output[0]
    result: Any = [{"type": "function_call_output", "call_id": call.call_id, "output": "dry"}]
    second = await openai_client.responses.create(model="gpt-4o", previous_response_id=first.id, input=result)
    assert "dry" in second.output_text
    assert second.previous_response_id == first.id
    third = await openai_client.responses.create(model="gpt-4o", previous_response_id=second.id, input="Count to 3")
    assert third.output_text == "1, 2, 3."
    assert (await openai_client.responses.retrieve(third.id)).output_text == "1, 2, 3."
    await openai_client.responses.delete(third.id)
    with pytest.raises(openai.NotFoundError, match="not found"):
        await openai_client.responses.retrieve(third.id)


async def test_a_streamed_response_is_stored_too(openai_client: openai.AsyncOpenAI) -> None:
    events = await events_of(openai_client, input="Count to 3")
    again = await openai_client.responses.retrieve(events[-1].response.id)
    assert again.output_text == "1, 2, 3."


async def test_another_account_sees_nothing_stored_or_sealed(openai_client: openai.AsyncOpenAI, sim: Simulator) -> None:
    sim.settings.openai_keys.append("sim-other-key")
    other = openai_client.with_options(api_key="sim-other-key")
    first: Any = await openai_client.responses.create(**REASONING, input="Count to 3")
    with pytest.raises(openai.BadRequestError) as unknown:
        await other.responses.create(model="gpt-4o", input="and on", previous_response_id=first.id)
    assert unknown.value.code == "previous_response_not_found"
    history: Any = [item.model_dump(exclude_unset=True) for item in first.output]
    with pytest.raises(openai.BadRequestError, match="organization_id did not match") as foreign:
        await other.responses.create(**REASONING, input=[*history, {"role": "user", "content": "and on"}])
    assert foreign.value.code == "invalid_encrypted_content"


async def test_limits_and_filters_end_a_response_incomplete(openai_client: openai.AsyncOpenAI, sim: Simulator) -> None:
    events = await events_of(openai_client, input="Count to 100", max_output_tokens=16)
    assert events[-1].type == "response.incomplete"
    assert events[-1].response.incomplete_details.reason == "max_output_tokens"
    assert events[-1].response.output[0].status == "incomplete"
    sim.inject(Fault(kind="content_filter", as_finish=True))
    filtered = await openai_client.responses.create(model="gpt-4o", input="Count to 5")
    assert filtered.status == "incomplete"
    assert filtered.incomplete_details is not None
    assert filtered.incomplete_details.reason == "content_filter"


async def test_a_refusal_is_a_part_of_its_own(openai_client: openai.AsyncOpenAI, sim: Simulator) -> None:
    sim.inject(Fault(kind="refusal"))
    events = await events_of(openai_client, input="Count to 5")
    (done,) = [event for event in events if event.type == "response.refusal.done"]
    assert done.refusal == "".join(event.delta for event in events if event.type == "response.refusal.delta")
    part = events[-1].response.output[0].content[0]
    assert (part.type, part.refusal) == ("refusal", done.refusal)


async def test_log_probabilities_come_when_included(openai_client: openai.AsyncOpenAI) -> None:
    events = await events_of(
        openai_client, input="Count to 3", include=["message.output_text.logprobs"], top_logprobs=2
    )
    tokens = [token for event in events if event.type == "response.output_text.delta" for token in event.logprobs]
    assert "".join(token.token for token in tokens) == "1, 2, 3."
    assert {len(token.top_logprobs) for token in tokens} == {2}


async def test_a_json_schema_is_satisfied(openai_client: openai.AsyncOpenAI) -> None:
    schema = {
        "type": "object",
        "properties": {"n": {"type": "integer"}},
        "required": ["n"],
        "additionalProperties": False,
    }
    form: Any = {"format": {"type": "json_schema", "name": "n", "schema": schema, "strict": True}}
    response = await openai_client.responses.create(model="gpt-4o", input="Count to 5", text=form)
    assert json.loads(response.output_text) == {"n": 1}
    assert response.text is not None
    assert response.text.format is not None
    assert response.text.format.type == "json_schema"


async def test_the_web_is_searched_by_the_provider(openai_client: openai.AsyncOpenAI) -> None:
    search: Any = [{"type": "web_search", "search_context_size": "low"}]
    events = await events_of(openai_client, input="search the web: count to 3", tools=search)
    assert [event.type for event in events if "web_search" in event.type] == [
        "response.web_search_call.in_progress",
        "response.web_search_call.searching",
        "response.web_search_call.completed",
    ]
    assert [item.type for item in events[-1].response.output] == ["web_search_call", "message"]


async def test_what_is_too_long_fails_inside_a_stream_and_before_a_whole_answer(
    openai_client: openai.AsyncOpenAI,
) -> None:
    with pytest.raises(openai.BadRequestError) as whole:
        await openai_client.responses.create(model="sim-tiny", input="word " * 2000)
    assert whole.value.code == "context_length_exceeded"
    stream = await openai_client.responses.create(model="sim-tiny", input="word " * 2000, stream=True)
    with pytest.raises(openai.APIError, match="exceeds the context window"):
        [event async for event in stream]
    said: Any = [{"role": "user", "content": "word " * 2000}, {"role": "user", "content": "Count to 3"}]
    said.insert(1, {"role": "assistant", "content": "yes"})
    cut = await openai_client.responses.create(model="sim-tiny", input=said, truncation="auto")
    assert cut.output_text == "1, 2, 3."


async def test_faults_act_as_on_chats(openai_client: openai.AsyncOpenAI, sim: Simulator) -> None:
    create = openai_client.responses.create
    sim.inject(Fault(kind="status", status=429, retry_after="7"), times=1)
    with pytest.raises(openai.RateLimitError) as limited:
        await create(model="gpt-4o", input="hi")
    assert limited.value.response.headers["retry-after"] == "7"
    sim.inject(Fault(kind="model_not_found"), times=1)
    with pytest.raises(openai.BadRequestError, match="requested model 'gpt-4o'"):
        await create(model="gpt-4o", input="hi")
    sim.inject(Fault(kind="in_band_error", after_chunks=2), times=1)
    events = []
    with pytest.raises(openai.APIError, match="An error occurred while processing"):
        async for event in await create(model="gpt-4o", input="Count to 9", stream=True):
            events.append(event.type)
    assert events.count("response.output_text.delta") == 2
    sim.inject(Fault(kind="no_terminator"), times=1)
    ended = [event.type async for event in await create(model="gpt-4o", input="Count to 3", stream=True)]
    assert ended[-1] == "response.output_item.done"
    sim.inject(Fault(kind="empty"), times=1)
    assert (await create(model="gpt-4o", input="hi")).output == []
