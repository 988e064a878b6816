"""`fallback-router spend` for a file on this machine and for a deployed stack: a table, CSV and a picture."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

from litellm_fallback_router.adapters.dynamodb.spend import TableSpend
from litellm_fallback_router.adapters.dynamodb.table import Availability
from litellm_fallback_router.adapters.keys_file import write_keys
from litellm_fallback_router.adapters.local_accounts import LocalSpend
from litellm_fallback_router.commands.spend_picture import COLOURS, draw
from litellm_fallback_router.routing.accounts import SpendLine
from litellm_fallback_router.routing.callers import NANO, CallerKey, KeyEntry
from litellm_fallback_router.routing.ports import SpendLog
from tests.support.commands import Run
from tests.support.fleet import StateNotes
from tests.unit.aws.conftest import TABLE
from tests.unit.aws.test_operator_commands import STACK, deploy

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

Spend = Callable[..., tuple[int, str, str]]
SVG = "{http://www.w3.org/2000/svg}"


def day(ago: int) -> str:
    return str(datetime.now(UTC).date() - timedelta(days=ago))


LINES = [
    SpendLine(day(0), "aaaa", "gpt", 2 * NANO, NANO // 2, 3, 1000, 200),
    SpendLine(day(1), "aaaa", "gpt", NANO // 4, 0, 1, 10, 2),
    SpendLine(day(1), "bbbb", "nova", 5 * NANO, 0, 4, 40, 8),
    SpendLine(day(9), "", "nova", 7 * NANO, 0, 1, 1, 1),
]


@pytest.fixture(params=["file", "deployed"])
def spend(request: pytest.FixtureRequest, run: Run, dynamodb: DynamoDBClient, tmp_path: Path) -> Spend:
    """The command for a place in which there are `LINES`; the key `aaaa` of the file has a name."""
    log: SpendLog
    if request.param == "file":
        named = KeyEntry(CallerKey("aaaa", name="team <a>"), "a" * 64, created_at=1)
        write_keys(tmp_path / "keys.json", [named])
        log, options = LocalSpend(tmp_path / "keys.json.spend"), ["--file", str(tmp_path / "keys.json")]
    else:
        deploy(STACK, {})
        log, options = TableSpend(dynamodb, TABLE, Availability(StateNotes())), ["--stack", STACK]
    asyncio.run(log.add("batch", LINES))
    return lambda *arguments: run("spend", *arguments, *options)


def rows(out: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(out)))


def test_a_table_by_caller_and_model_the_dearest_first_with_a_sum(spend: Spend) -> None:
    code, out, _ = spend("--days", "7")
    assert code == 0
    lines = [line for line in out.splitlines() if line.startswith("│")]
    assert ["bbbb" in lines[0], "aaaa" in lines[1], "│ all" in lines[2]] == [True, True, True]
    assert all(amount in lines[1] for amount in ("2.2500", "0.5000", "1,010"))
    assert "7.2500" in lines[2]
    assert "no key" not in out, "that was before"


def test_csv_is_exact_and_by_what_is_asked(spend: Spend) -> None:
    by_day = rows(spend("--csv", "--by", "day,caller")[1])
    assert [(row["day"], row["caller"], row["usd"]) for row in by_day] == [
        (day(9), "", "7"),
        (day(1), "bbbb", "5"),
        (day(1), "aaaa", "0.25"),
        (day(0), "aaaa", "2"),
    ]
    (nova, gpt) = rows(spend("--csv", "--by", "model")[1])
    assert (nova["model"], nova["usd"], nova["requests"]) == ("nova", "12", "5")
    assert (gpt["wasted_usd"], gpt["prompt_tokens"], gpt["completion_tokens"]) == ("0.5", "1010", "202")


def test_a_picture_has_a_bar_for_each_day_and_caller(spend: Spend, tmp_path: Path) -> None:
    file = tmp_path / "spend.svg"
    code, out, _ = spend("--picture", str(file), "--days", "30")
    assert (code, out) == (0, "")
    titles = [one.text or "" for one in ElementTree.fromstring(file.read_text()).iter(f"{SVG}title")]  # noqa: S314 - our own
    bars = [title for title in titles if title.startswith("20") and "USD" in title]
    assert len(bars) == len(LINES)
    assert any(bar.startswith(day(1)) and "bbbb: 5 USD" in bar for bar in bars)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--by", "week"], "--by"),
        (["--by", "day,day"], "--by"),
        (["--by", ","], "--by"),
        (["--days", "0"], "--days"),
        (["--picture", "x.png"], "--picture"),
    ],
)
def test_a_wrong_option_is_named(spend: Spend, options: list[str], said: str) -> None:
    code, _, err = spend(*options)
    assert code == 2
    assert said in err


def test_a_picture_that_cannot_be_written_is_an_error(spend: Spend, tmp_path: Path) -> None:
    code, _, err = spend("--picture", str(tmp_path / "none" / "spend.svg"))
    assert code == 1
    assert "cannot be written" in err


def test_where_nothing_was_spent_it_says_so(run: Run, tmp_path: Path) -> None:
    write_keys(tmp_path / "keys.json", [])
    code, out, _ = run("spend", "--file", str(tmp_path / "keys.json"))
    assert (code, "nothing was spent" in out) == (0, True)
    assert list(tmp_path.iterdir()) == [tmp_path / "keys.json"], "looking makes no file"


def heights(svg: str) -> list[float]:
    bars = [one for one in ElementTree.fromstring(svg).iter(f"{SVG}rect") if list(one)]  # noqa: S314 - our own
    return [float(bar.attrib["height"]) for bar in bars]


def test_bars_are_as_high_as_their_dollars() -> None:
    svg = draw(
        {"a": {"2026-11-28": 4.0, "2026-11-29": 1.0}, "b": {"2026-11-29": 2.0}}, ["2026-11-28", "2026-11-29"], "t"
    )
    a, small, b = heights(svg)
    assert a == pytest.approx(4 * small, abs=0.1)
    assert b == pytest.approx(2 * small, abs=0.1)


def test_many_callers_share_the_last_colour_and_names_cannot_break_the_picture() -> None:
    names = {f'<&"{number}>': {"2026-11-29": float(number + 1)} for number in range(30)}
    svg = draw(names, ["2026-11-29"], "a < b & c")
    assert len(heights(svg)) == len(COLOURS) + 1
    assert sum(heights(svg)) == pytest.approx(
        sum(heights(draw({"x": {"2026-11-29": 465.0}}, ["2026-11-29"], "t"))), abs=0.2
    )


@pytest.mark.parametrize("days", [[], ["2026-11-29"]])
def test_a_picture_of_nothing_is_still_one(days: list[str]) -> None:
    assert heights(draw({}, days, "t")) == []
