"""What an interceptor can do: answer in place of the chain, allow each attempt, see the end of every request."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from litellm_fallback_router.routing import router as routers
from litellm_fallback_router.routing.errors import RateLimitedError, RouterError
from litellm_fallback_router.routing.failures import FailureKind
from litellm_fallback_router.routing.interceptors.protocol import Exchange, InPlace, Interceptor, Release
from litellm_fallback_router.routing.plan import Candidate
from litellm_fallback_router.routing.types import ChatRequest, ChatResult, Chunk
from tests.support.scripted import Rig, deployment, fails, question, read, rig, says
from tests.support.virtual_time import run_virtually

WHOLE_AND_STREAMED = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
KEPT = {"role": "assistant", "content": "Paris, as before."}


class Cache(Interceptor):
    """Answers before anything is planned."""

    async def before(self, exchange: Exchange) -> None:
        kept = {"index": 0, "message": KEPT, "finish_reason": "stop", "logprobs": None}
        raise InPlace([kept], deployment("cache"))


@dataclass
class Budget(Interceptor):
    """Allows so many attempts."""

    left: int
    outcomes: list[ChatResult | RouterError] = field(default_factory=list)
    released: list[str] = field(default_factory=list)

    async def before(self, exchange: Exchange) -> None:
        (await exchange.planned()).gates.append(self._reserve)

    async def chunk(self, chunk: Chunk, release: Release) -> None:
        self.released += [choice["delta"].get("content") or "" for choice in chunk.choices]
        release(chunk)

    def after(self, outcome: ChatResult | RouterError, request: ChatRequest) -> None:
        self.outcomes.append(outcome)

    async def _reserve(self, _: Candidate) -> bool:
        if self.left == 0:
            raise RateLimitedError("the budget is used up")
        self.left -= 1
        return True


async def answered(r: Rig, stream: bool) -> tuple[str, ChatResult]:
    if stream:
        return await read(r.router, question())
    result = await r.router.complete(question())
    return result.text, result


@pytest.fixture
def passed(monkeypatch: pytest.MonkeyPatch) -> list[Interceptor]:
    """The interceptors of every request of the test."""
    chosen: list[Interceptor] = []
    monkeypatch.setattr(routers, "interceptors", lambda *_: chosen)
    return chosen


@WHOLE_AND_STREAMED
def test_an_answer_in_place_asks_nobody_and_passes_those_behind_it(passed: list[Interceptor], stream: bool) -> None:
    async def scenario() -> None:
        behind = Budget(0)
        passed[:] = [Cache(), behind]
        r = rig("a")
        text, result = await answered(r, stream)
        assert text == KEPT["content"]
        assert [one.id for one in result.responders] == ["cache"]
        assert (r.provider.asked, result.ledger.attempts, result.fallback) == ([], (), False)
        assert behind.outcomes == [result]
        assert "".join(behind.released) == (text if stream else "")

    run_virtually(scenario())


@WHOLE_AND_STREAMED
def test_a_gate_is_asked_before_each_attempt_and_the_end_is_told_once(passed: list[Interceptor], stream: bool) -> None:
    async def scenario() -> None:
        scripts: dict[str, list[Any]] = {"a": [fails(FailureKind.PERMISSION)], "b": [says("Paris.")]}
        passed[:] = [enough := Budget(2)]
        _, result = await answered(rig("a", "b", scripts=scripts), stream)
        assert (enough.left, enough.outcomes) == (0, [result])

        passed[:] = [short := Budget(1)]
        r = rig("a", "b", scripts={"a": [fails(FailureKind.PERMISSION)]})
        with pytest.raises(RateLimitedError) as caught:
            await answered(r, stream)
        assert r.provider.asked == ["a"]
        assert [attempt.deployment for attempt in caught.value.ledger.attempts] == ["a"]
        assert short.outcomes == [caught.value]

    run_virtually(scenario())
