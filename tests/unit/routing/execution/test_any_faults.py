"""Whatever goes wrong: a complete answer or a clean error, inside the deadline, within the bounds."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from litellm_fallback_router.routing.continuation.resume import CONTINUE
from litellm_fallback_router.routing.errors import RouterError
from litellm_fallback_router.routing.failures import FAILURE_POLICY, FailureKind, NextStep, ProviderFailure
from litellm_fallback_router.routing.ledger import Usage
from litellm_fallback_router.routing.mapping.settings import Hedge
from litellm_fallback_router.routing.types import (
    ChatRequest,
    Chunk,
    Deployment,
    Message,
    ModelInfo,
    NativeRequest,
    ProviderAnswer,
)
from tests.support.scripted import Rig, ScriptedProvider, config_of, deployment, question
from tests.support.virtual_time import run_virtually, tasks_left

WORDS = [f"word{n}" for n in range(60)]
TEXT = " ".join(WORDS)
DEADLINE = 30.0
GRACE = 0.01


@dataclass(frozen=True)
class Fate:
    """What one call meets."""

    failure: FailureKind | None
    retry_after: float | None
    wait: float
    breaks_after: int | None
    """Words of a stream before the failure; None: before the first."""
    silent: bool
    style: str
    """How a continuation begins: `exact`, `restart` or `overlap`."""
    together: int
    """Chunks of a stream that come at once."""


NOT_THE_PROVIDERS = {FailureKind.CALLER_LEFT, FailureKind.SERVER_STOPPING, FailureKind.HEDGED}
FATES = st.builds(
    Fate,
    failure=st.sampled_from([None, None, *(kind for kind in FailureKind if kind not in NOT_THE_PROVIDERS)]),
    retry_after=st.sampled_from([None, 0.5, 2.0, 60.0]),
    wait=st.sampled_from([0.0, 0.5, 5.0, 100.0]),
    breaks_after=st.sampled_from([None, None, 1, 5, 30]),
    silent=st.booleans(),
    style=st.sampled_from(["exact", "restart", "overlap"]),
    together=st.sampled_from([1, 7, 100]),
)
SCRIPTS = st.lists(st.lists(FATES, min_size=1, max_size=4), min_size=1, max_size=5)


class Fickle(ScriptedProvider):
    """Every deployment would say TEXT, and meets the fates of its script in turn, then over again."""

    def __init__(self, fates: list[list[Fate]]) -> None:
        super().__init__()
        self._fates = {f"m{n}": list(each) for n, each in enumerate(fates)}

    def _fate(self, place: Deployment, messages: list[Message], params: Mapping[str, Any]) -> Fate:
        fates, turn = self._fates[place.id], self.asked.count(place.id)
        self._step(place, messages, params, None)
        return fates[turn % len(fates)]

    async def complete(
        self,
        deployment: Deployment,
        messages: list[Message],
        params: Mapping[str, Any],
        native: NativeRequest | None = None,
    ) -> ProviderAnswer:
        fate = self._fate(deployment, messages, params)
        await asyncio.sleep(1e9 if fate.silent else fate.wait)
        if fate.failure is not None:
            raise ProviderFailure(fate.failure, "scripted", retry_after=fate.retry_after)
        message = {"role": "assistant", "content": TEXT}
        return ProviderAnswer([{"index": 0, "message": message, "finish_reason": "stop"}], Usage(10, 60), 0.001)

    async def stream(
        self,
        deployment: Deployment,
        messages: list[Message],
        params: Mapping[str, Any],
        native: NativeRequest | None = None,
    ) -> AsyncGenerator[Sequence[Chunk], None]:
        fate = self._fate(deployment, messages, params)
        await asyncio.sleep(fate.wait)
        text = continuation(messages, fate.style)
        if fate.failure is not None or fate.silent:
            if fate.breaks_after is not None:
                said = text.split(" ")[: fate.breaks_after]
                text = text[: len(" ".join(said))]
                for chunks in told(text, together=fate.together):
                    yield chunks
            if fate.silent:
                await asyncio.sleep(1e9)
            assert fate.failure is not None
            kind = fate.failure if fate.breaks_after is None else FailureKind.STREAM_BROKEN
            raise ProviderFailure(kind, "scripted", retry_after=fate.retry_after)
        for chunks in told(text, END, together=fate.together):
            yield chunks


END = Chunk([{"index": 0, "delta": {}, "finish_reason": "stop"}])


def told(text: str, *ends: Chunk, together: int) -> Iterator[Sequence[Chunk]]:
    """The text, a word in each chunk, and what ends it; so many chunks come together."""
    pieces = re.findall(r"\s*\S+\s*", text)
    chunks = [Chunk([{"index": 0, "delta": {"content": piece}, "finish_reason": None}]) for piece in pieces]
    chunks += ends
    return (chunks[start : start + together] for start in range(0, len(chunks), together))


def continuation(messages: list[Message], style: str) -> str:
    if messages[-1]["content"] == CONTINUE:
        sent = str(messages[-2]["content"])
    elif messages[-1]["role"] == "assistant":
        sent = str(messages[-1]["content"])
    else:
        return TEXT
    if style == "restart":
        return TEXT
    if style == "overlap" and sent.count(" ") >= 5:
        return TEXT[_back(sent, 5) :]
    return TEXT[len(sent) :]


def _back(sent: str, count: int) -> int:
    """Where the last `count` words of `sent` begin."""
    return len(sent) - len(" ".join(sent.split(" ")[-count:]))


def rig_of(fates: list[list[Fate]], *, hedged: bool = False) -> Rig:
    places = [
        deployment(f"m{n}", info=ModelInfo(prefill=n % 2 == 0, max_input_tokens=1000 * (n % 3 + 1)))
        for n in range(len(fates))
    ]
    if not hedged:
        return Rig(config_of(*places, deadline=DEADLINE), Fickle(fates))
    rig = Rig(config_of(*places, deadline=DEADLINE, hedge=Hedge(at_most=1.0), waste_requests=1.0), Fickle(fates))
    rig.learn(0.1, *(place.id for place in places))
    return rig


def check_bounds(rig: Rig, calls_before: int) -> None:
    calls = rig.provider.calls[calls_before:]
    counts = Counter(call.deployment for call in calls)
    assert len(calls) <= 6
    assert max(counts.values(), default=0) <= 3
    deployments = len(rig.config.deployments)
    assert sum(1 for count in counts.values() if count == 3) <= 1
    assert deployments == 1 or all(count <= 2 for name, count in counts.items() if name != calls[-1].deployment)


def check_everybody_was_asked(error: RouterError) -> None:
    """Time was left: then attempts were used up, or the table said to stop, or nobody was left who may be asked."""
    kinds = {attempt.failure for attempt in error.ledger.attempts if attempt.failure is not None}
    if len(error.ledger.attempts) < 6 and all(FAILURE_POLICY[kind].next_step is not NextStep.STOP for kind in kinds):
        assert {drop.code for drop in error.ledger.dropped} <= {"credential", "context", "cooling"}


@settings(max_examples=300)
@given(SCRIPTS, st.booleans())
def test_whole_answers(fates: list[list[Fate]], hedged: bool) -> None:
    async def main() -> None:
        rig = rig_of(fates, hedged=hedged)
        for _ in range(3):
            start, before = asyncio.get_running_loop().time(), len(rig.provider.calls)
            try:
                result = await rig.router.complete(question("m0"))
            except RouterError as error:
                assert 400 <= error.status < 600
                assert len(error.ledger.attempts) == len(rig.provider.calls) - before
                if asyncio.get_running_loop().time() - start < DEADLINE - GRACE:
                    check_everybody_was_asked(error)
            else:
                assert result.text == TEXT
                assert [one.failure for one in result.ledger.attempts].count(None) == 1
            assert asyncio.get_running_loop().time() - start <= DEADLINE + GRACE
            check_bounds(rig, before)
        assert len(rig.notes.outcomes) == 3
        assert tasks_left() == []

    run_virtually(main())


@settings(max_examples=500)
@given(SCRIPTS, st.booleans())
def test_streams(fates: list[list[Fate]], hedged: bool) -> None:
    async def one(rig: Rig, request: ChatRequest) -> None:
        loop = asyncio.get_running_loop()
        start, first, said, finished = loop.time(), None, "", 0
        try:
            async for chunk in rig.router.stream(request):
                first = loop.time() if first is None else first
                said += chunk.choices[0]["delta"].get("content", "")
                finished += chunk.choices[0]["finish_reason"] is not None
        except RouterError as error:
            assert 400 <= error.status < 600
            assert finished == 0, "a truncated answer is never presented as complete"
            assert TEXT.startswith(said)
            if first is None:
                assert loop.time() - start <= DEADLINE + GRACE
                if loop.time() - start < DEADLINE - GRACE:
                    check_everybody_was_asked(error)
        else:
            assert (said, finished) == (TEXT, 1)
        assert (first or start) - start <= DEADLINE + GRACE

    async def main() -> None:
        rig = rig_of(fates, hedged=hedged)
        for _ in range(2):
            before = len(rig.provider.calls)
            await one(rig, question("m0"))
            check_bounds(rig, before)
        assert len(rig.notes.outcomes) == 2
        assert tasks_left() == []

    run_virtually(main())
