"""A key with a budget on a local AWS: what its environments spend together is in the table when an answer ends."""

from __future__ import annotations

import asyncio
import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from openai import OpenAI, RateLimitError

from litellm_fallback_router.adapters.dynamodb.accounts import TableAccounts
from litellm_fallback_router.adapters.dynamodb.spend import TableSpend
from litellm_fallback_router.adapters.dynamodb.table import Availability
from litellm_fallback_router.routing.accounts import Balance
from litellm_fallback_router.routing.callers import NANO, Budget
from litellm_fallback_router.routing.interceptors import money_accounts
from tests.support.deployed import Deployed
from tests.support.fleet import StateNotes
from tests.support.key_hashes import hash_of

pytestmark = pytest.mark.timeout(420)
BUDGET = Budget.parse("0.0025/month")
ENVIRONMENTS = 2
THROTTLED = 10
"""Most tries of a request that API Gateway throttles."""


def key_id(deployed: Deployed, key: str) -> str:
    stored = {"pk": {"S": f"key#{hash_of(key)}"}}
    table = deployed.aws.client("dynamodb")
    return str(table.get_item(TableName=deployed.outputs["StateTableName"], Key=stored)["Item"]["id"]["S"])


def balance(deployed: Deployed, who: str) -> Balance:
    store = TableAccounts(
        deployed.aws.client("dynamodb"), deployed.outputs["StateTableName"], Availability(StateNotes())
    )
    slot = money_accounts(f"key#{who}", BUDGET).slot(time.time())
    return asyncio.run(store.balance(slot, time.time()))


def ask(client: OpenAI) -> int | None:
    """Billionths of a USD in the ledger; None: refused."""
    question: list[Any] = [{"role": "user", "content": "What is the capital of France?"}]
    for _ in range(THROTTLED):
        try:
            raw = client.chat.completions.with_raw_response.create(
                model="openai-gpt4o", messages=question, max_tokens=200, extra_body={"router": {"explain": True}}
            )
        except RateLimitError as error:
            if error.code == "budget_exceeded":
                return None
            time.sleep(1)  # as the plan's refusal says
        else:
            attempts = json.loads(raw.text)["router"]["attempts"]
            return sum(round((attempt["cost_usd"] or 0) * NANO) for attempt in attempts)
    raise AssertionError("its plan refuses it for good")


def test_environments_share_a_budget_which_is_settled_when_an_answer_ends(deployed: Deployed) -> None:
    key = deployed.command("keys", "create", "--plan", "standard", "--name", "poor", "--max-usd", str(BUDGET))
    who, client = key_id(deployed, key), deployed.client(key)
    cost = ask(client)
    assert cost
    found = balance(deployed, who)
    assert (found.spent, found.held) == (cost, 0), "nothing is left to be written after the answer"
    total = cost
    with ThreadPoolExecutor(ENVIRONMENTS) as pool:
        for _ in range(60):
            costs = list(pool.map(ask, [client] * ENVIRONMENTS))
            total += sum(one or 0 for one in costs)
            if None in costs:
                break
    found = balance(deployed, who)
    assert None in costs
    assert (found.spent, found.held) == (total, 0)
    assert found.spent <= BUDGET.nano_usd
    log = TableSpend(deployed.aws.client("dynamodb"), deployed.outputs["StateTableName"], Availability(StateNotes()))
    lines = [line for line in asyncio.run(log.read("2000-01-01", "2999-12-31")) if line.caller == who]
    assert sum(line.nano_usd for line in lines) == total
