"""What callers have spent is written once a second, once, and adds up to what their ledgers say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from litellm_fallback_router.adapters.local_accounts import LocalSpend
from litellm_fallback_router.routing.accounts import Spending, SpendLine, StoreLostError
from litellm_fallback_router.routing.accounts.spending import MOST_LINES, OTHERS
from litellm_fallback_router.routing.callers import NANO, CallerKey
from litellm_fallback_router.routing.failures import FailureKind as Kind
from tests.support.scripted import CUT, Rig, ScriptedProvider, Step, config_of, deployment, fails, question, read, says
from tests.support.virtual_time import run_virtually

TODAY = datetime.fromtimestamp(1_800_000_000.0, UTC).date().isoformat()
KEY = CallerKey("ab12")


def clock() -> float:
    return 1_800_000_000.0


class Remembered:
    """A SpendLog in memory, which can be lost before or after it has added a batch."""

    def __init__(self) -> None:
        self.lines: dict[tuple[str, str, str], SpendLine] = {}
        self.done: set[str] = set()
        self.calls = 0
        self.lost = ""

    async def add(self, batch: str, lines: Sequence[SpendLine]) -> None:
        self.calls += 1
        if self.lost == "before":
            raise StoreLostError("lost")
        if batch not in self.done:
            self.done.add(batch)
            for line in lines:
                former = self.lines.get(line.key)
                self.lines[line.key] = line if former is None else former + line
        if self.lost == "after":
            raise StoreLostError("lost")

    async def read(self, first: str, last: str) -> list[SpendLine]:
        return list(self.lines.values())


@pytest.fixture
async def local(tmp_path: Path) -> AsyncIterator[LocalSpend]:
    log = LocalSpend(tmp_path / "keys.json.spend")
    yield log
    log.shut()


def spending_rig(log: Remembered, **scripts: list[Step]) -> Rig:
    rig = Rig(config_of(deployment("a"), deployment("b")), ScriptedProvider(scripts))
    dependencies = rig.router._dependencies
    rig.router._dependencies = replace(dependencies, spending=Spending(log, {"a": "a", "b": "b"}, clock))
    return rig


def test_lines_are_the_sums_of_the_ledgers_and_a_request_counts_once() -> None:
    async def main() -> None:
        log = Remembered()
        rig = spending_rig(log, a=[fails(Kind.UNAVAILABLE), CUT, says("Paris.")], b=[says("It is Paris.")])
        ledgers = [(await rig.router.complete(question(key=KEY))).ledger]
        ledgers.append((await read(rig.router, question(key=KEY)))[1].ledger)
        ledgers.append((await rig.router.complete(question())).ledger)
        await rig.router.aclose()
        attempts = [attempt for ledger in ledgers for attempt in ledger.attempts]
        lines = await log.read(TODAY, TODAY)
        assert {line.key for line in lines} >= {(TODAY, "ab12", "b"), (TODAY, "", "a")}
        assert sum(line.requests for line in lines) == 3
        assert sum(line.nano_usd for line in lines) == sum(round((a.cost_usd or 0) * NANO) for a in attempts) > 0
        assert sum(line.completion_tokens for line in lines) == sum(
            a.usage.completion_tokens for a in attempts if a.usage
        )
        wasted = sum(round((a.cost_usd or 0) * NANO) for a in attempts if a.wasted)
        assert sum(line.wasted_nano_usd for line in lines) == wasted

    run_virtually(main())


def test_many_requests_of_a_second_are_one_write() -> None:
    async def main() -> None:
        log = Remembered()
        rig = spending_rig(log)
        await asyncio.gather(*(rig.router.complete(question(key=KEY)) for _ in range(50)))
        await asyncio.sleep(1.5)
        assert log.calls == 1
        (line,) = await log.read(TODAY, TODAY)
        assert line.requests == 50

    run_virtually(main())


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_batch_whose_answer_was_lost_is_counted_once(when: str) -> None:
    async def main() -> None:
        log = Remembered()
        rig = spending_rig(log)
        log.lost = when
        for _ in range(3):
            await rig.router.complete(question(key=KEY))
            await asyncio.sleep(2.0)
        log.lost = ""
        await asyncio.sleep(2.0)
        (line,) = await log.read(TODAY, TODAY)
        assert line.requests == 3

    run_virtually(main())


def test_more_callers_than_can_wait_are_counted_together() -> None:
    async def main() -> None:
        log = Remembered()
        rig = spending_rig(log)
        result = await rig.router.complete(question())
        spending = Spending(log, {"a": "a"}, clock)
        for number in range(MOST_LINES + 5):
            spending.record(question(key=CallerKey(str(number))), result.ledger)
        await spending.flush()
        assert log.lines[TODAY, OTHERS, ""].requests == 5

    run_virtually(main())


async def test_two_processes_add_to_the_same_file_and_days_are_chosen(local: LocalSpend, tmp_path: Path) -> None:
    other = LocalSpend(tmp_path / "keys.json.spend")
    line = SpendLine("2026-11-29", "k", "gpt-4o", 5, 1, 1, 10, 20)
    for log in (local, other, local):
        await log.add("batch", [line, SpendLine("2026-11-28", "k", "gpt-4o", 7)])
    other.shut()
    assert await local.read("2026-11-29", "2026-12-31") == [SpendLine("2026-11-29", "k", "gpt-4o", 15, 3, 3, 30, 60)]
    assert [found.nano_usd for found in await local.read("2026-11-01", "2026-11-30")] == [21, 15]


async def test_a_file_that_stays_busy_is_a_lost_store_and_nothing_was_added(
    local: LocalSpend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("litellm_fallback_router.adapters.local_accounts.BUSY_SECONDS", 0.05)
    other = LocalSpend(tmp_path / "keys.json.spend")
    local._db.execute("begin immediate")
    with pytest.raises(StoreLostError):
        await other.add("batch", [SpendLine("2026-11-29", "k", "gpt-4o", 5)])
    local._db.execute("rollback")
    assert await other.read("2026-11-29", "2026-11-29") == []
    other.shut()
