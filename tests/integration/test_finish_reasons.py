"""What a provider says of why it stopped: an answer is complete only by a reason that is known to mean so."""

from __future__ import annotations

import asyncio

import pytest

from litellm_fallback_router.providers import PROFILES, FinishReasons
from litellm_fallback_router.routing.failures import FailureKind
from litellm_fallback_router.routing.types import ChatRequest
from tests.support.finish_places import (
    DEPLOYMENTS,
    LIMIT,
    OPENAIS_FORMAT,
    QUESTION,
    parts,
    place,
    router_to,
    streamed,
    whole,
)

COMPLETE = [
    *(("openai", reason, reason) for reason in ("stop", "length", "content_filter")),
    *(
        ("vllm", said, means)
        for said, means in (("eos", "stop"), ("max_tokens", "length"), ("sensitive", "content_filter"))
    ),
    ("deepseek", "length", "length"),
    *(
        ("anthropic", said, means)
        for said, means in (
            ("end_turn", "stop"),
            ("stop_sequence", "stop"),
            ("max_tokens", "length"),
            ("model_context_window_exceeded", "length"),
            ("pause_turn", "length"),
            ("refusal", "content_filter"),
        )
    ),
    *(
        ("bedrock", said, means)
        for said, means in (
            ("end_turn", "stop"),
            ("max_tokens", "length"),
            ("model_context_window_exceeded", "length"),
            ("guardrail_intervened", "content_filter"),
            ("content_filtered", "content_filter"),
        )
    ),
    *(("gemini", said, means) for said, means in (("STOP", "stop"), ("MAX_TOKENS", "length"))),
]
BROKEN = [
    *(
        (name, reason)
        for name in OPENAIS_FORMAT
        for reason in ("error", "abort", "insufficient_system_resource", "new")
    ),
    *(("anthropic", reason) for reason in ("error", "abort", "a_reason_of_tomorrow")),
    *(
        ("bedrock", reason)
        for reason in ("error", "malformed_model_output", "malformed_tool_use", "a_reason_of_tomorrow")
    ),
    *(("gemini", reason) for reason in ("OTHER", "MALFORMED_FUNCTION_CALL", "A_REASON_OF_TOMORROW")),
]


@pytest.mark.parametrize(("name", "said", "means"), COMPLETE)
async def test_a_known_reason_ends_an_answer(name: str, said: str, means: str) -> None:
    async with (
        place(whole(name, "Paris", said), parts(name, "Paris", said)) as first,
        router_to(name, first) as router,
    ):
        result = await router.complete(ChatRequest("first", QUESTION))
        assert (result.text, result.choices[0]["finish_reason"]) == ("Paris", means)
        text, reasons, outcome = await streamed(router)
    assert (text, reasons) == ("Paris", [means])
    assert (outcome.usage.prompt_tokens, outcome.usage.completion_tokens, outcome.usage.estimated) == (9, 5, False)


@pytest.mark.parametrize(("name", "reason"), BROKEN)
async def test_any_other_reason_of_a_whole_answer_falls_over(name: str, reason: str) -> None:
    async with (
        place(whole(name, "Par", reason)) as first,
        place(whole("vllm", "Rome", "stop")) as second,
        router_to(name, first, second) as router,
    ):
        result = await router.complete(ChatRequest("first", QUESTION))
    failed, answered = result.ledger.attempts
    assert (result.text, answered.failure) == ("Rome", None)
    assert (failed.failure, failed.status) == (FailureKind.INVALID_RESPONSE, 200)
    assert failed.reason == f"its answer is not complete (finish reason {reason})"
    assert failed.usage is not None
    assert (failed.usage.prompt_tokens, failed.usage.completion_tokens, failed.wasted) == (9, 5, True)


@pytest.mark.parametrize(("name", "reason"), BROKEN)
async def test_any_other_reason_of_a_stream_is_resumed(name: str, reason: str) -> None:
    rest = parts("vllm", " is the capital.", "stop")
    async with (
        place(stream=parts(name, "Paris", reason)) as first,
        place(stream=rest) as second,
        router_to(name, first, second) as router,
    ):
        text, reasons, outcome = await streamed(router)
    assert (text, reasons) == ("Paris is the capital.", ["stop"])
    failed, answered = outcome.ledger.attempts
    assert (failed.failure, answered.resumed) == (FailureKind.STREAM_BROKEN, True)
    assert failed.reason == f"its answer is not complete (finish reason {reason})"


@pytest.mark.parametrize("name", DEPLOYMENTS)
async def test_a_stream_that_breaks_before_any_text_falls_over(name: str) -> None:
    async with (
        place(stream=parts(name, "", "error")) as first,
        place(stream=parts("vllm", "Rome", "stop")) as second,
        router_to(name, first, second) as router,
    ):
        text, reasons, outcome = await streamed(router)
    assert (text, reasons, outcome.ledger.attempts[0].failure) == ("Rome", ["stop"], FailureKind.INVALID_RESPONSE)


@pytest.mark.parametrize("name", DEPLOYMENTS)
async def test_no_reason_is_none(name: str) -> None:
    async with (
        place(stream=parts(name, "Paris", None)) as first,
        place(stream=parts("vllm", ".", "stop")) as second,
        router_to(name, first, second) as router,
    ):
        text, reasons, outcome = await streamed(router)
    assert (text, reasons, outcome.ledger.attempts[0].failure) == ("Paris.", ["stop"], FailureKind.STREAM_BROKEN)


