"""However a race of two attempts goes: one answer, of one responder; each attempt in the ledger once, and each hold
settled once; nothing left behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from litellm_fallback_router.routing.errors import RouterError
from litellm_fallback_router.routing.execution import ChainExecution
from litellm_fallback_router.routing.failures import FailureKind, ProviderFailure
from litellm_fallback_router.routing.ledger import AttemptRecord, Dropped, Ledger, Usage
from litellm_fallback_router.routing.mapping.settings import Hedge
from litellm_fallback_router.routing.plan import Candidate
from litellm_fallback_router.routing.types import Chunk, Deployment, Message, NativeRequest, ProviderAnswer
from tests.support.scripted import FOREVER, Rig, ScriptedProvider, config_of, deployment, question
from tests.support.virtual_time import run_virtually, tasks_left

TICK = 0.5
"""All that happens, happens at multiples of it: so all that may coincide does."""
DEADLINE = 20.0
KINDS = [
    FailureKind.UNAVAILABLE,
    FailureKind.RATE_LIMITED,
    FailureKind.NOT_FOUND,
    FailureKind.AUTHENTICATION,
    FailureKind.CONTENT_POLICY,
    FailureKind.REJECTED,
    FailureKind.TIMEOUT,
]


@dataclass(frozen=True)
class Fate:
    """What one call meets: its first token or its failure after so many ticks, None: neither; then its pieces."""

    ticks: int | None
    failure: FailureKind | None
    pieces: int
    gap: int
    retry_after: float | None


FATES = st.builds(
    Fate,
    ticks=st.sampled_from([None, *range(8)]),
    failure=st.sampled_from([None, None, *KINDS]),
    pieces=st.integers(1, 3),
    gap=st.integers(0, 2),
    retry_after=st.sampled_from([None, TICK, 60.0]),
)
SCRIPTS = st.lists(st.lists(FATES, min_size=1, max_size=3), min_size=1, max_size=4)


class Racers(ScriptedProvider):
    """Each call says its own words."""

    def __init__(self, fates: list[list[Fate]]) -> None:
        super().__init__()
        self._fates = {f"m{n}": each for n, each in enumerate(fates)}
        self.under_way = 0

    async def _met(self, place: Deployment, messages: list[Message], params: Mapping[str, Any]) -> tuple[Fate, str]:
        fates, turn = self._fates[place.id], self.asked.count(place.id)
        self._step(place, messages, params, None)
        fate = fates[turn % len(fates)]
        await asyncio.sleep(FOREVER if fate.ticks is None else fate.ticks * TICK)
        if fate.failure is not None:
            raise ProviderFailure(fate.failure, "scripted", retry_after=fate.retry_after)
        return fate, f"{place.id}.{turn}"

    async def complete(
        self,
        deployment: Deployment,
        messages: list[Message],
        params: Mapping[str, Any],
        native: NativeRequest | None = None,
    ) -> ProviderAnswer:
        self.under_way += 1
        try:
            fate, name = await self._met(deployment, messages, params)
        finally:
            self.under_way -= 1
        message = {"role": "assistant", "content": f"{name} " * fate.pieces}
        return ProviderAnswer([{"index": 0, "message": message, "finish_reason": "stop"}], Usage(10, 5), 0.001)

    async def stream(
        self,
        deployment: Deployment,
        messages: list[Message],
        params: Mapping[str, Any],
        native: NativeRequest | None = None,
    ) -> AsyncGenerator[Sequence[Chunk], None]:
        self.under_way += 1
        try:
            fate, name = await self._met(deployment, messages, params)
            for _ in range(fate.pieces):
                yield (Chunk([{"index": 0, "delta": {"content": f"{name} "}, "finish_reason": None}]),)
                await asyncio.sleep(fate.gap * TICK)
            end = Chunk([{"index": 0, "delta": {}, "finish_reason": "stop"}])
            yield end, Chunk([], Usage(10, 5), cost_usd=0.001)
        finally:
            self.under_way -= 1


@dataclass
class Held:
    """A hold, and how it was settled."""

    deployment: str
    settled: list[AttemptRecord | None] = field(default_factory=list)

    def settle(self, record: AttemptRecord | None) -> None:
        self.settled.append(record)


@dataclass
class Holds:
    """Takes some time to hold something for each attempt, and refuses some candidates."""

    refused: frozenset[str]
    ticks: int
    holds: list[Held] = field(default_factory=list)

    async def admit(self, candidate: Candidate) -> Held | Dropped:
        await asyncio.sleep(self.ticks * TICK)
        if candidate.deployment.id in self.refused:
            return Dropped(candidate.deployment.id, "budget", "scripted")
        self.holds.append(Held(candidate.deployment.id))
        return self.holds[-1]


def racing(fates: list[list[Fate]], *, shared: bool) -> Rig:
    """`shared`: all deployments have one credential."""
    places = [deployment(f"m{n}", **({"credential": "one"} if shared else {})) for n in range(len(fates))]
    config = config_of(*places, deadline=DEADLINE, hedge=Hedge(at_most=1.0), waste_requests=1.0, circuit_failures=2)
    rig = Rig(config, Racers(fates))
    rig.learn(TICK, *(place.id for place in places))
    return rig


async def ran(execution: ChainExecution, *, streamed: bool) -> str | RouterError:
    """The answer's text, or the error."""
    try:
        if not streamed:
            return (await execution.answer()).text
        said = ""
        for chunk in [chunk async for chunks in execution.chunks() for chunk in chunks]:
            said += "".join(choice["delta"].get("content") or "" for choice in chunk.choices)
    except RouterError as error:
        return error
    return said


