"""However a request ends, over real sockets: it is told once, with each of its attempts, and nothing of it is kept: no
connection to a provider, no probe of a circuit, no rate but that of the attempts."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest

from litellm_fallback_router.bootstrap import assemble, load
from litellm_fallback_router.routing.errors import CallerLeftError, DeadlineExceededError
from litellm_fallback_router.routing.failures import FailureKind
from litellm_fallback_router.routing.router import Router
from litellm_fallback_router.settings import Settings
from local.simulator import Fault, SimulatorControl
from tests.support.scripted import Notes
from tests.support.waiting import wait_until
from tests.unit.api.fakes import gateway

FORMATS = ["/v1/chat/completions", "/v1/messages", "/v1/responses"]
RPM = 100
NOVA = {"model": "us.amazon.nova-2-lite-v1:0", "region": "us-east-1", "rpm": RPM}
HAIKU = {"model": "claude-haiku-4-5", "rpm": RPM}
LEFT = FailureKind.CALLER_LEFT
BROKEN = FailureKind.STREAM_BROKEN


@dataclass(frozen=True)
class Moment:
    """When the caller leaves: what holds its answer up then, and the attempts that it has had."""

    held: tuple[tuple[Fault, dict[str, Any]], ...]
    attempts: tuple[FailureKind, ...]
    streamed: tuple[bool, ...] = (False, True)
    guardrail: dict[str, Any] | None = None


SILENCE = Fault(kind="silence")
MOMENTS = {
    "before the first token": Moment(((SILENCE, {"provider": "bedrock"}),), (LEFT,)),
    "in its text": Moment(((Fault(kind="stall", after_chunks=9), {"provider": "bedrock"}),), (LEFT,)),
    "in what continues its text": Moment(
        (
            (Fault(kind="cut", after_chunks=9), {"provider": "bedrock"}),
            (Fault(kind="stall", after_chunks=3), {"provider": "anthropic"}),
        ),
        (BROKEN, LEFT),
        streamed=(True,),
    ),
    "while its request is checked": Moment(((SILENCE, {"model": "simguard"}),), (), guardrail={}),
    "while its request is checked beside an attempt": Moment(
        ((SILENCE, {"provider": "bedrock"}),), (LEFT,), guardrail={"parallel": True}
    ),
    "while its answer is checked": Moment(
        ((SILENCE, {"model": "simguard", "skip": 1}),), (LEFT,), streamed=(True,), guardrail={}
    ),
    "in its text under a guardrail that resumed it": Moment(
        (
            (Fault(kind="cut", after_chunks=200), {"model": NOVA["model"]}),
            (Fault(kind="stall", after_chunks=3), {"provider": "anthropic"}),
        ),
        (BROKEN, LEFT),
        streamed=(True,),
        guardrail={},
    ),
}
CASES = [
    *((name, streamed, FORMATS[0]) for name, moment in MOMENTS.items() for streamed in moment.streamed),
    *((name, True, path) for name in ("in its text", "while its answer is checked") for path in FORMATS[1:]),
]


@dataclass
class House:
    router: Router
    notes: Notes
    url: str

    async def probe_is_due(self) -> bool:
        return (await self.router._dependencies.circuits.states(["nova"]))["nova"].probe_due

    async def open_circuit(self) -> None:
        while not await self.router._dependencies.circuits.failed("nova"):
            pass
        while not await self.probe_is_due():
            await asyncio.sleep(0.01)

    async def rate_used(self) -> dict[str, int]:
        left = await self.router._dependencies.rate_limits.left(self.router.config.deployments)
        return {name: RPM - count for name, count in left.items() if count < RPM}


@contextmanager
def house(simulator: SimulatorControl, guardrail: dict[str, Any] | None) -> Iterator[House]:
    models = [
        {"model_name": "nova", "litellm_provider": "bedrock", "params": NOVA},
        {"model_name": "haiku", "litellm_provider": "anthropic", "params": HAIKU},
    ]
    mapping: dict[str, Any] = {"model_list": models, "fallbacks": {"nova": ["haiku"]}}
    mapping["settings"] = {"circuit_open_seconds": 0.05}
    if guardrail is not None:
        own = {"id": "simguard", "version": 1, "region": "us-east-1", "stream_window": 200, **guardrail}
        mapping["guardrail"] = own
    settings = Settings(simulator_url=simulator.url)
    notes = Notes()
    made = assemble(load(settings, mapping), settings)
    router = Router(made.config, replace(made._dependencies, observer=notes))
    with gateway(router) as url:  # type: ignore[arg-type]
        yield House(router, notes, url)


def body(path: str, *, stream: bool, text: str = "Count to 300") -> dict[str, Any]:
    told = {"input": text} if path == "/v1/responses" else {"messages": [{"role": "user", "content": text}]}
    limit = "max_output_tokens" if path == "/v1/responses" else "max_tokens"
    return {"model": "nova", "stream": stream, limit: 900, **told}


@pytest.fixture
def clean(simulator: SimulatorControl) -> Iterator[SimulatorControl]:
    simulator.reset()
    yield simulator
    simulator.reset()


async def leave(url: str, sent: dict[str, Any], simulator: SimulatorControl, moment: Moment) -> None:
    """Ask, and hang up once the last of the faults holds the answer up."""
    async with httpx.AsyncClient(timeout=30) as http:
        asking = asyncio.ensure_future(read(http, url, sent))
        while not held_up(simulator, len(moment.held), asking):
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.2)  # what passes before a stall
        asking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asking


async def read(http: httpx.AsyncClient, url: str, sent: dict[str, Any]) -> None:
    async with http.stream("POST", url, json=sent) as response:
        said = [piece async for piece in response.aiter_bytes()]
    raise AssertionError(f"nothing held it up: {response.status_code} {said[-1:]}")


def held_up(simulator: SimulatorControl, faults: int, asking: asyncio.Future[None]) -> bool:
    if asking.done():
        asking.result()
    return simulator.health()["in_flight"] > 0 and len([r for r in simulator.requests() if r.fault]) >= faults


@pytest.mark.parametrize(
    ("name", "stream", "path"), CASES, ids=[f"{n} {'streamed' if s else 'whole'} {p}" for n, s, p in CASES]
)
async def test_a_caller_that_leaves(clean: SimulatorControl, name: str, stream: bool, path: str) -> None:
    moment = MOMENTS[name]
    for fault, where in moment.held:
        clean.inject(fault, **where)
    with house(clean, moment.guardrail) as asked:
        await asked.open_circuit()
        await leave(f"{asked.url}{path}", body(path, stream=stream), clean, moment)
        wait_until(lambda: len(asked.notes.outcomes) > 0)
        wait_until(lambda: clean.health()["in_flight"] == 0)
        due = await asked.probe_is_due()
        used = await asked.rate_used()
    (outcome,) = asked.notes.outcomes
    assert isinstance(outcome, CallerLeftError)
    assert tuple(one.failure for one in asked.notes.attempts) == moment.attempts
    assert list(outcome.ledger.attempts) == asked.notes.attempts
    assert used == {("nova", "haiku")[n]: 1 for n in range(len(moment.attempts))}
    # An attempt that had the probe gave it back, or, where its stream broke, opened the circuit anew.
    assert due or BROKEN in moment.attempts


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("under", ["nothing", "a guardrail", "a guardrail beside"])
async def test_a_deadline_that_passes(clean: SimulatorControl, under: str, stream: bool) -> None:
    guardrail = None if under == "nothing" else {"parallel": "beside" in under}
    clean.inject(SILENCE, model="simguard")
    clean.inject(SILENCE)
    with house(clean, guardrail) as asked:
        await asked.open_circuit()
        async with httpx.AsyncClient(timeout=30) as http:
            path, hurry = FORMATS[0], {"x-router-timeout-ms": "700"}
            answer = await http.post(f"{asked.url}{path}", json=body(path, stream=stream), headers=hurry)
        wait_until(lambda: clean.health()["in_flight"] == 0)
        due, used = await asked.probe_is_due(), await asked.rate_used()
    assert answer.json()["error"]["code"] == "deadline_exceeded"
    (outcome,) = asked.notes.outcomes
    assert isinstance(outcome, DeadlineExceededError)
    assert list(outcome.ledger.attempts) == asked.notes.attempts
    assert used == {one.deployment: 1 for one in asked.notes.attempts}
    assert [one.deployment for one in asked.notes.attempts] == {
        "nothing": ["nova", "haiku"],
        "a guardrail": [],
        "a guardrail beside": ["nova"],
    }[under]
    assert due
