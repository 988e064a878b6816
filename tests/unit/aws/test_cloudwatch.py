"""Metrics and events as CloudWatch gets them: the lines on stdout."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from typing import Any

import pytest

from litellm_fallback_router.adapters.cloudwatch import CloudWatchObserver, emit
from litellm_fallback_router.routing.callers import CallerKey
from litellm_fallback_router.routing.errors import RouterError
from litellm_fallback_router.routing.failures import FailureKind
from litellm_fallback_router.routing.observe import Measured
from litellm_fallback_router.routing.observe.metrics import (
    CACHE_METRICS,
    DRILL_METRICS,
    GUARDRAIL_METRICS,
    METRICS,
    NAMESPACE,
    SERVICE,
)
from litellm_fallback_router.routing.types import ChatRequest, RoutingConstraints
from tests.infrastructure.stack.costs import steady_metrics
from tests.support.guards import RuledGuard, guarded_rig
from tests.support.scripted import SILENCE, Rig, breaks, fails, question, read, rig, says
from tests.support.virtual_time import run_virtually

ASKED = question(request_id="r-1", caller="0123456789ab", traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa-01")
SECRETS = ("What is the capital", "Paris")


class Stdout:
    def __init__(self, captured: pytest.CaptureFixture[str]) -> None:
        self._captured = captured

    def lines(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Metrics and events since the last call."""
        said = self._captured.readouterr().out
        assert not any(secret in said for secret in SECRETS)
        lines = [json.loads(line) for line in said.splitlines()]
        return [line for line in lines if "_aws" in line], [line for line in lines if "_aws" not in line]


@pytest.fixture
def stdout(capsys: pytest.CaptureFixture[str]) -> Stdout:
    return Stdout(capsys)


async def told(to: CloudWatchObserver, rigged: Rig, request: ChatRequest = ASKED, *, stream: bool = False) -> None:
    """Let the router answer, and pass on what it told its observer."""
    try:
        await (read(rigged.router, request) if stream else rigged.router.complete(request))
    except RouterError as error:
        assert rigged.notes.outcomes == [error]
    for attempt in rigged.notes.attempts:
        to.attempted(request, attempt)
    for outcome in rigged.notes.outcomes:
        to.finished(request, outcome)


def values(lines: list[dict[str, Any]], **dimensions: str) -> dict[str, float]:
    """Sums by name, under exactly these dimensions beside the service."""
    names = {"service", *dimensions}
    found: dict[str, float] = {}
    for line in lines:
        (directive,) = line["_aws"]["CloudWatchMetrics"]
        if not any(set(one) == names for one in directive["Dimensions"]):
            continue
        if all(line[name] == value for name, value in dimensions.items()):
            for metric in directive["Metrics"]:
                found[metric["Name"]] = found.get(metric["Name"], 0) + sum(line[metric["Name"]])
    return found


def test_an_answer_is_one_request_one_attempt_and_no_failure(stdout: Stdout) -> None:
    observer = CloudWatchObserver("gateway-dev", "INFO")

    async def scenario() -> None:
        await told(observer, rig("a", "b"))

    run_virtually(scenario())
    metrics, events = stdout.lines()
    total = values(metrics)
    assert total | {"Requests": 1, "RequestErrors": 0, "Fallbacks": 0, "ColdStarts": 1} == total
    assert total["CostUsd"] == pytest.approx(0.001)
    assert (total["InputTokens"], total["OutputTokens"]) == (10, 5)
    of_model = values(metrics, provider="openai", model="a")
    assert of_model | {"AttemptFailures": 0, "CostUsd": total["CostUsd"]} == of_model
    assert all(line["_aws"]["CloudWatchMetrics"][0]["Namespace"] == NAMESPACE for line in metrics)
    assert {line["service"] for line in [*metrics, *events]} == {"gateway-dev"}
    (event,) = events
    assert event["message"] == "request_answered"
    assert (event["caller"], event["traceparent"]) == (ASKED.caller, ASKED.traceparent)
    assert (event["provider"], event["model"], event["attempts"]) == ("openai", "a", 1)


def test_the_log_says_who_asked_by_name_and_tag_and_what_it_cost(stdout: Stdout) -> None:
    observer = CloudWatchObserver("gateway-dev", "INFO")

    async def scenario() -> None:
        key = CallerKey("ab12", name="team-a", rpm=5)
        await told(observer, rig("a"), replace(ASKED, caller="ab12", key=key, tag="nightly"))

    run_virtually(scenario())
    (event,) = stdout.lines()[1]
    assert (event["caller"], event["caller_name"], event["tag"]) == ("ab12", "team-a", "nightly")
    assert event["cost_usd"] == pytest.approx(0.001)