@pytest.mark.parametrize("name", DEPLOYMENTS)
async def test_no_reason_is_none_of_a_whole_answer_either(name: str) -> None:
    async with (
        place(whole(name, "Par", None)) as first,
        place(whole("vllm", "Rome", "stop")) as second,
        router_to(name, first, second) as router,
    ):
        result = await router.complete(ChatRequest("first", QUESTION))
    assert (result.text, result.ledger.attempts[0].failure) == ("Rome", FailureKind.INVALID_RESPONSE)


async def test_a_reason_that_could_quote_something_is_not_repeated() -> None:
    async with (
        place(whole("vllm", "Par", "the key is sk-4711")) as first,
        place(whole("vllm", "R", "stop")) as second,
        router_to("vllm", first, second) as router,
    ):
        result = await router.complete(ChatRequest("first", QUESTION))
    assert result.ledger.attempts[0].reason == "its answer is not complete (an unknown finish reason)"


@pytest.mark.parametrize("name", DEPLOYMENTS)
async def test_a_finish_reason_reaches_the_caller_while_the_provider_is_silent(name: str) -> None:
    reason = next(said for who, said, means in COMPLETE if (who, means) == (name, "length"))
    async with place(stream=parts(name, "Paris", reason)) as first:
        first.go_on = asyncio.Event()
        async with (
            router_to(name, first, stall_timeout=900.0, first_token_timeout=900.0) as router,
            asyncio.timeout(LIMIT),
            router.stream(ChatRequest("first", QUESTION)) as stream,
        ):
            async for chunk in stream:
                if any(choice["finish_reason"] for choice in chunk.choices):
                    break
            assert not first.hung_up.is_set(), "it came while the provider had more to say"
            rest = [chunk async for chunk in stream]
            result = stream.result
    assert not any(choice["finish_reason"] for chunk in rest for choice in chunk.choices)
    # Anthropic's comes with the finish reason.
    assert result.usage.estimated is (name not in ("anthropic", "gemini"))


@pytest.mark.parametrize("name", DEPLOYMENTS)
async def test_usage_that_comes_a_little_later_counts(name: str) -> None:
    reason = next(said for who, said, means in COMPLETE if (who, means) == (name, "length"))
    async with place(stream=parts(name, "Paris", reason)) as first:
        first.go_on = asyncio.Event()
        async with (
            router_to(name, first) as router,
            asyncio.timeout(LIMIT),
            router.stream(ChatRequest("first", QUESTION)) as stream,
        ):
            reasons = []
            async for chunk in stream:
                reasons += [choice["finish_reason"] for choice in chunk.choices if choice["finish_reason"]]
                if reasons:
                    first.go_on.set()
            usage = stream.result.usage
    assert (reasons, usage.prompt_tokens, usage.completion_tokens) == (["length"], 9, 5)
    assert not usage.estimated


@pytest.mark.parametrize("name", DEPLOYMENTS)
async def test_whoever_leaves_early_leaves_nothing_behind(name: str) -> None:
    begun, *_ = parts(name, "Paris", "stop")
    async with place(stream=[begun, b""]) as first:
        first.go_on = asyncio.Event()
        before = asyncio.all_tasks()
        async with router_to(name, first) as router, asyncio.timeout(LIMIT):
            async with router.stream(ChatRequest("first", QUESTION)) as stream:
                await stream.start()
            await first.hung_up.wait()
        left = [task for task in asyncio.all_tasks() - before if "watched" in repr(task) or "pump" in repr(task)]
    assert left == []


@pytest.mark.parametrize("name", OPENAIS_FORMAT)
async def test_a_choice_has_one_finish_chunk_however_often_it_is_told(name: str) -> None:
    text, end, last = parts(name, "Paris", "stop")
    async with place(stream=[text, end, end, last]) as first, router_to(name, first) as router:
        assert (await streamed(router))[:2] == ("Paris", ["stop"])


async def test_the_usage_of_a_resumed_stream_is_what_both_parts_of_it_cost() -> None:
    rest = parts("vllm", " is the capital.", "stop")
    async with (
        place(stream=parts("anthropic", "Paris", "error")) as first,
        place(stream=rest) as second,
        router_to("anthropic", first, second) as router,
    ):
        _, _, outcome = await streamed(router)
    used = [attempt.usage for attempt in outcome.ledger.attempts if attempt.usage is not None]
    assert [(one.prompt_tokens, one.completion_tokens) for one in used] == [(9, 5), (9, 5)]
    assert (outcome.usage.prompt_tokens, outcome.usage.completion_tokens) == (18, 10)


@pytest.mark.parametrize("table", [one.finish_reasons for one in PROFILES.values()], ids=list(PROFILES))
def test_each_reason_means_one_thing(table: FinishReasons) -> None:
    sets = [frozenset(table.complete), table.cut, table.filtered, table.broken]
    assert sum(len(one) for one in sets) == len(frozenset().union(*sets))
    assert set(table.complete.values()) <= {"stop", "tool_calls", "function_call"}
    assert all(table.as_openai(reason) is None for reason in [*table.broken, "", "a reason of tomorrow"])
