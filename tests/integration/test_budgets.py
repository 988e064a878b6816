"""Budgets over real sockets: many streams at once, two processes of one machine, one of them killed."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest

from litellm_fallback_router.adapters.keys_file import write_keys
from litellm_fallback_router.adapters.local_accounts import LocalAccounts
from litellm_fallback_router.dependencies import spend_file
from litellm_fallback_router.mapping import ROUTER_STYLE_MAPPING
from litellm_fallback_router.routing.accounts import Balance
from litellm_fallback_router.routing.callers import NANO, Budget, CallerKey, KeyEntry
from litellm_fallback_router.routing.interceptors import money_accounts
from local.simulator import SimulatorControl
from tests.support.gateway import Gateway, gateway_process
from tests.support.key_hashes import hash_of
from tests.support.waiting import wait_until

CENTS = Budget.parse("0.03/month")
POOR, RICH, SLOW, DOOMED = "sk-router-poor", "sk-router-rich", "sk-router-slow", "sk-router-doomed"
BUDGETS = {POOR: CENTS, RICH: Budget.parse("100/month"), SLOW: Budget.parse("100/month"), DOOMED: CENTS}
STREAMS = 200


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "keys.json"
    entries = [
        KeyEntry(
            CallerKey(name.removeprefix("sk-router-"), max_usd=budget, rpm=2 if name == SLOW else None),
            hash_of(name),
            created_at=1,
        )
        for name, budget in BUDGETS.items()
    ]
    write_keys(path, entries)
    return path


@pytest.fixture(scope="module")
def gateways(
    simulator: SimulatorControl, keys: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Gateway, Gateway]]:
    """Two processes on one file."""
    mapping = {**ROUTER_STYLE_MAPPING, "budgets": {"tags": {"blue": "1/day"}}}
    with ExitStack() as stack:
        started = [
            stack.enter_context(
                gateway_process(
                    tmp_path_factory.mktemp(f"budgets{n}"),
                    mapping,
                    simulator_url=simulator.url,
                    env={"GATEWAY_KEYS_FILE": str(keys)},
                )
            )
            for n in range(2)
        ]
        yield started[0], started[1]


def balance_of(keys: Path, key: str) -> Balance:
    store = LocalAccounts(spend_file(keys))
    try:
        account = money_accounts(f"key#{key.removeprefix('sk-router-')}", BUDGETS[key])
        return asyncio.run(store.balance(account.slot(time.time()), time.time()))
    finally:
        store.shut()


def settled(keys: Path, key: str) -> Balance:
    """The account once nothing is held any more."""
    wait_until(lambda: not balance_of(keys, key).held, 30)
    return balance_of(keys, key)


def body(**fields: Any) -> dict[str, Any]:
    question = [{"role": "user", "content": "What is the capital of France?"}]
    return {"model": "openai-gpt4o", "messages": question, "max_tokens": 400, **fields}


async def nano_of_stream(client: openai.AsyncOpenAI, key: str, leave_after: int | None = None) -> int | None:
    """Billionths of a USD in the ledger of one stream; None: it was refused, or the caller left."""
    try:
        stream = await client.with_options(api_key=key).chat.completions.create(
            **body(stream=True), extra_body={"router": {"explain": True}}
        )
    except openai.RateLimitError as error:
        assert error.code == "budget_exceeded"
        # What the other streams hold may be back soon; what is spent is not before the budget is full again.
        wait = int(error.response.headers["retry-after"])
        assert wait > 0
        assert error.response.headers.get("x-should-retry") == ("false" if wait > 60 else None)
        return None
    nano, seen = None, 0
    async for chunk in stream:
        seen += 1
        if seen == leave_after:
            await stream.close()
            return None
        router = (chunk.model_extra or {}).get("router")
        if router is not None:
            nano = sum(round((attempt["cost_usd"] or 0) * NANO) for attempt in router["attempts"])
    assert nano is not None
    return nano


def test_streams_at_once_through_two_processes_never_spend_more_than_their_key_and_the_account_is_their_sum(
    gateways: tuple[Gateway, Gateway], keys: Path
) -> None:
    async def rush() -> list[int | None]:
        async with gateways[0].async_client() as one, gateways[1].async_client() as two:
            return await asyncio.gather(*(nano_of_stream((one, two)[n % 2], POOR) for n in range(STREAMS)))

    spent: list[int] = []
    for _ in range(12):
        outcomes = asyncio.run(rush())
        spent += [nano for nano in outcomes if nano is not None]
        found = settled(keys, POOR)
        assert found.spent == sum(spent) <= CENTS.nano_usd
        if None in outcomes and found.left < CENTS.nano_usd // 5:
            break
    assert sum(found.by_detail.values()) == found.spent
    assert found.left < CENTS.nano_usd // 5, "it could be spent, too"


def test_callers_that_leave_are_charged_for_what_was_sent(gateways: tuple[Gateway, Gateway], keys: Path) -> None:
    async def leave() -> None:
        async with gateways[0].async_client() as client:
            await asyncio.gather(*(nano_of_stream(client, RICH, leave_after=2) for _ in range(20)))

    before = settled(keys, RICH).spent
    asyncio.run(leave())
    wait_until(lambda: settled(keys, RICH).spent > before)


def test_what_a_killed_process_had_reserved_stays_gone(
    simulator: SimulatorControl, keys: Path, tmp_path: Path, gateways: tuple[Gateway, Gateway]
) -> None:
    """The process is killed while its streams are under way: what they cost is unknown, so it counts as spent."""

    async def begin(gateway: Gateway) -> None:
        async with gateway.async_client() as client:
            streams = [
                await client.with_options(api_key=DOOMED).chat.completions.create(**body(stream=True)) for _ in range(3)
            ]
            for stream in streams:
                await anext(aiter(stream))
            os.kill(gateway.process.pid, signal.SIGKILL)
            gateway.process.wait(timeout=20)

    env = {"GATEWAY_KEYS_FILE": str(keys)}
    before = simulator.settings()["chunk_delay"]
    simulator.settings(chunk_delay=0.5)
    try:
        with gateway_process(tmp_path, ROUTER_STYLE_MAPPING, simulator_url=simulator.url, env=env) as doomed:
            asyncio.run(begin(doomed))
    finally:
        simulator.settings(chunk_delay=before)
    found = balance_of(keys, DOOMED)
    assert found.spent == 0
    assert found.held > 0, "three answers of at most 400 tokens"

    async def use_up() -> int:
        async with gateways[0].async_client() as client:
            return sum([await nano_of_stream(client, DOOMED) or 0 for _ in range(150)])

    used = asyncio.run(use_up())
    assert settled_beside(keys, found.held) == used <= CENTS.nano_usd - found.held


def settled_beside(keys: Path, gone: int) -> int:
    wait_until(lambda: balance_of(keys, DOOMED).held == gone, 30)
    return balance_of(keys, DOOMED).spent


def test_a_key_out_of_its_rate_is_told_when_to_come_again_in_each_format(gateways: tuple[Gateway, Gateway]) -> None:
    client = gateways[0].client().with_options(api_key=SLOW)
    if time.time() % 60 > 50:
        time.sleep(60 - time.time() % 60)  # all of it happens within one minute
    for _ in range(2):
        client.chat.completions.create(**body())
    with pytest.raises(openai.RateLimitError, match="2 requests a minute") as refused:
        client.chat.completions.create(**body())
    assert refused.value.code == "rate_limit_exceeded"
    assert 0 < int(refused.value.response.headers["retry-after"]) <= 60
    claude = anthropic.Anthropic(base_url=gateways[0].url, api_key=SLOW, max_retries=0)
    with pytest.raises(anthropic.RateLimitError, match="2 requests a minute"):
        claude.messages.create(model="anthropic-claude-sonnet", max_tokens=9, messages=body()["messages"])


def test_a_tag_without_a_budget_is_refused_by_name_in_header_and_body(gateways: tuple[Gateway, Gateway]) -> None:
    client = gateways[0].client().with_options(api_key=RICH)
    client.chat.completions.create(**body(metadata={"tag": "blue"}))
    with pytest.raises(openai.BadRequestError, match="unknown tag 'red'; known: blue") as refused:
        client.chat.completions.create(**body(metadata={"tag": "red"}))
    assert refused.value.param == "metadata.tag"
    with pytest.raises(openai.BadRequestError, match="x-router-tag"):
        client.chat.completions.create(**body(), extra_headers={"x-router-tag": "red"})
