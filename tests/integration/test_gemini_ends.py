"""Gemini's answers end where Gemini says so: not with their first chunk, and not because there is a tool call."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from litellm_fallback_router.engine.acompletion.pieces import HELD_BACK_SECONDS
from litellm_fallback_router.engine.exchange import USAGE_SECONDS
from litellm_fallback_router.routing.failures import FailureKind
from litellm_fallback_router.routing.types import ChatRequest
from tests.support.finish_places import LIMIT, QUESTION, place, router_to, streamed, whole
from tests.support.finish_places import parts as parts_of
from tests.support.raw_server import response

CALL = {"functionCall": {"name": "look", "args": {"a": 1}}}


def said(*parts: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
    candidate = {"content": {"role": "model", "parts": list(parts)}, "index": 0}
    usage = {"promptTokenCount": 9, "candidatesTokenCount": 5, "totalTokenCount": 14}
    ended = {} if reason is None else {"finishReason": reason}
    return {"candidates": [candidate | ended], "usageMetadata": usage}


def event(*parts: dict[str, Any], reason: str | None = None) -> bytes:
    return f"data: {json.dumps(said(*parts, reason=reason))}\n\n".encode()


async def test_a_pause_ends_nothing() -> None:
    """Longer than what is waited for after a finish reason."""
    stream = [event({"text": "The capital"}), event({"text": " is Paris."}, reason="STOP")]
    async with place(stream=stream) as first, router_to("gemini", first) as router:
        first.go_on = go_on = asyncio.Event()
        text, reasons = "", []
        async with asyncio.timeout(LIMIT), router.stream(ChatRequest("first", QUESTION)) as answer:
            async for chunk in answer:
                if not text:
                    after = USAGE_SECONDS + HELD_BACK_SECONDS + 0.2
                    asyncio.get_running_loop().call_later(after, go_on.set)
                for choice in chunk.choices:
                    text += choice["delta"].get("content") or ""
                    reasons += [choice["finish_reason"]] if choice["finish_reason"] else []
    assert (text, reasons) == ("The capital is Paris.", ["stop"])


async def test_a_stream_that_is_cut_is_resumed() -> None:
    cut = [event({"text": "The capital"}), event({"text": " is"}), b""]
    async with (
        place(stream=cut) as first,
        place(stream=parts_of("vllm", " Paris.", "stop")) as second,
        router_to("gemini", first, second) as router,
    ):
        text, reasons, outcome = await streamed(router)
    assert (text, reasons) == ("The capital is Paris.", ["stop"])
    assert outcome.ledger.attempts[0].failure is FailureKind.STREAM_BROKEN


@pytest.mark.parametrize(("reason", "means"), [("STOP", "tool_calls"), ("MAX_TOKENS", "length")])
async def test_a_call_ends_as_gemini_says(reason: str, means: str) -> None:
    together, apart = [event(CALL, reason=reason), b""], [event(CALL), event({"text": ""}, reason=reason)]
    async with (
        place(response(200, said(CALL, reason=reason)), together) as first,
        router_to("gemini", first) as router,
    ):
        result = await router.complete(ChatRequest("first", QUESTION))
        assert (result.choices[0]["finish_reason"], (await streamed(router))[1]) == (means, [means])
        first.parts = apart
        assert (await streamed(router))[1] == [means]


@pytest.mark.parametrize("reason", ["MALFORMED_FUNCTION_CALL", "OTHER", None])
async def test_a_call_that_is_broken_falls_over(reason: str | None) -> None:
    async with (
        place(response(200, said(CALL, reason=reason))) as first,
        place(whole("vllm", "Rome", "stop")) as second,
        router_to("gemini", first, second) as router,
    ):
        result = await router.complete(ChatRequest("first", QUESTION))
    assert (result.text, result.ledger.attempts[0].failure) == ("Rome", FailureKind.INVALID_RESPONSE)
