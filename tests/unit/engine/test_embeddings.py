"""Answers of embeddings that are none, and what is told of those that are."""

from __future__ import annotations

import asyncio
import base64
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from litellm_fallback_router.engine.embeddings import AT_ONCE, Received, embedded
from litellm_fallback_router.engine.exchange import Outgoing
from litellm_fallback_router.engine.prices import Prices
from litellm_fallback_router.routing.failures import FailureKind, ProviderFailure
from litellm_fallback_router.routing.types import Deployment, ModelInfo, NativeRequest

PLACE = Deployment(
    id="e",
    model_name="e",
    provider="nobody",
    model="m",
    litellm_model="nobody/m",
    credential="none",
    info=ModelInfo(input_usd_per_token=0.5, output_usd_per_token=0.0),
    own_prices=True,
)
PAIR = [0.5, -0.25]
PACKED = base64.b64encode(struct.pack("<2f", *PAIR)).decode()


@dataclass
class OneEach:
    """An embedder that needs a request for each text; its answers are `{"vectors": [...], "tokens": n}`."""

    prices: Prices
    written: list[str] = field(default_factory=list)

    def bodies(self, body: Mapping[str, Any]) -> list[dict[str, Any]]:
        return [{"text": text} for text in body["input"]]

    async def outgoing(self, said: Mapping[str, Any], key: str | None) -> Outgoing:
        self.written.append(said["text"])
        return Outgoing(f"https://host/{said['text']}", {}, b"")

    def read(self, said: Mapping[str, Any], headers: Mapping[str, str]) -> tuple[list[Any], int | None]:
        return said["vectors"], said.get("tokens")


async def told(answers: list[Any], **body: Any) -> Any:
    waiting = iter(answers)

    async def ask(_: Outgoing) -> Received:
        return json.dumps(next(waiting)).encode(), {}

    native = NativeRequest("embeddings", {"input": [str(number) for number in range(len(answers))], **body})
    return await embedded(OneEach(Prices(PLACE)), native, None, ask)


@pytest.mark.parametrize(
    ("given", "wanted"), [(PAIR, "float"), (PACKED, "float"), (PAIR, "base64"), (PACKED, "base64")]
)
async def test_vectors_are_told_as_the_caller_wants_them(given: Any, wanted: str) -> None:
    answer = await told([{"vectors": [given], "tokens": 3}] * 2, encoding_format=wanted)
    (first, second) = answer.native["embeddings"]
    assert (list(first) if wanted == "float" else first) == (PAIR if wanted == "float" else PACKED)
    assert second == first
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.cost_usd) == (6, 0, 3.0)


async def test_usage_that_one_answer_does_not_tell_is_estimated() -> None:
    answer = await told([{"vectors": [PAIR], "tokens": 3}, {"vectors": [PAIR]}])
    assert answer.usage.estimated
    assert answer.cost_usd is None


@pytest.mark.parametrize(
    "vectors",
    [
        [],
        [PAIR, PAIR],
        [[]],
        [[0.5, None]],
        [[0.5, "0.5"]],
        [[0.5, True, []]],
        [[1e300, 1.0]],
        [[0.5, float("nan")]],
        [[float("inf"), 0.5]],
        [base64.b64encode(struct.pack("<2f", 0.5, float("nan"))).decode()],
        [None],
        ["not base64"],
        [base64.b64encode(b"12345").decode()],
        [""],
        [{"0": 0.5}],
    ],
    ids=str,
)
async def test_what_is_no_vector_is_no_answer(vectors: list[Any]) -> None:
    with pytest.raises(ProviderFailure) as failed:
        await told([{"vectors": vectors, "tokens": 1}])
    assert failed.value.kind is FailureKind.INVALID_RESPONSE


@pytest.mark.parametrize("given", [PAIR, PACKED], ids=["numbers", "packed"])
async def test_a_vector_of_another_length_than_asked_for_is_no_answer(given: Any) -> None:
    assert (await told([{"vectors": [given]}], dimensions=2)).native
    with pytest.raises(ProviderFailure):
        await told([{"vectors": [given]}], dimensions=3)


async def test_an_error_in_the_place_of_an_answer_is_one() -> None:
    with pytest.raises(ProviderFailure):
        await told([{"error": {"message": "no"}, "vectors": [PAIR]}])


async def test_requests_are_bounded_and_the_first_failure_ends_the_others() -> None:
    under_way: list[str] = []
    most = 0

    async def ask(outgoing: Outgoing) -> Received:
        nonlocal most
        under_way.append(outgoing.url)
        most = max(most, len(under_way))
        try:
            await asyncio.sleep(0)
            if outgoing.url.endswith("/20"):
                raise ProviderFailure(FailureKind.UNAVAILABLE, "no")
            if outgoing.url.endswith("/21"):
                await asyncio.Event().wait()
        finally:
            under_way.remove(outgoing.url)
        return json.dumps({"vectors": [PAIR]}).encode(), {}

    native = NativeRequest("embeddings", {"input": [str(number) for number in range(100)]})
    with pytest.raises(ProviderFailure, match="no"):
        await embedded(OneEach(Prices(PLACE)), native, None, ask)
    assert under_way == []
    assert most == AT_ONCE


async def test_who_leaves_ends_the_requests_and_those_to_come_are_not_even_written() -> None:
    begun, ended = asyncio.Event(), 0

    async def ask(_: Outgoing) -> Received:
        nonlocal ended
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended += 1
        raise AssertionError

    embedder = OneEach(Prices(PLACE))
    native = NativeRequest("embeddings", {"input": [str(number) for number in range(100)]})
    asking = asyncio.ensure_future(embedded(embedder, native, None, ask))
    await begun.wait()
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert ended == AT_ONCE
    assert embedder.written == [str(number) for number in range(AT_ONCE)]
