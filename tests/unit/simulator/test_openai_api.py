"""OpenAI's API, asked with the official client."""

import base64
import json
from typing import Any

import openai
import pytest

from local.simulator import Fault, Simulator

TOOLS: Any = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "strict": True,
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}},
                "required": ["city"],
                "additionalProperties": False,
            },
        },
    }
]
QUESTION: Any = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Count to 5"}]
PNG = "data:image/png;base64," + base64.b64encode(b"\x89PNG").decode()


async def test_a_completion_is_complete(openai_client: openai.AsyncOpenAI) -> None:
    response = await openai_client.chat.completions.create(model="gpt-4o", messages=QUESTION)
    choice = response.choices[0]
    assert (choice.message.content, choice.finish_reason) == ("1, 2, 3, 4, 5.", "stop")
    assert response.model == "gpt-4o-2024-08-06"
    assert response.usage is not None
    assert response.usage.total_tokens == response.usage.prompt_tokens + response.usage.completion_tokens
    assert response._request_id is not None
    assert response._request_id.startswith("req_")


async def test_a_stream_says_the_same_and_counts_the_same(openai_client: openai.AsyncOpenAI) -> None:
    whole = await openai_client.chat.completions.create(model="gpt-4o", messages=QUESTION)
    stream = await openai_client.chat.completions.create(
        model="gpt-4o", messages=QUESTION, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == whole.choices[0].message.content
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage == whole.usage
    assert len({chunk.id for chunk in chunks}) == 1


async def test_a_stream_carries_usage_only_when_asked(openai_client: openai.AsyncOpenAI) -> None:
    stream = await openai_client.chat.completions.create(model="gpt-4o", messages=QUESTION, stream=True)
    chunks = [chunk async for chunk in stream]
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert {chunk.usage for chunk in chunks} == {None}


async def test_tools_are_called_and_their_results_are_told(openai_client: openai.AsyncOpenAI) -> None:
    messages: Any = [{"role": "user", "content": "weather in Paris and Rome?"}]
    response = await openai_client.chat.completions.create(model="gpt-4o", messages=messages, tools=TOOLS)
    message = response.choices[0].message
    assert response.choices[0].finish_reason == "tool_calls"
    assert message.content is None
    calls: Any = message.tool_calls
    assert [json.loads(call.function.arguments) for call in calls] == [{"city": "Paris"}, {"city": "Rome"}]
    messages.append(message.model_dump(exclude_none=True))
    messages += [{"role": "tool", "tool_call_id": call.id, "content": f"dry in {i}"} for i, call in enumerate(calls)]
    told = await openai_client.chat.completions.create(model="gpt-4o", messages=messages, tools=TOOLS)
    assert "dry in 0; dry in 1" in (told.choices[0].message.content or "")


async def test_streamed_tool_calls_add_up(openai_client: openai.AsyncOpenAI) -> None:
    messages: Any = [{"role": "user", "content": "weather in Paris and Rome?"}]
    async with openai_client.chat.completions.stream(model="gpt-4o", messages=messages, tools=TOOLS) as stream:
        final = await stream.get_final_completion()
    calls: Any = final.choices[0].message.tool_calls
    assert [json.loads(call.function.arguments)["city"] for call in calls] == ["Paris", "Rome"]


async def test_parallel_calls_can_be_turned_off(openai_client: openai.AsyncOpenAI) -> None:
    response = await openai_client.chat.completions.create(
        model="gpt-4o",
        messages=[{"role": "user", "content": "weather in Paris and Rome?"}],
        tools=TOOLS,
        parallel_tool_calls=False,
    )
    assert len(response.choices[0].message.tool_calls or ()) == 1


async def test_limits_stops_n_and_logprobs_are_kept(openai_client: openai.AsyncOpenAI) -> None:
    create = openai_client.chat.completions.create
    short = await create(model="gpt-4o", messages=QUESTION, max_tokens=2)
    assert (short.choices[0].message.content, short.choices[0].finish_reason) == ("1, 2, 3,", "length")
    stopped = await create(model="gpt-4o", messages=QUESTION, stop=["4"], seed=1, temperature=0)
    assert (stopped.choices[0].message.content, stopped.choices[0].finish_reason) == ("1, 2, 3, ", "stop")
    several = await create(model="gpt-4o", messages=QUESTION, n=3, logprobs=True, top_logprobs=2)
    assert [choice.index for choice in several.choices] == [0, 1, 2]
    logprobs: Any = several.choices[0].logprobs
    assert "".join(token.token for token in logprobs.content) == "1, 2, 3, 4, 5."
    assert len(logprobs.content[0].top_logprobs) == 2


async def test_several_choices_stream_side_by_side(openai_client: openai.AsyncOpenAI) -> None:
    stream = await openai_client.chat.completions.create(model="gpt-4o", messages=QUESTION, n=2, stream=True)
    texts = ["", ""]
    async for chunk in stream:
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
    assert texts == ["1, 2, 3, 4, 5."] * 2


async def test_a_json_schema_is_satisfied(openai_client: openai.AsyncOpenAI) -> None:
    schema = {
        "type": "object",
        "properties": {"n": {"type": "integer"}},
        "required": ["n"],
        "additionalProperties": False,
    }
    form: Any = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema, "strict": True}}
    response = await openai_client.chat.completions.create(model="gpt-4o", messages=QUESTION, response_format=form)
    assert json.loads(response.choices[0].message.content or "") == {"n": 1}


