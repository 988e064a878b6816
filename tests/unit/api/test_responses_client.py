"""OpenAI's own client asks for responses, against the real app on a real socket. Each answer is held against the SDK's
types, strictly: what they require is there."""

from __future__ import annotations

import json

import httpx
import openai
import pytest
from openai.types.responses import Response

from litellm_fallback_router.routing.errors import ProvidersFailedError, RateLimitedError, StreamInterruptedError
from tests.unit.api.fakes import FakeRouter, exhausted, text_chunk
from tests.unit.api.responses_events import MODEL, PATCH, WEATHER, asked_for, delta, kinds


def test_a_whole_answer_is_a_response(client: openai.OpenAI, router: FakeRouter) -> None:
    raw = client.responses.with_raw_response.create(model=MODEL, input="What is the capital of France?")
    answer = raw.parse()
    Response.model_validate(json.loads(raw.text), strict=True)
    assert answer.output_text == "Paris."
    assert (answer.model, answer.status, answer.error) == ("gpt-4o", "completed", None)
    assert answer.usage is not None
    assert (answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.total_tokens) == (11, 3, 14)
    assert raw.headers["x-router-provider"] == "openai"
    assert raw.headers["x-router-cost-usd"] == "0.00025000"
    (asked,) = router.asked
    assert list(asked.messages) == [{"role": "user", "content": "What is the capital of France?"}]


async def test_the_async_client_gets_the_same(async_client: openai.AsyncOpenAI) -> None:
    answer = await async_client.responses.create(model=MODEL, input="What is the capital of France?")
    assert answer.output_text == "Paris."


def test_a_response_says_what_it_was_asked(client: openai.OpenAI) -> None:
    answer = client.responses.create(
        model=MODEL,
        input="hi",
        instructions="Be brief.",
        tools=[WEATHER, PATCH],
        tool_choice="required",
        parallel_tool_calls=False,
        metadata={"team": "blue"},
        max_output_tokens=100,
        temperature=0,
        text={"format": {"type": "json_schema", "name": "city", "schema": {"type": "object"}}, "verbosity": "low"},
    )
    assert answer.instructions == "Be brief."
    assert [tool.type for tool in answer.tools] == ["function", "custom"]
    assert (answer.tool_choice, answer.parallel_tool_calls) == ("required", False)
    assert (answer.metadata, answer.max_output_tokens, answer.temperature) == ({"team": "blue"}, 100, 0)
    assert answer.text is not None
    assert (answer.text.verbosity, answer.text.format.type if answer.text.format else None) == ("low", "json_schema")


def test_every_item_of_a_whole_answer_is_told(client: openai.OpenAI, router: FakeRouter) -> None:
    message = {
        "role": "assistant",
        "reasoning_content": "Think.",
        "content": "Both.",
        "annotations": [
            {"type": "url_citation", "url_citation": {"url": "u", "title": "t", "start_index": 0, "end_index": 1}}
        ],
        "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{}"}},
            {"id": "c2", "type": "custom", "custom": {"name": "patch", "input": "free text"}},
        ],
    }
    router.choices = [{"index": 0, "message": message, "finish_reason": "tool_calls"}]
    raw = client.responses.with_raw_response.create(model=MODEL, input="hi", tools=[WEATHER, PATCH])
    Response.model_validate(json.loads(raw.text), strict=True)
    thought, said, function, custom = json.loads(raw.text)["output"]
    assert thought["content"] == [{"type": "reasoning_text", "text": "Think."}]
    assert thought["summary"] == []
    assert said["content"][0]["text"] == "Both."
    assert said["content"][0]["annotations"][0]["url"] == "u"
    assert (function["type"], function["call_id"], function["name"], function["arguments"]) == (
        *("function_call", "c1", "weather"),
        "{}",
    )
    assert (custom["type"], custom["call_id"], custom["input"]) == ("custom_tool_call", "c2", "free text")
    assert len({item["id"] for item in (thought, said, function, custom)}) == 4


@pytest.mark.parametrize(("finish", "reason"), [("length", "max_output_tokens"), ("content_filter", "content_filter")])
def test_a_cut_answer_is_incomplete(client: openai.OpenAI, router: FakeRouter, finish: str, reason: str) -> None:
    router.choices = [{"index": 0, "message": {"role": "assistant", "content": "Pa"}, "finish_reason": finish}]
    answer = client.responses.create(model=MODEL, input="hi")
    assert answer.status == "incomplete"
    assert answer.incomplete_details is not None
    assert answer.incomplete_details.reason == reason
    assert answer.output[0].status == "incomplete"  # type: ignore[union-attr]
    router.chunks = (text_chunk("Pa"), delta(finish))
    *_, last = client.responses.create(model=MODEL, input="hi", stream=True)
    assert last.type == "response.incomplete"
    assert last.response.incomplete_details is not None
    assert last.response.incomplete_details.reason == reason


def test_the_helper_of_the_client_puts_a_stream_together(client: openai.OpenAI) -> None:
    with client.responses.stream(model=MODEL, input="hi") as stream:
        for _ in stream:
            pass
        assert stream.get_final_response().output_text == "Paris."


def test_a_stream_that_breaks_raises_and_is_failed(
    client: openai.OpenAI, http: httpx.Client, router: FakeRouter
) -> None:
    router.broken = exhausted(StreamInterruptedError, "cut")
    events = asked_for(http)
    assert kinds(events)[-2:] == ["error", "failed"]
    failed = events[-1]["response"]
    assert failed["error"] == {"code": "server_error", "message": "cut"}
    assert failed["output"][0]["content"][0]["text"] == "Paris."
    assert failed["output"][0]["status"] == "incomplete"
    with pytest.raises(openai.APIError, match="cut"):
        list(client.responses.create(model=MODEL, input="hi", stream=True))


def test_a_failure_before_the_first_token_is_openai_s_error(client: openai.OpenAI, router: FakeRouter) -> None:
    router.failure = exhausted(RateLimitedError, "out of rate", retry_after=7.2)
    with pytest.raises(openai.RateLimitError) as caught:
        client.with_options(max_retries=0).responses.create(model=MODEL, input="hi", stream=True)
    assert caught.value.response.json()["error"].keys() == {"message", "type", "param", "code"}
    assert caught.value.response.headers["retry-after"] == "8"
    router.failure = exhausted(ProvidersFailedError, "all failed")
    with pytest.raises(openai.InternalServerError):
        client.with_options(max_retries=2).responses.create(model=MODEL, input="hi")
    assert len(router.asked) == 2
