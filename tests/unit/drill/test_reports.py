"""What a drill's report says, keeps and proves."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from litellm_fallback_router.adapters.drill_files import MOST_REPORTS, DrillFiles
from litellm_fallback_router.drill import (
    UNPROVEN_AFTER,
    Finding,
    Hop,
    Price,
    Proof,
    Report,
    SealError,
    check_seals,
    findings_of,
    last_proven,
    proven_by,
    sealed,
    unproven,
)
from litellm_fallback_router.drill.asking import Answer
from litellm_fallback_router.routing.types import ModelInfo
from tests.support.scripted import deployment

KEY = b"a key of the tests"
PROVEN = Answer("whole", "proven", seconds=0.4, cost_usd=0.001, answered_by="a")
REFUSED = Answer("whole", "failed", "authentication", "401 unauthorized")
NOW = 1_790_000_000


def report(at: int = NOW, **fields: object) -> Report:
    hop = Hop("a", 1, "a", (PROVEN,))
    proofs = {"a": Proof(at, "openai:a")}
    base = Report(at, "this machine", "m" * 64, 1.5, 0.25, 0.001, (hop,), (), {"a": Price(1.0, 2.0, None)}, proofs)
    return replace(base, **fields)  # type: ignore[arg-type]


def row(count: int) -> list[Report]:
    reports: list[Report] = []
    for number in range(count):
        reports.append(sealed(report(NOW + number), reports[-1] if reports else None, KEY))
    return reports


def test_a_row_of_sealed_reports_is_as_it_was_sealed_also_after_it_was_written_and_read() -> None:
    reports = [Report.from_json(json.loads(json.dumps(one.to_json()))) for one in row(3)]
    assert reports == row(3)
    assert check_seals(reports, KEY) == 3


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_changed_report_is_found(place: int) -> None:
    reports = row(3)
    reports[place] = replace(reports[place], cost_usd=0.0)
    with pytest.raises(SealError, match="was changed after it was sealed"):
        check_seals(reports, KEY)


def test_a_report_that_is_missing_from_the_row_is_found() -> None:
    first, _, third = row(3)
    with pytest.raises(SealError, match="one is missing"):
        check_seals([first, third], KEY)


def test_a_report_sealed_again_with_another_key_is_found() -> None:
    first, second = row(2)
    forged = sealed(replace(second, cost_usd=0.0), first, b"another key")
    with pytest.raises(SealError, match="sealed with another key"):
        check_seals([first, forged], KEY)


@pytest.mark.parametrize("field", ["verdict", "holds"])
def test_what_a_report_derives_is_as_safe_from_changes_as_what_it_says(field: str) -> None:
    (one,) = row(1)
    data = json.loads(json.dumps(one.to_json()))
    data["hops"][0][field] = "failed" if field == "verdict" else False
    with pytest.raises(SealError, match="changed"):
        Report.from_json(data)


def test_the_key_of_a_folder_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    files = DrillFiles(tmp_path / "drills")
    key = files.key()
    assert len(key) == 64
    assert files.key() == key
    assert stat.S_IMODE((tmp_path / "drills" / "key").stat().st_mode) == 0o600


def test_a_key_that_was_never_written_seals_nothing(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"")
    with pytest.raises(SealError, match="holds no key"):
        DrillFiles(tmp_path).key()


@pytest.mark.parametrize("at", [1e30, -1e18, "yesterday", None])
def test_a_report_of_no_possible_time_is_none(at: object) -> None:
    (one,) = row(1)
    with pytest.raises(SealError):
        Report.from_json({**json.loads(json.dumps(one.to_json())), "at": at})


def test_two_drills_at_once_never_make_the_row_fork(tmp_path: Path) -> None:
    files = DrillFiles(tmp_path)
    first = sealed(report(), None, KEY)
    assert files.add(first)
    ours, theirs = (sealed(report(NOW + n), first, KEY) for n in (1, 2))
    assert files.add(ours)
    assert not files.add(theirs)
    assert files.add(sealed(theirs, ours, KEY))
    assert check_seals(files.all(), KEY) == 3
    assert files.last() == files.all()[-1]


def test_a_folder_keeps_the_newest_reports_and_they_still_verify(tmp_path: Path) -> None:
    files = DrillFiles(tmp_path)
    reports = row(MOST_REPORTS + 2)
    for one in reports:
        assert files.add(one)
    assert files.all() == reports[2:]
    assert check_seals(files.all(), KEY) == MOST_REPORTS


def test_a_file_that_is_no_report_is_named(tmp_path: Path) -> None:
    (tmp_path / "drill-00000001.json").write_text("[]")
    with pytest.raises(SealError, match=r"drill-00000001\.json: this is no report"):
        DrillFiles(tmp_path).last()


def test_a_proof_is_of_the_model_that_answered_and_of_no_other_under_its_name() -> None:
    one = deployment("a")
    hop = Hop("a", 1, "a", (PROVEN,))
    proofs = proven_by([hop], [one], {}, NOW)
    assert last_proven(one, proofs, NOW + 3 * 3600) == "3 h ago"
    assert last_proven(one, proofs, NOW + 72 * 3600) == "3 days ago"
    moved = deployment("a", model="newer")
    assert last_proven(moved, proofs, NOW) == "never"
    assert proven_by([], [moved], proofs, NOW) == {}
    assert unproven([one, moved], proofs, NOW + 3600)["a"] == UNPROVEN_AFTER


def test_a_hop_that_failed_in_one_chain_is_not_proven_by_another() -> None:
    one = deployment("a")
    hops = [Hop("a", 1, "a", (PROVEN,)), Hop("b", 2, "a", (REFUSED,))]
    former = {"a": Proof(NOW - 7200, "openai:a")}
    assert proven_by(hops, [one], former, NOW) == former


def test_a_hop_of_which_nothing_could_be_asked_is_not_proven() -> None:
    assert Hop("a", 1, "a", (Answer("tool call", "unable", "tools"),)).verdict == "failed"
    assert Hop("a", 1, "a", (PROVEN, Answer("tool call", "unable", "tools"))).verdict == "proven"
    assert Hop("a", 1, "a", (PROVEN, Answer("tool call", "not asked", "budget"))).verdict == "not asked"


def test_retirements_are_told_from_90_days_ahead_and_prices_when_they_have_changed() -> None:
    today = date(2026, 11, 29)
    dates = {"gone": "2026-11-28", "near": "2027-02-27", "far": "2027-02-28", "odd": "soon"}
    deployments = [
        deployment(name, info=ModelInfo(retires_on=on, input_usd_per_token=2e-6)) for name, on in dates.items()
    ]
    former = {"far": Price(1.0, None, None), "near": Price(2.0, None, None)}
    found = findings_of([], deployments, former, today)
    assert found == [
        Finding(
            "gone", "retirement", "its retirement date has passed (2026-11-28): put a newer model into the mapping"
        ),
        Finding("near", "retirement", "retires in 90 days (2027-02-27): put a newer model into the mapping"),
        Finding("far", "price", "1 in (USD for a million tokens) before, 2 in (USD for a million tokens) now"),
    ]
