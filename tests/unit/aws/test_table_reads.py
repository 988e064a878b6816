"""What a request costs at the state table: how many items it reads, and that it writes none."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import pytest

from litellm_fallback_router.bootstrap import build_router
from litellm_fallback_router.routing.router import Router
from litellm_fallback_router.settings import load_settings
from local.simulator import Simulator
from tests.support.fleet import Clock
from tests.support.scripted import question
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

MODEL = "openai-gpt4o"
CHAIN = 5


@pytest.fixture
async def router(dynamodb: DynamoDBClient, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Router]:
    async with Simulator() as simulator:
        router = build_router(
            load_settings({"ROUTER_STATE_TABLE": "gateway-state", "ROUTER_SIMULATOR_URL": simulator.url})
        )
        yield router
        await router.aclose()


async def test_a_request_every_ten_seconds_reads_its_chain_once_and_writes_nothing(router: Router) -> None:
    """Half a read unit for each item: `read_units` in tests/infrastructure/stack/costs.py."""
    clock, calls = Clock(), list[tuple[str, int]]()
    circuits: Any = router._dependencies.circuits
    circuits._clock = clock

    def note(params: dict[str, Any], model: Any, **_: Any) -> None:
        keys = params.get("RequestItems", {}).get("gateway-state", {}).get("Keys", [])
        calls.append((model.name, len(keys)))

    circuits._table._client.meta.events.register("provide-client-params.dynamodb", note)
    for number in range(1, 4):
        await router.complete(question(MODEL))
        await eventually(lambda: len(calls) >= number)  # noqa: B023 - awaited in this very round
        await eventually(circuits._reading.done)
        clock.advance(10)
    assert len(router.config.chain(MODEL)) == CHAIN
    assert calls == [("BatchGetItem", CHAIN + 1)] * 3