def test_a_fallback_tells_its_depth_its_waste_and_why(stdout: Stdout) -> None:
    observer = CloudWatchObserver("gateway-dev", "INFO")

    async def scenario() -> None:
        invalid = fails(FailureKind.INVALID_RESPONSE)
        await told(observer, rig("a", "b", "c", scripts={"a": [fails(FailureKind.NOT_FOUND)], "b": [invalid]}))

    run_virtually(scenario())
    metrics, events = stdout.lines()
    total = values(metrics)
    assert (total["Fallbacks"], total["FallbackDepth"]) == (1, 2)
    assert 0 < total["WastedCostUsd"] < total["CostUsd"]
    assert values(metrics, kind="not_found") == {"AttemptFailures": 1}
    assert values(metrics, kind="invalid_response") == {"AttemptFailures": 2}
    failures = {model: values(metrics, provider="openai", model=model)["AttemptFailures"] for model in "abc"}
    assert failures == {"a": 1, "b": 2, "c": 0}
    assert [event["message"] for event in events] == ["attempt_failed"] * 3 + ["request_answered"]
    assert events[0]["outcome"] == "not_found"
    assert events[0]["traceparent"] == ASKED.traceparent


def test_an_exhausted_chain_is_an_error_by_its_code(stdout: Stdout) -> None:
    observer = CloudWatchObserver("gateway-dev", "INFO")

    async def scenario() -> None:
        await told(observer, rig("a", scripts={"a": [fails(FailureKind.INVALID_RESPONSE)]}))

    run_virtually(scenario())
    metrics, events = stdout.lines()
    total = values(metrics)
    assert (total["Requests"], total["RequestErrors"], total["ChainsExhausted"]) == (1, 1, 1)
    assert values(metrics, code="providers_failed") == {"RequestErrors": 1}
    assert events[-1]["cost_usd"] == events[-1]["wasted_usd"] > 0
    assert events[-1] | {"level": "ERROR", "message": "request_failed", "code": "providers_failed"} == events[-1]


def test_a_request_that_is_wrong_is_no_error_of_ours(stdout: Stdout) -> None:
    observer = CloudWatchObserver("gateway-dev", "INFO")

    async def scenario() -> None:
        await told(observer, rig("a"), question("no-such-model"))

    run_virtually(scenario())
    metrics, _ = stdout.lines()
    assert values(metrics) | {"Requests": 1, "RequestErrors": 0, "ChainsExhausted": 0} == values(metrics)


def test_a_log_level_that_hides_events_hides_no_metric(stdout: Stdout) -> None:
    observer = CloudWatchObserver("gateway-dev", "CRITICAL")

    async def scenario() -> None:
        await told(observer, rig("a", scripts={"a": [fails(FailureKind.NOT_FOUND)]}))

    run_virtually(scenario())
    metrics, events = stdout.lines()
    assert values(metrics)["RequestErrors"] == 1
    assert events == []


def test_only_the_first_request_of_an_environment_is_a_cold_start(stdout: Stdout) -> None:
    observer = CloudWatchObserver("gateway-dev", "INFO")

    async def scenario() -> None:
        for _ in range(3):
            await told(observer, rig("a"))

    run_virtually(scenario())
    metrics, _ = stdout.lines()
    assert values(metrics)["ColdStarts"] == 1
    assert values(metrics)["Requests"] == 3


def test_what_the_package_logs_elsewhere_comes_out_as_json_too(stdout: Stdout) -> None:
    CloudWatchObserver("gateway-dev", "INFO")
    logging.getLogger("litellm_fallback_router").warning("%s", "a warning")
    _, (event,) = stdout.lines()
    assert (event["message"], event["service"]) == ("a warning", "gateway-dev")


def test_a_second_observer_of_a_process_writes_every_line_once(stdout: Stdout) -> None:
    """As after a restore from a snapshot."""
    CloudWatchObserver("gateway-dev", "INFO")
    observer = CloudWatchObserver("gateway-dev", "INFO")

    async def scenario() -> None:
        await told(observer, rig("a"))

    run_virtually(scenario())
    logging.getLogger("litellm_fallback_router").warning("once")
    metrics, events = stdout.lines()
    assert values(metrics)["Requests"] == 1
    assert [event["message"] for event in events] == ["request_answered", "once"]


