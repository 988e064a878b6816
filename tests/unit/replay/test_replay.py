"""A log's requests, again under another mapping."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from typing import Any
from xml.etree import ElementTree

import pytest

from litellm_fallback_router.replay import draw, read_log, recorded_outcomes, replayed, summary_of
from litellm_fallback_router.replays import dependencies_of
from litellm_fallback_router.routing.mapping import RouterConfig
from litellm_fallback_router.routing.types import ModelInfo, VectorSpace
from tests.support.scripted import config_of, deployment

PRICED = ModelInfo(input_usd_per_token=1e-6, output_usd_per_token=2e-6)


def mapping(*names: str, **settings: Any) -> RouterConfig:
    return config_of(*(deployment(name, info=PRICED) for name in names), **settings)


def answered(name: str, seconds: float = 1.0, **more: Any) -> dict[str, Any]:
    return {"deployment": name, "outcome": "answered", "seconds": seconds, "prompt_tokens": 100} | {
        "completion_tokens": 50,
        "cost_usd": 0.0002,
        **more,
    }


def failed(name: str, outcome: str = "not_found", seconds: float = 0.5, **more: Any) -> dict[str, Any]:
    return {"deployment": name, "outcome": outcome, "seconds": seconds, **more}


def line(number: int, *attempts: dict[str, Any], event: str = "request_answered", **history: Any) -> dict[str, Any]:
    return {
        "event": event,
        "time": f"2026-11-24T03:{number // 60:02d}:{number % 60:02d}.000+00:00",
        "request_id": f"r{number}",
        "requested_model": "a",
        "seconds": sum(one["seconds"] for one in attempts),
        "history": {"attempts": list(attempts), **history},
    }


def log(*lines: dict[str, Any]) -> str:
    return "\n".join(json.dumps(one) for one in lines)


NIGHT = log(
    line(10, answered("a")),
    *(line(20 + n, failed("a"), failed("b"), event="request_failed") for n in range(5)),
    line(40, failed("a"), answered("b", 3.0)),
    line(41, failed("a"), answered("c", 2.0)),
)


def test_a_third_candidate_answers_what_two_could_not() -> None:
    requests, unusable = read_log(NIGHT)
    assert (len(requests), unusable) == (8, 0)
    before, after = mapping("a", "b"), mapping("a", "b", "c")
    ran = [replayed(one, requests, partial(dependencies_of, one)) for one in (before, after)]
    recorded = summary_of(recorded_outcomes(requests))
    two, three = (summary_of(outcomes) for outcomes, _ in ran)
    assert (recorded.failures, two.failures, three.failures) == (5, 5, 0)
    assert three.fallbacks == 7
    assert three.usd > two.usd > 0
    assert three.p99 >= 3.0


def test_the_same_log_and_mapping_give_the_same_outcomes_however_often() -> None:
    requests, _ = read_log(log(*(line(n % 7, failed("a", "unavailable"), answered("b")) for n in range(40))))
    config = mapping("a", "b", "c")
    runs = [replayed(config, requests, partial(dependencies_of, config)) for _ in range(3)]
    assert runs[0] == runs[1] == runs[2]


def test_under_the_mapping_that_was_a_replay_is_what_was_recorded() -> None:
    requests, _ = read_log(
        log(line(1, answered("a", 2.0)), line(9, answered("a", 1.5, first_token_seconds=0.4), streamed=True))
    )
    config = mapping("a")
    outcomes, assumed = replayed(config, requests, partial(dependencies_of, config))
    assert not assumed
    for ran, was in zip(outcomes, recorded_outcomes(requests), strict=True):
        assert ran.seconds == pytest.approx(was.seconds, abs=0.001)
        assert ran.first_token_seconds == pytest.approx(was.first_token_seconds)
        assert ran.cost_usd == pytest.approx(was.cost_usd)


def test_a_deployment_that_the_log_does_not_know_is_named() -> None:
    requests, _ = read_log(log(line(1, failed("a"), event="request_failed"), line(5, answered("a"))))
    config = mapping("a", "new")
    outcomes, assumed = replayed(config, requests, partial(dependencies_of, config))
    assert assumed == {"new"}
    assert all(one.answered for one in outcomes)


def test_a_silence_lasts_as_long_as_the_other_mapping_waits() -> None:
    requests, _ = read_log(log(line(1, failed("a", "timeout", 60.0), answered("b"))))
    config = mapping("a", "b", answer_timeout=5.0)
    ((outcome,), _) = replayed(config, requests, partial(dependencies_of, config))
    assert outcome.seconds == pytest.approx(6.0)


@pytest.mark.parametrize("form", ["events", "lines", "insights", "powertools"])
def test_every_export_of_the_log_says_the_same(form: str) -> None:
    lines = [json.loads(one) for one in NIGHT.splitlines()]
    plain, _ = read_log(NIGHT)
    texts = {
        "events": json.dumps({"events": [{"timestamp": 1, "message": json.dumps(one)} for one in lines]}, indent=2),
        "lines": log(*({"@timestamp": "x", "@message": json.dumps(one)} for one in lines)),
        "insights": json.dumps({"results": [[{"field": "@message", "value": json.dumps(one)}] for one in lines]}),
        "powertools": log(
            *({**one, "event": None, "message": one["event"], "timestamp": one["time"]} for one in lines), {"_aws": {}}
        ),
    }
    assert read_log(texts[form] if form != "lines" else texts[form] + "\nno JSON\n") == (plain, 0)


def test_requests_whose_callers_left_or_a_cache_answered_and_lines_without_a_history_are_counted_and_left_out() -> None:
    left = {**line(1, failed("a", "caller_left"), event="request_failed"), "status": 499}
    old = {name: value for name, value in line(2, answered("a")).items() if name != "history"}
    cached = line(3)
    assert read_log(log(left, old, cached)) == ([], 3)


def replay(config: RouterConfig, *lines: dict[str, Any]) -> Any:
    requests, _ = read_log(log(*lines))
    return replayed(config, requests, partial(dependencies_of, config))[0]


def test_embeddings_are_replayed_as_embeddings() -> None:
    config = config_of(deployment("a", info=replace(PRICED, output_usd_per_token=0.0), space=VectorSpace("a", None)))
    (outcome,) = replay(config, line(1, answered("a", completion_tokens=0), needs=["embeddings"]))
    assert outcome.answered
    assert outcome.cost_usd == pytest.approx(100 * 1e-6)


def test_a_request_that_was_narrowed_is_replayed_as_narrow_as_it_was() -> None:
    refused = line(1, failed("a"), event="request_failed", router={"fallback": False})
    elsewhere = line(9, failed("a"), event="request_failed", router={"providers": ["nobody"]})
    free = line(20, failed("a"), answered("b"))
    assert [one.answered for one in replay(mapping("a", "b"), refused, elsewhere, free)] == [False, False, True]


def test_what_broke_streams_alone_breaks_no_whole_answers() -> None:
    streams = [
        line(n, failed("a", "stream_broken", first_token_seconds=0.1), answered("b"), streamed=True) for n in (1, 3)
    ]
    whole = line(2, answered("b"))
    config = mapping("a", "b")
    outcomes = replay(config, *streams, line(60, answered("a")), whole)
    assert [one.fallback for one in outcomes] == [True, False, True, False]


def test_two_requests_with_one_id_are_two_and_a_line_that_was_exported_twice_is_one() -> None:
    one, other = line(1, answered("a")), {**line(5, answered("a")), "request_id": "r1"}
    assert len(read_log(log(one, other, one))[0]) == 2


@pytest.mark.parametrize("code", ["caller_left", "server_stopping", "budget_exceeded", "guardrail_unreachable"])
def test_requests_that_something_before_the_chain_ended_are_counted_and_left_out(code: str) -> None:
    ended = {**line(1, event="request_failed"), "code": code}
    assert read_log(log(ended, line(2, answered("a"), failed("b", "guardrail")))) == ([], 2)


@pytest.mark.parametrize(
    "wrong",
    [
        {"seconds": "1"},
        {"seconds": float("nan")},
        {"seconds": -1.0},
        {"completion_tokens": "50"},
        {"cost_usd": [1]},
        {"deployment": None, "started": {}},
    ],
)
def test_a_line_that_only_looks_like_ours_is_counted_and_left_out(wrong: dict[str, Any]) -> None:
    looks = line(1, answered("a"))
    looks["history"]["attempts"][0] |= wrong
    whole = line(2, answered("a", of_a_later_version=1))
    requests, unusable = read_log(log(looks, whole) + '\n[[{"field": {}}]]\n' + "[" * 5_000 + '\n{"event": "request_')
    assert ([one.id for one in requests], unusable) == (["r2"], 1)


def test_the_picture_is_an_svg_that_says_each_number() -> None:
    requests, _ = read_log(NIGHT)
    summary = summary_of(recorded_outcomes(requests))
    little = replace(summary, failures=0, wasted_usd=0.00003)
    picture = ElementTree.fromstring(draw({"recorded": summary, "<after>": little}, "a & b"))  # noqa: S314
    words = "".join(picture.itertext())
    assert "a & b" in words
    assert "<after>" in words
    assert "0.000030" in words
    assert f"{summary.p99:.2f} s" in words
