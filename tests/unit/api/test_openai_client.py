"""The official client, sync and async, against the real app on a real socket."""

from __future__ import annotations

from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam

from litellm_fallback_router.routing.errors import (
    ContentPolicyError,
    ContextWindowExceededError,
    DeadlineExceededError,
    ProvidersFailedError,
    RateLimitedError,
    UnavailableError,
)
from tests.unit.api.fakes import CLAUDE, FELL_BACK, FakeRouter, exhausted

QUESTION: list[ChatCompletionMessageParam] = [{"role": "user", "content": "What is the capital of France?"}]
MODEL = "openai-gpt4o"


def test_answers_with_the_model_that_answered(client: openai.OpenAI, router: FakeRouter) -> None:
    raw = client.chat.completions.with_raw_response.create(model=MODEL, messages=QUESTION)
    answer = raw.parse()
    assert answer.choices[0].message.content == "Paris."
    assert answer.model == "gpt-4o"
    assert answer.id.startswith("chatcmpl-")
    assert answer.usage is not None
    assert answer.usage.total_tokens == 14
    assert raw.headers["x-router-provider"] == "openai"
    assert raw.headers["x-router-model"] == "gpt-4o"
    assert raw.headers["x-router-attempts"] == "1"
    assert raw.headers["x-router-fallback"] == "false"
    assert raw.headers["x-router-cost-usd"] == "0.00025000"
    assert "router" not in (answer.model_extra or {})


def test_says_when_another_answered(client: openai.OpenAI, router: FakeRouter) -> None:
    router.responders, router.ledger = (CLAUDE,), FELL_BACK
    raw = client.chat.completions.with_raw_response.create(
        model=MODEL, messages=QUESTION, extra_body={"router": {"explain": True}}
    )
    assert raw.headers["x-router-provider"] == "anthropic"
    assert raw.headers["x-router-attempts"] == "2"
    assert raw.headers["x-router-fallback"] == "true"
    told = (raw.parse().model_extra or {})["router"]
    assert told["provider"] == "anthropic:claude-sonnet-4-6"
    assert [attempt["outcome"] for attempt in told["attempts"]] == ["unavailable", "answered"]


async def test_async_client_gets_the_same_answer(async_client: openai.AsyncOpenAI) -> None:
    answer = await async_client.chat.completions.create(model=MODEL, messages=QUESTION)
    assert answer.choices[0].message.content == "Paris."


def test_every_field_of_the_client_reaches_the_router(client: openai.OpenAI, router: FakeRouter) -> None:
    tools: list[Any] = [
        {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
    ]
    schema: Any = {"type": "json_schema", "json_schema": {"name": "city", "schema": {"type": "object"}}}
    client.chat.completions.create(
        model=MODEL,
        messages=[
            {"role": "system", "content": "Be brief."},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is this?"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                ],
            },
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}],
            },
            {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
        ],
        temperature=0,
        top_p=0.9,
        n=2,
        max_completion_tokens=100,
        stop=["END"],
        seed=7,
        presence_penalty=-0.5,
        frequency_penalty=0.5,
        logit_bias={"50256": -100},
        logprobs=True,
        top_logprobs=3,
        tools=tools,
        tool_choice={"type": "function", "function": {"name": "weather"}},
        parallel_tool_calls=False,
        response_format=schema,
        reasoning_effort="low",
        metadata={"team": "blue"},
        user="u1",
        extra_body={
            "top_k": 5,
            "thinking": {"type": "enabled", "budget_tokens": 1024},
            "router": {"providers": ["openai"], "regions": ["eu-*"], "fallback": False, "resume": False},
        },
    )
    (asked,) = router.asked
    assert asked.model == MODEL
    assert [message["role"] for message in asked.messages] == ["system", "user", "assistant", "tool"]
    assert asked.messages[1]["content"][1]["image_url"]["url"] == "data:image/png;base64,AAAA"
    assert asked.params == {
        "temperature": 0,
        "top_p": 0.9,
        "n": 2,
        "max_completion_tokens": 100,
        "stop": ["END"],
        "seed": 7,
        "presence_penalty": -0.5,
        "frequency_penalty": 0.5,
        "logit_bias": {"50256": -100},
        "logprobs": True,
        "top_logprobs": 3,
        "tools": tools,
        "tool_choice": {"type": "function", "function": {"name": "weather"}},
        "parallel_tool_calls": False,
        "response_format": schema,
        "reasoning_effort": "low",
        "metadata": {"team": "blue"},
        "user": "u1",
        "top_k": 5,
        "thinking": {"type": "enabled", "budget_tokens": 1024},
    }
    assert asked.constraints.providers == ("openai",)
    assert asked.constraints.regions == ("eu-*",)
    assert not asked.constraints.fallback
    assert not asked.constraints.resume