def test_every_declared_metric_and_dimension_is_emitted_and_no_other(stdout: Stdout) -> None:
    observer = CloudWatchObserver("gateway-dev", "INFO")

    async def scenario() -> None:
        await told(observer, rig("a", "b", scripts={"a": [fails(FailureKind.UNAVAILABLE)]}))
        await told(observer, rig("a", scripts={"a": [fails(FailureKind.UNAVAILABLE)]}))
        await told(observer, rig("a", scripts={"a": [SILENCE]}, deadline=1.0))
        cut = {"a": [breaks("Paris ", "is ")], "b": [says("the capital.")]}
        await told(observer, rig("a", "b", scripts=cut), stream=True)
        blocked = question(request_id="r-2")
        blocked = replace(blocked, messages=[{"role": "user", "content": "Forbidden fruit"}])
        await told(observer, guarded_rig("a"), blocked)
        await told(observer, rig("a"), question(request_id="r-3", constraints=RoutingConstraints(cache=True)))

    run_virtually(scenario())
    observer.circuit_moved("a", "open")
    observer.state_unavailable("read circuits", "ThrottlingException")
    emit("gateway-dev", [Measured(dict.fromkeys(DRILL_METRICS, 0.0))])
    metrics, events = stdout.lines()
    emitted = {
        (metric["Name"], metric["Unit"], tuple(names))
        for line in metrics
        for directive in line["_aws"]["CloudWatchMetrics"]
        for metric in directive["Metrics"]
        for names in directive["Dimensions"]
    }
    declared = {(one.name, one.unit, (SERVICE, *names)) for one in METRICS.values() for names in one.sets}
    assert emitted == declared
    total = values(metrics)
    assert (total["DeadlinesMissed"], total["ResumedStreams"], total["ChainsExhausted"]) == (1, 1, 2)
    assert {event["message"] for event in events} == {
        *("attempt_failed", "request_answered", "request_failed", "circuit_moved", "state_unavailable")
    }


def test_a_guarded_request_tells_its_blocks_units_and_policies_but_no_text(stdout: Stdout) -> None:
    observer = CloudWatchObserver("gateway-dev", "INFO")
    bad = {"a": [says("Eat the forbidden fruit.")]}

    async def scenario() -> None:
        await told(observer, guarded_rig("a", scripts=bad))
        await told(observer, guarded_rig("a", guard=RuledGuard(unreachable=True)))

    run_virtually(scenario())
    metrics, events = stdout.lines()
    total = values(metrics)
    assert (total["GuardrailBlocks"], total["GuardrailUnits"], total["GuardrailUnreachable"]) == (1, 2, 1)
    assert values(metrics, source="output") == {"GuardrailBlocks": 1}
    assert values(metrics, policy="topicPolicy") == {"GuardrailUnits": 2}
    assert total["ChainsExhausted"] == 0
    answered, failed = (event["guardrail"] for event in events)
    assert (answered["outcome"], answered["output"], answered["policies"]) == ("blocked", "blocked", ["topic: Fruit"])
    assert failed["unreachable"] == "ThrottlingException"
    assert "orbidden" not in str(events)


def test_each_attempt_is_one_sample_of_its_models_failures_however_it_ended(stdout: Stdout) -> None:
    """The dashboard counts attempts by it."""
    observer = CloudWatchObserver("gateway-dev", "INFO")

    async def scenario() -> None:
        await told(observer, rig("a", scripts={"a": [fails(FailureKind.INVALID_RESPONSE), says("Paris")]}))
        await told(observer, guarded_rig("a", scripts={"a": [says("Eat the forbidden fruit.")]}))

    run_virtually(scenario())
    metrics, _ = stdout.lines()
    lines = [line for line in metrics if "AttemptFailures" in line and "model" in line]
    assert [line["AttemptFailures"] for line in lines] == [[1.0], [0.0], [0.0]]


def test_a_steady_stage_of_eight_models_has_few_metrics() -> None:
    assert steady_metrics(8) == 46
    seldom = GUARDRAIL_METRICS | CACHE_METRICS | DRILL_METRICS
    steady = [metric for metric in METRICS.values() if () in metric.sets and metric.name not in seldom]
    assert steady_metrics(0) == len(steady)
