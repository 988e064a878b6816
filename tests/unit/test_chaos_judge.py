"""The judge of the chaos day: each fault that it is to find is put into a day that was well, and found."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support.chaos.judge import LONGEST, Asked, InForce, expected, judged, total

MINE, OTHER = "nonce-00000000000a", "nonce-00000000000b"
MAPPINGS = {
    "r1": InForce({"chat": frozenset({"m1", "m2"})}, since=0.0, until=100.0),
    "r2": InForce({"chat": frozenset({"m9"})}, since=90.0),
}


def asked(nonce: str = MINE, **other: Any) -> Asked:
    well: dict[str, Any] = {
        "phase": "calm",
        "model": "chat",
        "stream": False,
        "began": 10.0,
        "seconds": 1.0,
        "text": expected(nonce),
        "finish": "stop",
        "models": ("m1",),
        "header_model": "m1",
        "revision": "r1",
    }
    return Asked(nonce, **{**well, **other})


def test_a_day_that_was_well_is_found_well_and_counted_by_phase() -> None:
    verdicts = judged(
        [
            asked(OTHER, phase="dead", began=20.0, tries=2, models=("m2", "m2"), header_model="m2"),
            asked(),
        ],
        MAPPINGS,
    )
    assert list(verdicts) == ["calm", "dead"]
    whole = total(verdicts)
    assert (whole.sent, whole.answered, whole.repeated, whole.well) == (2, 2, 1, True)


@pytest.mark.parametrize(
    ("tampered", "said"),
    [
        ({"error": "APIConnectionError"}, "APIConnectionError"),
        ({"finish": ""}, "no finish reason"),
        ({"finish": "length"}, "ends with length"),
        ({"text": expected(MINE)[:-10]}, "a wrong answer"),
        ({"text": ""}, "a wrong answer"),
        ({"text": expected(MINE) + "!"}, "a wrong answer"),
    ],
)
def test_a_question_without_its_right_answer_is_lost(tampered: dict[str, Any], said: str) -> None:
    verdict = total(judged([replace(asked(), **tampered)], MAPPINGS))
    assert (len(verdict.lost), verdict.answered, verdict.mixed, verdict.well) == (1, 0, [], False)
    assert said in verdict.lost[0]


@pytest.mark.parametrize(
    ("tampered", "said"),
    [
        ({"text": expected(OTHER)}, "another's question"),
        ({"text": expected(MINE)[:20] + expected(OTHER)}, "another's question"),
        ({"text": expected(OTHER), "error": "cut"}, "another's question"),
        ({"text": expected(MINE) + expected(MINE)}, "its answer twice"),
        ({"models": ("m1", "m2")}, "several models"),
        ({"models": ()}, "several models as its author: none"),
        ({"header_model": "m2"}, "its header names m2, its body m1"),
        ({"models": ("m9",), "header_model": "m9"}, "m9 answers, which the mapping r1 does not name for chat"),
        ({"model": "embed"}, "does not name for embed"),
        ({"revision": "r3"}, "r3, which nobody put in force"),
        ({"revision": ""}, "nobody put in force"),
        ({"revision": "r2", "models": ("m9",), "header_model": "m9"}, "r2, which was not in force"),
        ({"began": 101.0}, "r1, which was not in force"),
    ],
)
def test_what_belongs_to_another_question_model_or_mapping_is_mixed(tampered: dict[str, Any], said: str) -> None:
    verdict = total(judged([replace(asked(), **tampered)], MAPPINGS))
    assert (len(verdict.mixed), verdict.answered, verdict.lost, verdict.well) == (1, 0, [], False)
    assert said in verdict.mixed[0]


def test_an_answer_that_took_too_long_is_late_even_if_it_is_right() -> None:
    verdict = total(judged([asked(seconds=LONGEST + 0.1)], MAPPINGS))
    assert (verdict.answered, len(verdict.late), verdict.well) == (1, 1, False)


def test_a_question_that_was_asked_twice_is_found() -> None:
    verdict = total(judged([asked(), asked(began=11.0)], MAPPINGS))
    assert verdict.mixed == [f"{MINE}: was asked twice"]