@pytest.mark.parametrize(
    ("failure", "raised", "status"),
    [
        (exhausted(ProvidersFailedError, "all failed"), openai.InternalServerError, 502),
        (exhausted(UnavailableError, "none left"), openai.InternalServerError, 503),
        (exhausted(DeadlineExceededError, "too late"), openai.InternalServerError, 504),
        (exhausted(RateLimitedError, "out of rate", retry_after=7.2), openai.RateLimitError, 429),
        (exhausted(ContentPolicyError, "refused"), openai.BadRequestError, 400),
        (ContextWindowExceededError("too long", param="messages"), openai.BadRequestError, 400),
        (RuntimeError("secret prompt"), openai.InternalServerError, 500),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_failure_before_the_first_token_raises_the_client_s_own_exception(
    *,
    client: openai.OpenAI,
    router: FakeRouter,
    failure: Exception,
    raised: type[openai.APIStatusError],
    status: int,
    stream: bool,
) -> None:
    router.failure = failure
    with pytest.raises(raised) as caught:
        client.with_options(max_retries=0).chat.completions.create(model=MODEL, messages=QUESTION, stream=stream)
    assert caught.value.status_code == status
    assert "secret" not in str(caught.value)
    assert caught.value.response.headers["x-request-id"]


def test_unknown_model_is_not_found(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="known: openai-gpt4o") as caught:
        client.chat.completions.create(model="gpt-9", messages=QUESTION)
    assert caught.value.param == "model"
    assert caught.value.code == "model_not_found"


def test_client_does_not_walk_an_exhausted_chain_again(client: openai.OpenAI, router: FakeRouter) -> None:
    router.failure = exhausted(ProvidersFailedError, "all failed")
    with pytest.raises(openai.InternalServerError):
        client.with_options(max_retries=2).chat.completions.create(model=MODEL, messages=QUESTION)
    assert len(router.asked) == 1


def test_client_may_retry_when_nothing_was_asked_and_the_wait_is_known(
    client: openai.OpenAI, router: FakeRouter
) -> None:
    router.failure = UnavailableError("nothing to ask", retry_after=0.2)
    with pytest.raises(openai.InternalServerError) as caught:
        client.with_options(max_retries=1).chat.completions.create(model=MODEL, messages=QUESTION)
    assert len(router.asked) == 2
    assert caught.value.response.headers["retry-after"] == "1"


def test_exhausted_chain_lists_its_attempts_and_the_wait(client: openai.OpenAI, router: FakeRouter) -> None:
    router.failure = exhausted(RateLimitedError, "out of rate", retry_after=7.2)
    with pytest.raises(openai.RateLimitError) as caught:
        client.chat.completions.create(model=MODEL, messages=QUESTION)
    response = caught.value.response
    assert response.headers["retry-after"] == "8"
    assert response.headers["x-should-retry"] == "false"
    assert response.headers["x-router-attempts"] == "1"
    assert response.json()["router"]["attempts"][0]["reason"] == "overloaded"


def test_provider_s_own_words_reach_the_caller_they_are_about(client: openai.OpenAI, router: FakeRouter) -> None:
    router.failure = ContentPolicyError("refused", detail="the prompt mentions a dragon")
    with pytest.raises(openai.BadRequestError, match=r"refused\. The provider said: the prompt mentions a dragon"):
        client.chat.completions.create(model=MODEL, messages=QUESTION)


def test_model_list_holds_models_and_strategies(client: openai.OpenAI) -> None:
    owners = {model.id: model.owned_by for model in client.models.list()}
    assert owners == {"openai-gpt4o": "openai", "anthropic-claude-sonnet": "anthropic", "cost-optimized": "router"}
    assert client.models.retrieve("cost-optimized").owned_by == "router"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("no/such model")
