"""Circuits that function environments share through the state table."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from botocore.endpoint import Endpoint

from litellm_fallback_router.adapters.dynamodb import circuits
from litellm_fallback_router.adapters.dynamodb.circuit_table import CircuitTable
from litellm_fallback_router.adapters.dynamodb.circuits import USABLE
from litellm_fallback_router.adapters.memory import MemoryRateLimits
from litellm_fallback_router.routing.execution.cooldowns import Cooldowns
from litellm_fallback_router.routing.failures import FailureKind
from litellm_fallback_router.routing.interceptors import RouterDependencies
from litellm_fallback_router.routing.mapping.config import RouterConfig
from litellm_fallback_router.routing.plan.health import Health
from litellm_fallback_router.routing.plan.planner import plan
from litellm_fallback_router.routing.router import Router
from tests.support.fleet import OPEN_SECONDS, Calls, Clock, Environment
from tests.support.scripted import AllKeys, Notes, ScriptedProvider, config_of, deployment, fails, question
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

TABLE = "gateway-state"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def table(dynamodb: DynamoDBClient, monkeypatch: pytest.MonkeyPatch) -> CircuitTable:
    # A busy machine is not a slow table.
    monkeypatch.setattr(circuits, "READ_WAIT", 10.0)
    monkeypatch.setattr(circuits, "PROBE_WAIT", 10.0)
    return CircuitTable(dynamodb, TABLE, probe_seconds=60)


def stored(table: CircuitTable, deployment: str = "gpt") -> str:
    circuit = table.read([deployment]).circuits.get(deployment)
    return circuit.state if circuit else "none"


async def opened(table: CircuitTable, clock: Clock) -> Environment:
    """An environment that has opened the circuit."""
    environment = Environment(table, clock)
    await environment.fail()
    await eventually(lambda: stored(table) == "OPEN")
    return environment


async def test_a_circuit_opened_by_one_environment_is_open_in_another(table: CircuitTable, clock: Clock) -> None:
    await opened(table, clock)
    state = await Environment(table, clock).state()
    assert state.open
    assert not state.probe_due
    assert 0 < state.retry_after <= OPEN_SECONDS


async def test_an_environment_that_was_idle_sees_the_circuit_that_opened_meanwhile(
    table: CircuitTable, clock: Clock
) -> None:
    idle = Environment(table, clock)
    assert not (await idle.state()).open
    clock.advance(USABLE + 1)
    await opened(table, clock)
    assert (await idle.state()).open


async def test_a_busy_environment_uses_what_it_knows_and_reads_behind_the_request(
    table: CircuitTable, clock: Clock
) -> None:
    busy = Environment(table, clock)
    await busy.state()
    await opened(table, clock)
    assert not (await busy.state()).open
    clock.advance(6)
    assert not (await busy.state()).open
    await eventually(busy.is_open)


async def test_healthy_deployments_cost_no_write_and_one_read_in_five_seconds(
    table: CircuitTable, dynamodb: DynamoDBClient, clock: Clock
) -> None:
    calls = Calls.of(dynamodb)
    environment = Environment(table, clock)
    for _ in range(20):
        await environment.state()
        await environment.circuits.failed("gpt")
        await environment.circuits.succeeded("gpt", seconds=0.0)
    assert calls.take() == ["BatchGetItem"]


async def test_two_failures_in_a_row_leave_the_circuit_closed(table: CircuitTable, clock: Clock) -> None:
    environment = Environment(table, clock)
    await environment.fail(2)
    await environment.circuits.succeeded("gpt", seconds=0.0)
    await environment.fail(2)
    assert not (await environment.state()).open
    assert stored(table) == "none"


async def test_one_environment_of_many_gets_the_probe(
    table: CircuitTable, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On a busy machine the table's answer takes longer, and whoever gives up waiting for it probes.
    monkeypatch.setattr(circuits, "PROBE_WAIT", 10.0)
    # DynamoDB checks a condition and writes in one step; moto does so in two, between which other threads may come.
    one_by_one, call = threading.Lock(), Endpoint.make_request

    def called(self: Endpoint, *arguments: Any) -> Any:
        with one_by_one:
            return call(self, *arguments)

    monkeypatch.setattr(Endpoint, "make_request", called)
    await opened(table, clock)
    clock.advance(OPEN_SECONDS + 1)
    fleet = [Environment(table, clock) for _ in range(8)]
    assert all([await environment.probe_due() for environment in fleet])
    won = await asyncio.gather(*(environment.circuits.acquire_probe("gpt") for environment in fleet))
    assert won.count(True) == 1
    assert not any([await environment.probe_due() for environment in fleet])


async def test_one_request_of_an_environment_gets_the_probe(table: CircuitTable, clock: Clock) -> None:
    environment = await opened(table, clock)
    clock.advance(OPEN_SECONDS + 1)
    won = await asyncio.gather(*(environment.circuits.acquire_probe("gpt") for _ in range(8)))
    assert won.count(True) == 1


async def test_a_probe_that_succeeds_closes_the_circuit_for_all(table: CircuitTable, clock: Clock) -> None:
    prober = await opened(table, clock)
    other = Environment(table, clock)
    assert (await other.state()).open
    clock.advance(OPEN_SECONDS + 1)
    assert await prober.circuits.acquire_probe("gpt")
    await prober.circuits.succeeded("gpt", seconds=0.0)
    assert not (await prober.state()).open
    await eventually(lambda: stored(table) == "CLOSED")
    clock.advance(USABLE + 1)
    assert not (await other.state()).open
    assert prober.notes.moves == [("gpt", "open"), ("gpt", "half_open"), ("gpt", "closed")]


async def test_a_probe_that_fails_opens_the_circuit_anew(table: CircuitTable, clock: Clock) -> None:
    prober = await opened(table, clock)
    clock.advance(OPEN_SECONDS + 1)
    assert await prober.circuits.acquire_probe("gpt")
    assert not await prober.circuits.failed("gpt", probe=True)
    await eventually(lambda: stored(table) == "OPEN")
    state = await Environment(table, clock).state()
    assert state.open
    assert not state.probe_due


async def test_a_probe_without_a_verdict_is_free_for_the_next_at_once(table: CircuitTable, clock: Clock) -> None:
    prober = await opened(table, clock)
    clock.advance(OPEN_SECONDS + 1)
    assert await prober.circuits.acquire_probe("gpt")
    await prober.circuits.released("gpt")
    await eventually(lambda: stored(table) == "OPEN")
    assert (await Environment(table, clock).state()).probe_due


async def test_a_caller_that_leaves_while_the_probe_is_acquired_gives_it_back(
    table: CircuitTable, clock: Clock
) -> None:
    prober = await opened(table, clock)
    clock.advance(OPEN_SECONDS + 1)
    acquiring = asyncio.create_task(prober.circuits.acquire_probe("gpt"))
    await asyncio.sleep(0)
    acquiring.cancel()
    with pytest.raises(asyncio.CancelledError):
        await acquiring
    await eventually(prober.probe_due)
    await eventually(lambda: stored(table) == "OPEN")


async def test_a_probe_whose_environment_died_is_taken_over_after_its_lease(dynamodb: DynamoDBClient) -> None:
    table = CircuitTable(dynamodb, TABLE, probe_seconds=3)
    table.open("gpt", 3, int(time.time()) - 60)
    assert table.acquire_probe("gpt", "one with a stale reading", 1) is False
    circuit = table.read(["gpt"]).circuits["gpt"]
    assert table.acquire_probe("gpt", "the one that dies", circuit.opened_at)
    assert not (await Environment(table, time.time, probe_seconds=3).state()).probe_due
    heir = Environment(table, time.time, probe_seconds=3)
    await eventually(heir.probe_due)
    assert await heir.circuits.acquire_probe("gpt")


async def test_an_older_reading_does_not_undo_what_this_environment_has_just_seen(
    dynamodb: DynamoDBClient, clock: Clock
) -> None:
    gate = asyncio.Event()
    loop = asyncio.get_running_loop()

    class SlowWrites(CircuitTable):
        def open(self, deployment: str, failures: int, opened_at: int) -> None:
            asyncio.run_coroutine_threadsafe(gate.wait(), loop).result(10)
            super().open(deployment, failures, opened_at)

    table = SlowWrites(dynamodb, TABLE, probe_seconds=60)
    environment = Environment(table, clock)
    await environment.fail()
    assert (await environment.state()).open  # read just now: the table has nothing yet
    clock.advance(0.5)
    gate.set()
    await eventually(lambda: stored(table) == "OPEN")
    assert (await environment.state()).open


async def test_a_drained_deployment_is_out_of_service_until_it_is_restored(table: CircuitTable, clock: Clock) -> None:
    table.drain("gpt")
    environment = Environment(table, clock)
    state = await environment.state()
    assert state.drained
    assert not await environment.circuits.acquire_probe("gpt")
    await environment.fail()
    await eventually(lambda: stored(table) == "OPEN")
    clock.advance(OPEN_SECONDS + USABLE)
    assert (await environment.state()).drained
    table.restore("gpt")
    clock.advance(USABLE + 1)
    assert not (await environment.state()).open


async def test_a_drained_deployment_is_not_even_the_last_resort(table: CircuitTable, clock: Clock) -> None:
    table.drain("gpt")
    health = Health(await Environment(table, clock).circuits.states(["gpt"]))
    alone = deployment("gpt")
    decided = plan(question("gpt"), RouterConfig((alone,), {"gpt": ("gpt",)}), health, rng=random.Random(1))
    assert decided.candidates == ()
    assert [drop.code for drop in decided.dropped] == ["drained"]


async def test_more_circuits_than_fit_one_batch_are_read(table: CircuitTable) -> None:
    names = [f"model-{number}" for number in range(250)]
    await asyncio.gather(*(asyncio.to_thread(partial(table.open, name, 3, 1)) for name in names[::50]))
    assert sorted(table.read(names).circuits) == sorted(names[::50])


def router_of(environment: Environment, provider: ScriptedProvider) -> Router:
    outside = RouterDependencies(
        provider=provider,
        keys=AllKeys(),
        circuits=environment.circuits,
        rate_limits=MemoryRateLimits(),
        observer=Notes(),
        cooldowns=Cooldowns(),
        rng=random.Random(1),
    )
    return Router(config_of(deployment("gpt"), deployment("claude"), backoff_base=0.0), outside)


async def test_an_outage_that_one_environment_has_met_costs_another_no_attempt(
    table: CircuitTable, clock: Clock
) -> None:
    down = ScriptedProvider({"gpt": [fails(FailureKind.UNAVAILABLE)]})
    first = router_of(Environment(table, clock), down)
    for _ in range(2):
        assert (await first.complete(question("gpt"))).deployment.id == "claude"
    await eventually(lambda: stored(table) == "OPEN")
    asked = len(down.calls)
    answer = await router_of(Environment(table, clock), down).complete(question("gpt"))
    assert answer.deployment.id == "claude"
    assert down.asked[asked:] == ["claude"]
    assert [drop.code for drop in answer.ledger.dropped] == ["circuit_open"]
