"""However a request ends, it is told once and whole: each attempt, then the end, and no probe is held any more."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from litellm_fallback_router.routing.errors import CallerLeftError, InternalError
from litellm_fallback_router.routing.failures import FailureKind
from litellm_fallback_router.routing.ports import Source
from litellm_fallback_router.routing.types import ChatRequest, ChatResult
from litellm_fallback_router.routing.verdicts import Verdict
from tests.support.guards import RuledGuard, guarded_rig
from tests.support.scripted import FOREVER, Rig, Step, question, read, rig
from tests.support.virtual_time import run_virtually, tasks_left

WHOLE_AND_STREAMED = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


class StuckGuard(RuledGuard):
    """Gives no verdict on the texts of one side."""

    def __init__(self, side: Source) -> None:
        super().__init__()
        self.side = side
        self.stuck = asyncio.Event()

    async def check(self, source: Source, texts: Any) -> Verdict:
        if source == self.side:
            self.stuck.set()
            await asyncio.sleep(FOREVER)
        return await super().check(source, texts)


async def ask(r: Rig, request: ChatRequest, *, stream: bool) -> ChatResult:
    return (await read(r.router, request))[1] if stream else await r.router.complete(request)


async def open_circuit(r: Rig, name: str) -> None:
    while not await r.circuits.failed(name):
        pass


async def probe_is_due(r: Rig, name: str) -> bool:
    return (await r.circuits.states([name]))[name].probe_due


@WHOLE_AND_STREAMED
@pytest.mark.parametrize("side", ["input", "output"])
@pytest.mark.parametrize("parallel", [False, True], ids=["first", "beside"])
def test_a_caller_that_leaves_while_the_guardrail_checks_is_told_once_with_its_attempt(
    side: Source, parallel: bool, stream: bool
) -> None:
    async def scenario() -> None:
        guard = StuckGuard(side)
        answers = {"a": [Step(("Paris is the capital. " * 40,))]}
        r = guarded_rig(
            "a", guard=guard, scripts=answers, providers={"a": "bedrock"}, settings={"deadline": 500.0},
            parallel=parallel,
        )  # fmt: skip
        await open_circuit(r, "a")
        await asyncio.sleep(r.config.settings.circuit_open_seconds + 1)
        asking = asyncio.ensure_future(ask(r, question(), stream=stream))
        await guard.stuck.wait()
        await asyncio.sleep(1)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        (outcome,) = r.notes.outcomes
        assert isinstance(outcome, CallerLeftError)
        assert list(outcome.ledger.attempts) == r.notes.attempts
        assert len(r.notes.attempts) == (1 if side == "output" or parallel else 0)
        assert outcome.ledger.guardrail is not None
        if not r.notes.attempts or r.notes.attempts[0].failure is FailureKind.CALLER_LEFT:
            assert await probe_is_due(r, "a")
        assert (r.provider.open_streams, tasks_left()) == (0, [])

    run_virtually(scenario())


@WHOLE_AND_STREAMED
@pytest.mark.parametrize("pieces", [(), ("Paris ",)], ids=["at once", "in its text"])
@pytest.mark.parametrize("under", ["nothing", "a guardrail", "a guardrail beside"])
def test_a_bug_is_told_once_with_its_attempt_and_holds_no_probe(
    pieces: tuple[str, ...], under: str, stream: bool
) -> None:
    async def scenario() -> None:
        bug = Step(pieces, failure=TypeError("a mistake of ours"))
        if under == "nothing":
            r = rig("a", "b", scripts={"a": [bug]})
        else:
            r = guarded_rig("a", "b", scripts={"a": [bug]}, providers={"a": "bedrock"}, parallel="beside" in under)
        await open_circuit(r, "a")
        await asyncio.sleep(r.config.settings.circuit_open_seconds + 1)
        with pytest.raises(TypeError, match="a mistake of ours"):
            await ask(r, question(), stream=stream)
        (outcome,) = r.notes.outcomes
        assert isinstance(outcome, InternalError)
        assert [one.failure for one in r.notes.attempts] == [FailureKind.BUG]
        assert list(outcome.ledger.attempts) == r.notes.attempts
        assert r.provider.asked == ["a"]
        assert await probe_is_due(r, "a")
        assert (r.provider.open_streams, tasks_left()) == (0, [])

    run_virtually(scenario())


@WHOLE_AND_STREAMED
def test_a_bug_of_an_interceptor_is_told_once_with_the_attempt_that_it_ended(stream: bool) -> None:
    class Wrong(RuledGuard):
        async def check(self, source: Source, texts: Any) -> Verdict:
            if source == "output":
                raise TypeError("a mistake of ours")
            return await super().check(source, texts)

    async def scenario() -> None:
        r = guarded_rig("a", guard=Wrong(), scripts={"a": [Step(("Paris is the capital. " * 40,))]})
        with pytest.raises(TypeError, match="a mistake of ours"):
            await ask(r, question(), stream=stream)
        (outcome,) = r.notes.outcomes
        assert isinstance(outcome, InternalError)
        assert list(outcome.ledger.attempts) == r.notes.attempts
        assert [one.failure for one in r.notes.attempts] == [FailureKind.BUG if stream else None]
        assert r.provider.open_streams == 0

    run_virtually(scenario())
