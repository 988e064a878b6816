"""Budgets as operators write them, the periods they last, and what a key may ask."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from litellm_fallback_router.routing.callers import NANO, Budget, CallerKey, Period


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("text", "nano", "period"),
    [
        ("50/day", 50 * NANO, Period.DAY),
        ("0.5/hour", NANO // 2, Period.HOUR),
        ("1000/month", 1000 * NANO, Period.MONTH),
        ("20", 20 * NANO, Period.EVER),
        ("0.000000001/day", 1, Period.DAY),
    ],
)
def test_a_budget_is_read_exactly_and_written_as_it_was(text: str, nano: int, period: Period) -> None:
    assert Budget.parse(text) == Budget(nano, period)
    assert str(Budget.parse(text)) == text


@pytest.mark.parametrize(
    "text", ["", "-1/day", "0/day", "50/week", "50/ever/day", "1e3/day", "nan", "5/", "$5/day", "5 /day"]
)
def test_a_budget_that_cannot_be_meant_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match=r"50/day|more than 0"):
        Budget.parse(text)


@pytest.mark.parametrize(
    ("period", "label", "ends"),
    [
        (Period.HOUR, "2026-12-31T23", "2027-01-01T00:00"),
        (Period.DAY, "2026-12-31", "2027-01-01T00:00"),
        (Period.MONTH, "2026-12", "2027-01-01T00:00"),
    ],
)
def test_a_period_ends_where_the_next_begins(period: Period, label: str, ends: str) -> None:
    now = at("2026-12-31T23:59:59")
    assert period.label(now) == label
    assert period.ends(now) == at(ends)


def test_a_budget_for_ever_has_one_period_without_an_end() -> None:
    assert Period.EVER.label(0.0) == Period.EVER.label(1e9) == "ever"
    assert Period.EVER.ends(0.0) is None


def test_a_key_without_models_may_ask_all_and_one_with_them_those_alone() -> None:
    assert CallerKey("1").may_ask("anything")
    key = CallerKey("1", models=("openai-*", "cheap"))
    assert key.may_ask("openai-gpt4o")
    assert key.may_ask("cheap")
    assert not key.may_ask("bedrock-claude")
