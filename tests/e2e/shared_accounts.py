"""Processes that share an account in the DynamoDB of a local AWS: none is killed, or one between reserving and
settling."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from litellm_fallback_router.routing.accounts import Account, Balance
from litellm_fallback_router.routing.callers import NANO, Period
from tests.support.account_worker import ACCOUNT, store
from tests.support.ministack import MiniStack, ministack_process
from tests.support.stacks import make_state_table

pytestmark = pytest.mark.timeout(300)
TABLE = "accounts"
AT_ONCE = 100


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MiniStack]:
    with ministack_process(tmp_path_factory.mktemp("aws")) as running:
        yield running


@pytest.fixture
def table(aws: MiniStack, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in aws.credentials.items():
        monkeypatch.setenv(name, value)
    name = f"{TABLE}-{abs(hash(request.node.name)) % 10**9}"
    make_state_table(aws.client("dynamodb"), name)
    return name


def worker(table: str, how: str, *, limit: int = NANO, hold: int = 0) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.support.account_worker", table, str(limit), how, str(hold), str(AT_ONCE)]
    return subprocess.Popen(
        command, env=dict(os.environ), cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True
    )


def used(process: subprocess.Popen[str]) -> int:
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    return int(output)


def balance(table: str) -> Balance:
    slot = Account(ACCOUNT, NANO, Period.EVER).slot(0)
    return asyncio.run(store(table).balance(slot, time.time()))


@pytest.mark.parametrize("how", ["ahead", "exact"])
def test_two_processes_never_spend_more_than_a_dollar_and_the_account_is_the_sum_of_both(table: str, how: str) -> None:
    total = 0
    for _ in range(3):
        together = [worker(table, how) for _ in range(2)]
        total += sum(used(process) for process in together)
        found = balance(table)
        assert (found.spent, found.held, found.assumed) == (total, 0, 0)
        assert found.spent == sum(found.by_detail.values()) <= NANO
    assert found.left < NANO // 50, "and nearly all of it can be spent"


def test_what_a_killed_process_holds_stays_gone_and_nothing_else_does(table: str) -> None:
    doomed = worker(table, "ahead", hold=NANO // 4)
    assert doomed.stdout is not None
    assert doomed.stdout.readline() == "held\n"
    doomed.kill()
    doomed.wait(timeout=20)
    total = sum(used(worker(table, "exact")) for _ in range(4))
    found = balance(table)
    assert (found.spent, found.held) == (total, NANO // 4)
    assert found.spent + found.held <= NANO
