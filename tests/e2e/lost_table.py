"""Two gateways that share a key on a local AWS whose table is throttled, slow, then deleted: one goes on with its own
share, the other refuses, and what was used is settled once the table is back."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import openai
import pytest

from litellm_fallback_router.adapters.dynamodb.accounts import TableAccounts
from litellm_fallback_router.adapters.dynamodb.table import Availability
from litellm_fallback_router.adapters.keys_file import write_keys
from litellm_fallback_router.mapping import ROUTER_STYLE_MAPPING
from litellm_fallback_router.routing.accounts.account import Balance
from litellm_fallback_router.routing.callers import NANO, Budget, CallerKey, KeyEntry
from litellm_fallback_router.routing.interceptors import money_accounts
from local.simulator import simulator_process
from tests.support.fleet import StateNotes
from tests.support.gateway import Gateway, gateway_process
from tests.support.key_hashes import hash_of
from tests.support.ministack import MiniStack, ministack_process
from tests.support.table_proxy import TableProxy, table_proxy

pytestmark = pytest.mark.timeout(300)
TABLE = "gateway-state"
KEY = "sk-router-shared"
BUDGET = Budget.parse("0.2/month")
SHARE = 0.25
MODES = ("fail_open", "fail_closed")


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MiniStack]:
    with ministack_process(tmp_path_factory.mktemp("aws")) as running:
        yield running


@pytest.fixture(scope="module")
def table(aws: MiniStack) -> Iterator[TableProxy]:
    made(aws)
    with table_proxy(aws.url) as proxy:
        yield proxy


def made(aws: MiniStack) -> None:
    aws.client("dynamodb").create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


@pytest.fixture(scope="module")
def gateways(
    aws: MiniStack, table: TableProxy, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Gateway]]:
    keys = tmp_path_factory.mktemp("keys") / "keys.json"
    write_keys(keys, [KeyEntry(CallerKey("shared", max_usd=BUDGET), hash_of(KEY), created_at=1)])
    env = {
        **aws.credentials,
        "AWS_ENDPOINT_URL": table.url,
        "ROUTER_STATE_TABLE": TABLE,
        "GATEWAY_KEYS_FILE": str(keys),
    }
    with ExitStack() as stack:
        simulator = stack.enter_context(simulator_process())
        yield {
            mode: stack.enter_context(
                gateway_process(
                    tmp_path_factory.mktemp(mode),
                    {**ROUTER_STYLE_MAPPING, "budgets": {"on_state_loss": mode, "local_share": SHARE}},
                    simulator_url=simulator.url,
                    env=env,
                )
            )
            for mode in MODES
        }


def balance(aws: MiniStack) -> Balance:
    store = TableAccounts(aws.client("dynamodb"), TABLE, Availability(StateNotes()))
    slot = money_accounts("key#shared", BUDGET).slot(time.time())
    return asyncio.run(store.balance(slot, time.time()))


def settled(aws: MiniStack) -> Balance:
    """The account once nothing is held any more."""
    until = time.monotonic() + 60
    while (found := balance(aws)).held:
        assert time.monotonic() < until, f"still held: {found}"
        time.sleep(0.5)
    return found


def ask(gateway: Gateway, max_tokens: int = 400) -> int:
    """Billionths of a USD that a request has cost."""
    with gateway.client() as keyless:
        answer: Any = keyless.with_options(api_key=KEY).chat.completions.create(
            model="openai-gpt4o",
            messages=[{"role": "user", "content": "What is the capital of France?"}],
            max_tokens=max_tokens,
            extra_body={"router": {"explain": True, "fallback": False}},
        )
    return sum(round((attempt["cost_usd"] or 0) * NANO) for attempt in answer.router["attempts"])


def seconds(work: Any) -> tuple[Any, float]:
    began = time.monotonic()
    return work(), time.monotonic() - began


def refused(gateway: Gateway) -> openai.APIStatusError:
    with pytest.raises(openai.APIStatusError) as caught:
        ask(gateway)
    return caught.value


def answered(gateway: Gateway) -> int:
    """What the first request costs that is answered once the table is back."""
    until = time.monotonic() + 60
    while True:
        try:
            return ask(gateway)
        except openai.InternalServerError as error:
            assert error.status_code == 503
            assert time.monotonic() < until, "the table is back, and is not asked"
            time.sleep(0.5)


def test_what_is_used_beside_a_table_in_trouble_is_settled_when_it_is_back(
    gateways: dict[str, Gateway], aws: MiniStack, table: TableProxy, capsys: pytest.CaptureFixture[str]
) -> None:
    total = sum(ask(gateway) for gateway in gateways.values() for _ in range(3))
    assert settled(aws).spent == total
    took = {}
    for trouble in ("throttled", "slow"):
        table.trouble = trouble
        used, took[trouble, "fail_open"] = seconds(lambda: ask(gateways["fail_open"]))
        total += used
        error, took[trouble, "fail_closed"] = seconds(lambda: refused(gateways["fail_closed"]))
        assert (error.status_code, error.response.headers["retry-after"]) == (503, "1")
        assert gateways["fail_closed"].log.read_text().count("state_unavailable") > 0
        # Its own share, and no more: a request that may cost more than that of the whole budget is refused.
        with pytest.raises(openai.RateLimitError) as poor:
            ask(gateways["fail_open"], max_tokens=8_000)
        assert poor.value.code == "budget_exceeded"
        table.trouble = "none"
        total += answered(gateways["fail_closed"])
        assert settled(aws).spent == total
    with capsys.disabled():
        sys.stdout.write(f"\n{ {' '.join(name): round(took[name], 2) for name in took} } seconds\n")


def test_a_table_that_is_deleted_is_lost_and_accounts_begin_full_in_a_new_one(
    gateways: dict[str, Gateway], aws: MiniStack
) -> None:
    settled(aws)
    aws.client("dynamodb").delete_table(TableName=TABLE)
    used = ask(gateways["fail_open"])
    assert refused(gateways["fail_closed"]).status_code == 503
    made(aws)
    used += answered(gateways["fail_closed"])
    until = time.monotonic() + 60
    while (found := balance(aws)).spent != used or found.held:
        assert time.monotonic() < until, f"{found}, and {used} was used"
        time.sleep(0.5)