def check_ledger(ledger: Ledger, rig: Rig, holds: Holds) -> None:
    records = ledger.attempts
    assert [one.number for one in records] == list(range(1, len(records) + 1))
    assert sorted(records, key=lambda one: round(one.started, 6)) == list(records)
    assert [one.deployment for one in records] == rig.provider.asked, "each call is an attempt, in the same order"
    assert sum(one.failure is FailureKind.HEDGED for one in records) <= 1
    settled = [hold.settled for hold in holds.holds]
    assert all(len(each) == 1 for each in settled)
    assert sorted(each[0].number for each in settled if each[0] is not None) == [one.number for one in records]
    assert sorted(one.number for one in rig.notes.attempts) == [one.number for one in records]


@settings(max_examples=1500)
@given(
    fates=SCRIPTS,
    streamed=st.booleans(),
    shared=st.booleans(),
    refused=st.frozensets(st.sampled_from(["m1", "m2"]), max_size=1),
    ticks=st.integers(0, 2),
    leaves=st.sampled_from([None, None, *range(1, 12)]),
)
def test_a_race(
    *, fates: list[list[Fate]], streamed: bool, shared: bool, refused: frozenset[str], ticks: int, leaves: int | None
) -> None:
    async def main() -> None:
        rig, holds = racing(fates, shared=shared), Holds(refused, ticks)
        run = rig.router._run(question("m0"), streamed=streamed)
        execution = await run.planned()
        execution.hooks.append(holds)
        asking = asyncio.create_task(ran(execution, streamed=streamed))
        await asyncio.wait((asking,), timeout=None if leaves is None else leaves * TICK)
        if not asking.done():
            asking.cancel()
        (outcome,) = await asyncio.gather(asking, return_exceptions=True)
        assert isinstance(outcome, str | RouterError | asyncio.CancelledError)
        answered = [one for one in execution.attempts if one.failure is None]
        if isinstance(outcome, str):
            (winner,) = answered
            (said,) = set(outcome.split())
            assert said.split(".")[0] == winner.deployment, "no chunk of two responders is mixed"
            assert [one.id for one in execution.responders] == [winner.deployment]
            assert not winner.wasted
        else:
            assert not answered
        assert asyncio.get_running_loop().time() <= DEADLINE + 8 * TICK
        check_ledger(execution.ledger, rig, holds)
        assert isinstance(rig.provider, Racers)
        assert rig.provider.under_way == 0
        assert tasks_left() == []

    run_virtually(main())