async def test_an_unsatisfiable_schema_is_a_400(openai_client: openai.AsyncOpenAI) -> None:
    form: Any = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"$ref": "#/nowhere"}}}
    with pytest.raises(openai.BadRequestError, match="Invalid schema"):
        await openai_client.chat.completions.create(model="gpt-4o", messages=QUESTION, response_format=form)


async def test_images_are_seen_and_counted(openai_client: openai.AsyncOpenAI) -> None:
    content: Any = [{"type": "text", "text": "what is it"}, {"type": "image_url", "image_url": {"url": PNG}}]
    response = await openai_client.chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": content}]
    )
    assert "what is it" in (response.choices[0].message.content or "")
    assert response.usage is not None
    assert response.usage.prompt_tokens > 256


async def test_models_are_listed(openai_client: openai.AsyncOpenAI) -> None:
    names = [model.id async for model in openai_client.models.list()]
    assert "gpt-4o" in names
    assert (await openai_client.models.retrieve("gpt-4o")).id == "gpt-4o"
    with pytest.raises(openai.NotFoundError):
        await openai_client.models.retrieve("gpt-9")


async def test_a_key_can_be_rotated(openai_client: openai.AsyncOpenAI, sim: Simulator) -> None:
    sim.settings.openai_keys = ["sim-new-key"]
    with pytest.raises(openai.AuthenticationError, match="Incorrect API key provided: ") as refused:
        await openai_client.chat.completions.create(model="gpt-4o", messages=QUESTION)
    assert "sim-openai-key" not in str(refused.value)
    rotated = openai_client.with_options(api_key="sim-new-key")
    assert (await rotated.chat.completions.create(model="gpt-4o", messages=QUESTION)).choices


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault(kind="wrong_key"), openai.AuthenticationError),
        (Fault(kind="access_denied"), openai.PermissionDeniedError),
        (Fault(kind="model_not_found"), openai.NotFoundError),
        (Fault(kind="quota"), openai.RateLimitError),
        (Fault(kind="status", status=409), openai.ConflictError),
        (Fault(kind="status", status=422), openai.UnprocessableEntityError),
        (Fault(kind="status", status=500), openai.InternalServerError),
        (Fault(kind="reset"), openai.APIConnectionError),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else value.__name__,
)
async def test_the_official_client_raises_its_own_type(
    openai_client: openai.AsyncOpenAI, sim: Simulator, fault: Fault, expected: type[Exception]
) -> None:
    sim.inject(fault)
    with pytest.raises(expected):
        await openai_client.chat.completions.create(model="gpt-4o", messages=QUESTION)


async def test_an_in_band_error_raises_in_the_middle(openai_client: openai.AsyncOpenAI, sim: Simulator) -> None:
    sim.inject(Fault(kind="in_band_error", after_chunks=2))
    stream = await openai_client.chat.completions.create(model="gpt-4o", messages=QUESTION, stream=True)
    heard = ""
    with pytest.raises(openai.APIError, match="The server had an error"):
        async for chunk in stream:
            heard += chunk.choices[0].delta.content or ""
    assert heard == "1, 2, "


async def test_an_instruction_alone_is_answered(openai_client: openai.AsyncOpenAI) -> None:
    instructed = await openai_client.chat.completions.create(
        model="gpt-4o", messages=[{"role": "system", "content": "Greet me."}]
    )
    assert instructed.choices[0].message.content
    assert instructed.usage
    assert instructed.usage.completion_tokens > 0
