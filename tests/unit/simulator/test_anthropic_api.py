"""Anthropic's API, asked with the official client."""

from typing import Any

import anthropic
import httpx
import pytest

from local.simulator import Fault, Simulator

MODEL = "claude-sonnet-4-6"
QUESTION: Any = [{"role": "user", "content": "Count to 5"}]
TOOLS: Any = [
    {
        "name": "get_weather",
        "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    }
]
OLD = {"anthropic-version": "2023-06-01"}


async def test_a_message_is_complete(anthropic_client: anthropic.AsyncAnthropic) -> None:
    message = await anthropic_client.messages.create(model=MODEL, max_tokens=99, messages=QUESTION, system="Be brief.")
    assert [block.text for block in message.content if block.type == "text"] == ["1, 2, 3, 4, 5."]
    assert (message.stop_reason, message.model) == ("end_turn", MODEL)
    assert message.usage.output_tokens == 4
    assert message.id.startswith("msg_")


async def test_a_stream_builds_the_same_message(anthropic_client: anthropic.AsyncAnthropic) -> None:
    whole = await anthropic_client.messages.create(model=MODEL, max_tokens=99, messages=QUESTION)
    kinds = []
    async with anthropic_client.messages.stream(model=MODEL, max_tokens=99, messages=QUESTION) as stream:
        async for event in stream:
            kinds.append(event.type)
        final = await stream.get_final_message()
    assert final.content[0].type == "text"
    assert final.content[0].text == "1, 2, 3, 4, 5."
    assert final.stop_reason == "end_turn"
    assert (final.usage.input_tokens, final.usage.output_tokens) == (
        whole.usage.input_tokens,
        whole.usage.output_tokens,
    )
    assert kinds[0] == "message_start"
    assert kinds[-1] == "message_stop"


async def test_events_come_in_the_documented_order(http: httpx.AsyncClient, sim: Simulator) -> None:
    body = {"model": MODEL, "max_tokens": 99, "messages": [{"role": "user", "content": "Count to 2"}], "stream": True}
    headers = {"x-api-key": "sim-anthropic-key", **OLD}
    response = await http.post(f"{sim.url}/anthropic/v1/messages", json=body, headers=headers)
    kinds = [line.removeprefix("event: ") for line in response.text.split("\n") if line.startswith("event: ")]
    assert kinds == [
        "message_start",
        "content_block_start",
        "ping",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert response.headers["request-id"].startswith("req_")


async def test_tools_are_called_and_their_results_are_told(anthropic_client: anthropic.AsyncAnthropic) -> None:
    messages: Any = [{"role": "user", "content": "weather in Paris and Rome?"}]
    async with anthropic_client.messages.stream(model=MODEL, max_tokens=99, messages=messages, tools=TOOLS) as stream:
        asked = await stream.get_final_message()
    uses = [block for block in asked.content if block.type == "tool_use"]
    assert asked.stop_reason == "tool_use"
    assert [use.input for use in uses] == [{"city": "Paris"}, {"city": "Rome"}]
    results = [{"type": "tool_result", "tool_use_id": use.id, "content": f"dry in {use.input['city']}"} for use in uses]
    messages += [{"role": "assistant", "content": asked.content}, {"role": "user", "content": results}]
    told = await anthropic_client.messages.create(model=MODEL, max_tokens=99, messages=messages, tools=TOOLS)
    assert told.content[0].type == "text"
    assert "dry in Paris; dry in Rome" in told.content[0].text


async def test_forced_and_single_tool_calls(anthropic_client: anthropic.AsyncAnthropic) -> None:
    forced = await anthropic_client.messages.create(
        model=MODEL,
        max_tokens=99,
        messages=QUESTION,
        tools=TOOLS,
        tool_choice={"type": "tool", "name": "get_weather"},
    )
    assert forced.stop_reason == "tool_use"
    single = await anthropic_client.messages.create(
        model=MODEL,
        max_tokens=99,
        messages=[{"role": "user", "content": "weather in Paris and Rome?"}],
        tools=TOOLS,
        tool_choice={"type": "auto", "disable_parallel_tool_use": True},
    )
    assert len(single.content) == 1


async def test_stop_sequences_and_limits_name_their_reason(anthropic_client: anthropic.AsyncAnthropic) -> None:
    create = anthropic_client.messages.create
    stopped = await create(model=MODEL, max_tokens=99, messages=QUESTION, stop_sequences=["4"])
    assert (stopped.stop_reason, stopped.stop_sequence) == ("stop_sequence", "4")
    short = await create(model=MODEL, max_tokens=2, messages=QUESTION)
    assert short.stop_reason == "max_tokens"


async def test_a_prefill_is_continued_by_haiku_4_5_only(anthropic_client: anthropic.AsyncAnthropic) -> None:
    prefilled: Any = [*QUESTION, {"role": "assistant", "content": "1, 2,"}]
    message = await anthropic_client.messages.create(model="claude-haiku-4-5", max_tokens=99, messages=prefilled)
    assert message.content[0].type == "text"
    assert message.content[0].text == " 3, 4, 5."
    with pytest.raises(anthropic.BadRequestError, match="does not support assistant message prefill"):
        await anthropic_client.messages.create(model=MODEL, max_tokens=99, messages=prefilled)


async def test_images_and_cache_control_are_taken(anthropic_client: anthropic.AsyncAnthropic) -> None:
    image: Any = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}
    text: Any = {"type": "text", "text": "what is it", "cache_control": {"type": "ephemeral"}}
    message = await anthropic_client.messages.create(
        model=MODEL,
        max_tokens=99,
        system=[{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
        messages=[{"role": "user", "content": [image, text]}],
    )
    assert message.content[0].type == "text"
    assert "what is it" in message.content[0].text
    assert message.usage.input_tokens > 256


async def test_thinking_is_shown_signed_and_recognised(anthropic_client: anthropic.AsyncAnthropic) -> None:
    thinking: Any = {"type": "enabled", "budget_tokens": 1024}
    whole = await anthropic_client.messages.create(model=MODEL, max_tokens=2000, messages=QUESTION, thinking=thinking)
    async with anthropic_client.messages.stream(
        model=MODEL, max_tokens=2000, messages=QUESTION, thinking=thinking
    ) as stream:
        streamed = await stream.get_final_message()
    assert [block.type for block in streamed.content] == ["thinking", "text"]
    assert streamed.content[0] == whole.content[0]
    assert streamed.usage.output_tokens == whole.usage.output_tokens > 4
    history: Any = [*QUESTION, {"role": "assistant", "content": whole.content}, {"role": "user", "content": "thanks"}]
    again = await anthropic_client.messages.create(model=MODEL, max_tokens=99, messages=history)
    assert again.stop_reason == "end_turn"


async def test_a_thought_that_is_not_its_own_is_refused(anthropic_client: anthropic.AsyncAnthropic) -> None:
    thought = {"type": "thinking", "thinking": "hm", "signature": "forged"}
    history: Any = [*QUESTION, {"role": "assistant", "content": [thought]}, *QUESTION]
    with pytest.raises(
        anthropic.BadRequestError, match=r"messages.1.content.0: Invalid `signature` in `thinking` block"
    ):
        await anthropic_client.messages.create(model=MODEL, max_tokens=99, messages=history)


async def test_a_json_schema_is_satisfied(anthropic_client: anthropic.AsyncAnthropic) -> None:
    schema: Any = {
        "type": "object",
        "properties": {"n": {"type": "integer"}},
        "required": ["n"],
        "additionalProperties": False,
    }
    message = await anthropic_client.messages.create(
        model=MODEL,
        max_tokens=99,
        messages=QUESTION,
        output_config={"format": {"type": "json_schema", "schema": schema}},
    )
    assert message.content[0].type == "text"
    assert message.content[0].text == '{"n": 1}'


async def test_models_are_listed(anthropic_client: anthropic.AsyncAnthropic) -> None:
    assert MODEL in [model.id async for model in anthropic_client.models.list()]
    assert (await anthropic_client.models.retrieve(MODEL)).max_input_tokens == 1_000_000
    with pytest.raises(anthropic.NotFoundError):
        await anthropic_client.models.retrieve("claude-9")


X: Any = [{"role": "user", "content": "x"}]


@pytest.mark.parametrize(
    ("headers", "status", "message"),
    [
        (OLD, 401, "x-api-key header is required"),
        ({"x-api-key": "nonsense", **OLD}, 401, "invalid x-api-key"),
        ({"x-api-key": "sim-anthropic-key"}, 400, "anthropic-version: header is required"),
        ({"authorization": "Bearer sim-anthropic-key", **OLD}, 200, ""),
    ],
)
async def test_headers_are_needed_as_documented(
    http: httpx.AsyncClient, sim: Simulator, headers: dict[str, str], status: int, message: str
) -> None:
    body = {"model": MODEL, "max_tokens": 99, "messages": X}
    response = await http.post(f"{sim.url}/anthropic/v1/messages", json=body, headers=headers)
    assert response.status_code == status
    assert response.json().get("error", {}).get("message", "") == message


async def test_the_newest_api_version_takes_no_temperature(anthropic_client: anthropic.AsyncAnthropic) -> None:
    with pytest.raises(anthropic.BadRequestError, match="temperature: Extra inputs are not permitted"):
        await anthropic_client.messages.create(
            model=MODEL, max_tokens=99, messages=QUESTION, extra_body={"temperature": 1.0}
        )


async def test_a_retired_model_is_not_found(anthropic_client: anthropic.AsyncAnthropic) -> None:
    with pytest.raises(anthropic.NotFoundError, match="model: claude-3-5-sonnet-20241022"):
        await anthropic_client.messages.create(model="claude-3-5-sonnet-20241022", max_tokens=9, messages=QUESTION)


async def test_an_in_band_error_raises_in_the_middle(
    anthropic_client: anthropic.AsyncAnthropic, sim: Simulator
) -> None:
    sim.inject(Fault(kind="in_band_error", after_chunks=2))
    heard = ""
    with pytest.raises(anthropic.APIStatusError, match="Overloaded"):
        async with anthropic_client.messages.stream(model=MODEL, max_tokens=99, messages=QUESTION) as stream:
            async for text in stream.text_stream:
                heard += text
    assert heard == "1, 2, "


async def test_an_overloaded_api_raises_its_own_type(
    anthropic_client: anthropic.AsyncAnthropic, sim: Simulator
) -> None:
    sim.inject(Fault(kind="status", status=529))
    with pytest.raises(anthropic.InternalServerError, match="overloaded_error"):
        await anthropic_client.messages.create(model=MODEL, max_tokens=9, messages=QUESTION)
