"""Requests that take part in the cache: what is given again, what is kept, and what never is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from litellm_fallback_router.routing.errors import ProvidersFailedError
from litellm_fallback_router.routing.failures import FailureKind
from litellm_fallback_router.routing.interceptors.cache.rules import bypassed
from litellm_fallback_router.routing.ledger import CacheRecord, Usage
from litellm_fallback_router.routing.types import NativeRequest
from tests.support.cached import EITHER, MISS, Store, ask, cached_rig, taking_part
from tests.support.scripted import CUT, Rig, ScriptedProvider, Step, config_of, deployment, fails, question, says
from tests.support.virtual_time import run_virtually


@pytest.mark.parametrize("again", [False, True], ids=["as whole", "as stream"])
@EITHER
def test_an_equal_request_is_given_the_same_answer_again_whole_or_streamed(stream: bool, again: bool) -> None:
    async def main() -> None:
        r = cached_rig(scripts={"a": [says("Paris, on the Seine.")]})
        text, first = await ask(r, stream=stream)
        await asyncio.sleep(12.5)
        repeated, second = await ask(r, stream=again)
        assert repeated == text == "Paris, on the Seine."
        assert r.provider.asked == ["a"]
        assert first.cache == MISS
        assert second.cache is not None
        assert (second.cache.outcome, int(second.cache.age or 0)) == ("hit", 12)
        assert (second.deployment, second.usage, second.created) == (first.deployment, first.usage, first.created)
        assert (first.cost_usd, second.cost_usd, second.ledger.attempts) == (0.001, 0.0, ())
        assert second.ledger.to_json()["cache"] == {"outcome": "hit", "age": 12}
        assert not second.fallback
        if not again:
            assert [one["finish_reason"] for one in second.choices] == ["stop"]

    run_virtually(main())


def test_only_what_says_so_takes_part_and_costs_nothing_else() -> None:
    async def main() -> None:
        r = cached_rig()
        assert isinstance(r.cache, Store)
        for request in (question(), question()):
            _, result = await ask(r, request)
            assert result.cache is None
            assert "cache" not in result.ledger.to_json()
        await ask(r)
        _, unasked = await ask(r, question())
        assert unasked.cache is None
        assert (r.provider.asked, r.cache.asked) == (["a"] * 4, 1)

    run_virtually(main())


def test_where_the_mapping_allows_no_cache_the_request_is_answered_and_told_why() -> None:
    async def main() -> None:
        r = Rig(config_of(deployment("a")), ScriptedProvider())
        _, result = await ask(r)
        assert result.cache is not None
        assert (result.cache.outcome, result.cache.stored) == ("bypass", False)
        assert "'cache' in the mapping" in result.cache.reason

    run_virtually(main())


@pytest.mark.parametrize(
    "change",
    [
        lambda entry: b"",
        lambda entry: b"\x00\xff",
        lambda entry: b"[]",
        lambda entry: b"{}",
        lambda entry: entry[: len(entry) // 2],
        lambda entry: entry.replace(b'"responder":"a"', b'"responder":"gone"'),
        lambda entry: entry.replace(b'"usage":{', b'"usage":{"dollars":1,'),
        lambda entry: json.dumps({**json.loads(entry), "choices": []}).encode(),
        lambda entry: json.dumps({**json.loads(entry), "choices": [{"message": "Paris"}]}).encode(),
        lambda entry: json.dumps({**json.loads(entry), "pieces": 5}).encode(),
    ],
)
@EITHER
def test_an_entry_that_cannot_be_read_is_a_miss_and_is_replaced(stream: bool, change: Callable[[bytes], bytes]) -> None:
    async def main() -> None:
        r = cached_rig()
        assert isinstance(r.cache, Store)
        first, _ = await ask(r)
        (key,) = r.cache.inner._answers
        kept = await r.cache.inner.get(key)
        assert kept is not None
        await r.cache.inner.put(key, change(kept.entry))
        text, result = await ask(r, stream=stream)
        assert (text, result.cache) == (first, MISS)
        _, third = await ask(r, stream=stream)
        assert third.cache is not None
        assert (third.cache.outcome, r.provider.asked) == ("hit", ["a", "a"])

    run_virtually(main())


@EITHER
def test_an_answer_is_given_again_until_its_time_is_over(stream: bool) -> None:
    async def main() -> None:
        r = cached_rig(store=Store(ttl=60))
        await ask(r, stream=stream)
        await asyncio.sleep(59)
        assert (await ask(r, stream=stream))[1].ledger.attempts == ()
        await asyncio.sleep(1)
        assert (await ask(r, stream=stream))[1].cache == MISS
        assert r.provider.asked == ["a", "a"]

    run_virtually(main())


CALL = {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
NEVER: dict[str, tuple[Sequence[Step], dict[str, Any], str]] = {
    "cut off": ([Step(finish_reason="length")], {}, "cut off or filtered"),
    "filtered": ([Step(finish_reason="content_filter")], {}, "cut off or filtered"),
    "from a fallback": ([fails(FailureKind.PERMISSION)], {}, "came from a fallback"),
}


@pytest.mark.parametrize("case", NEVER)
@EITHER
def test_what_is_not_whole_or_not_from_the_model_asked_for_is_never_kept(case: str, stream: bool) -> None:
    async def main() -> None:
        steps, fields, reason = NEVER[case]
        r = cached_rig(scripts={"a": list(steps)})
        for _ in range(2):
            _, result = await ask(r, taking_part(**fields), stream=stream)
            assert result.cache is not None
            assert (result.cache.outcome, result.cache.stored) == ("miss", False)
            assert reason in result.cache.reason
        assert len(r.provider.asked) >= 2

    run_virtually(main())


def test_a_resumed_stream_a_tool_call_and_a_thought_in_pieces_are_never_kept() -> None:
    async def main() -> None:
        for steps, reason in (
            ([CUT], "continued"),
            ([Step((), deltas=({"tool_calls": [CALL]},))], "tool"),
            ([Step(deltas=({"thinking_blocks": [{"type": "thinking", "thinking": "hm"}]},))], "more than text"),
        ):
            r = cached_rig(scripts={"a": steps})
            _, result = await ask(r, stream=True)
            assert result.cache is not None
            assert (result.cache.stored, reason in result.cache.reason) == (False, True), result.cache
            assert (await ask(r, stream=True))[1].ledger.attempts

    run_virtually(main())


def test_an_error_and_a_caller_that_leaves_keep_nothing() -> None:
    async def main() -> None:
        r = cached_rig(scripts={name: [fails(FailureKind.PERMISSION), Step()] for name in "ab"})
        with pytest.raises(ProvidersFailedError):
            await ask(r)
        async with r.router.stream(taking_part()) as stream:
            await anext(aiter(stream))
        _, result = await ask(r)
        assert result.cache == MISS

    run_virtually(main())


@EITHER
def test_answers_of_fallbacks_are_kept_where_the_mapping_says_so(stream: bool) -> None:
    async def main() -> None:
        r = cached_rig(scripts={"a": [fails(FailureKind.PERMISSION)]}, fallbacks=True)
        assert (await ask(r, stream=stream))[1].cache == MISS
        _, again = await ask(r, stream=stream)
        assert (again.fallback, again.deployment.id, again.ledger.attempts) == (True, "b", ())

    run_virtually(main())


@EITHER
def test_an_answer_larger_than_allowed_is_not_kept(stream: bool) -> None:
    async def main() -> None:
        r = cached_rig(scripts={"a": [says("word " * 300)]}, max_answer_bytes=1_000)
        _, result = await ask(r, stream=stream)
        assert result.cache is not None
        assert "cache.max_answer_bytes" in result.cache.reason
        assert (await ask(r, stream=stream))[1].ledger.attempts

    run_virtually(main())


@EITHER
def test_callers_share_nothing(stream: bool) -> None:
    async def main() -> None:
        r = cached_rig()
        for caller in ("me", "you", "me"):
            await ask(r, taking_part(caller=caller), stream=stream)
        assert len(r.provider.asked) == 2

    run_virtually(main())


@EITHER
def test_a_store_out_of_reach_is_a_miss(stream: bool) -> None:
    async def main() -> None:
        r = cached_rig(store=Store(lost=True))
        for _ in range(2):
            text, result = await ask(r, stream=stream)
            assert (text, result.cache) == ("Paris is the capital.", CacheRecord("miss"))

    run_virtually(main())


def test_equal_requests_under_way_at_once_each_ask_for_themselves() -> None:
    async def main() -> None:
        r = cached_rig()
        await asyncio.gather(*(ask(r) for _ in range(3)))
        assert r.provider.asked == ["a"] * 3
        assert (await ask(r))[1].ledger.attempts == ()

    run_virtually(main())


@EITHER
def test_what_asks_the_provider_for_more_than_an_answer_is_not_looked_up(stream: bool) -> None:
    async def main() -> None:
        r = cached_rig()
        assert isinstance(r.cache, Store)
        searches = NativeRequest("messages", {"tools": [{}]}, only=("tools[0] (web_search_20250305)",))
        for fields, name in (
            ({"params": {"store": True}}, "store"),
            ({"params": {"web_search_options": {}}}, "web_search_options"),
            ({"native": searches}, "tools[0]"),
        ):
            told = CacheRecord("bypass", reason=bypassed(taking_part(**fields)) or "")
            assert name in told.reason
            if name != "tools[0]":
                assert (await ask(r, taking_part(**fields), stream=stream))[1].cache == told
        assert r.cache.asked == 0
        assert bypassed(taking_part(params={"store": False})) is None
        tokens = NativeRequest("embeddings", {"input": [1]}, only=("input (tokens)",))
        assert bypassed(taking_part(native=tokens)) is None

    run_virtually(main())


def test_all_choices_are_kept_and_streamed_with_their_logprobs() -> None:
    async def main() -> None:
        r = cached_rig("a", scripts={"a": [Step(choices=3, pieces=("Paris.",))]})
        asked = taking_part(params={"n": 3, "logprobs": True})
        await ask(r, asked)
        async with r.router.stream(asked) as stream:
            chunks = [choice async for chunk in stream for choice in chunk.choices]
        assert r.provider.asked == ["a"]
        assert [(c["index"], c["delta"].get("content"), c["finish_reason"]) for c in chunks] == [
            (index, *told) for index in range(3) for told in (("Paris.", None), (None, "stop"))
        ]
        assert stream.result.usage == Usage(10, 5)

    run_virtually(main())
