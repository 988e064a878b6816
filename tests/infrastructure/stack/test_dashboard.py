"""The dashboard is one that CloudWatch takes, of metrics and fields that somebody writes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from litellm_fallback_router.adapters.cloudwatch import CloudWatchObserver
from litellm_fallback_router.mapping import ROUTER_STYLE_MAPPING
from litellm_fallback_router.routing.callers import CallerKey
from litellm_fallback_router.routing.errors import RouterError
from litellm_fallback_router.routing.failures import FailureKind, ProviderFailure
from litellm_fallback_router.routing.observe.metrics import NAMESPACE
from tests.infrastructure.stack.dashboards import Line, Widget, body, widgets
from tests.infrastructure.stack.templates import Synthesized
from tests.support.scripted import Step, question, rig
from tests.support.virtual_time import run_virtually

Synthesize = Callable[..., Synthesized]
OF_FUNCTION = frozenset({"FunctionName"})
OF_ALIAS = OF_FUNCTION | {"Resource"}
OF_API = frozenset({"ApiName"})
OF_AWS = {
    ("AWS/Lambda", name, dimensions)
    for name in ("Invocations", "Errors", "Throttles", "Duration", "ConcurrentExecutions")
    for dimensions in (OF_FUNCTION, OF_ALIAS, OF_ALIAS | {"ExecutedVersion"})
} | {
    ("AWS/Lambda", "ClaimedAccountConcurrency", frozenset()),
    *(("AWS/ApiGateway", name, OF_API) for name in ("Count", "4XXError", "5XXError", "Latency")),
}
"""Namespace, metric and dimensions. Sources: Lambda developer guide, "Types of metrics for Lambda functions"; API
Gateway developer guide, "Amazon API Gateway dimensions and metrics"."""
STATISTICS = r"Average|Maximum|Minimum|SampleCount|Sum|IQM|p\d{1,2}(\.\d+)?|(tm|wm|ts|tc|pr)\S+"
"""Source: CloudWatch user guide, "CloudWatch statistics definitions"."""
QUERY_COMMANDS = {"fields", "filter", "stats", "sort", "limit"}


def lines(synthesized: Synthesized) -> list[Line]:
    return [line for widget in widgets(synthesized) for line in widget.lines]


def titled(synthesized: Synthesized, title: str) -> Widget:
    (found,) = [widget for widget in widgets(synthesized) if widget.title == title]
    return found


def test_widgets_fill_the_grid_and_do_not_overlap(dev: Synthesized, prod: Synthesized) -> None:
    for stage in (dev, prod):
        taken = [
            (x, y)
            for one in widgets(stage)
            for x in range(one.x, one.x + one.width)
            for y in range(one.y, one.y + one.height)
        ]
        assert len(taken) == len(set(taken)) == 24 * (1 + max(y for _, y in taken))
        assert {x for x, _ in taken} == set(range(24))


def test_body_is_within_cloudwatchs_limits(dev: Synthesized, prod: Synthesized) -> None:
    """500 widgets, 500 metrics a widget, 2,500 a dashboard. Source: CloudWatch user guide, "CloudWatch service
    quotas"."""
    for stage in (dev, prod):
        sizes = [len(widget.properties.get("metrics", [])) for widget in widgets(stage)]
        assert 0 < len(sizes) <= 500
        assert 0 < max(sizes) <= 500
        assert sum(sizes) <= 2_500


def test_metrics_of_aws_are_some_that_aws_emits_of_this_stack(dev: Synthesized) -> None:
    read = [one for one in lines(dev) if one.namespace != NAMESPACE]
    assert {(one.namespace, one.name, frozenset(one.dimensions)) for one in read} <= OF_AWS
    names = {name for name in dev.of("AWS::Lambda::Function") if name.startswith(("Gateway", "Authorizer"))}
    functions = {one.dimensions.get("FunctionName", "*") for one in read}
    assert functions <= {f"<{name}>" for name in names} | {"*"}
    assert {one.dimensions["Resource"] for one in read if "Resource" in one.dimensions} == {
        f"<{next(name for name in names if name.startswith('Gateway'))}>:live"
    }
    assert {one.dimensions["ApiName"] for one in read if "ApiName" in one.dimensions} == {
        dev.only("AWS::ApiGateway::RestApi")["Name"]
    }


def test_statistics_and_periods_are_cloudwatchs(dev: Synthesized, prod: Synthesized) -> None:
    """A period is a multiple of a minute, at most a day. Source: CloudWatch API reference, MetricStat."""
    for line in [*lines(dev), *lines(prod)]:
        assert re.fullmatch(STATISTICS, line.statistic), line
        assert line.period % 60 == 0, line
        assert line.period <= 86_400, line
    assert body(dev)["periodOverride"] == "inherit", "else the console replaces them"


def test_labels_of_a_graph_differ(dev: Synthesized, prod: Synthesized) -> None:
    for stage in (dev, prod):
        for widget in widgets(stage):
            shown = [one.label for one in widget.lines if one.visible and not one.searched]
            assert len(shown) == len(set(shown)), widget.title


def test_formulas_use_the_metrics_beside_them_and_functions_that_there_are(dev: Synthesized) -> None:
    """Source: CloudWatch user guide, "Using math expressions with CloudWatch metrics"."""
    found = [(widget, formula) for widget in widgets(dev) for formula in widget.formulas]
    assert found
    for widget, formula in found:
        words = set(re.findall(r"[A-Za-z_]+", formula.expression))
        functions = {word for word in words if word.isupper()}
        assert functions <= {"RUNNING_SUM", "IF", "FLOOR", "EPOCH", "MAX", "FILL"}
        assert words - functions <= {one.id for one in widget.lines if not one.visible}


def test_every_threshold_above_nothing_is_drawn_where_its_metric_is(dev: Synthesized, prod: Synthesized) -> None:
    for stage in (dev, prod):
        for name, alarm in stage.of("AWS::CloudWatch::Alarm").items():
            properties = alarm["Properties"]
            if properties["Threshold"] == 0:
                continue
            short = name.removeprefix("Alarms")[:-8]
            drawn = [one for one in widgets(stage) if any(short in label for _, label in one.thresholds)]
            assert drawn, f"{short} rings above {properties['Threshold']}, which no graph shows"
            for graph in drawn:
                assert properties["Threshold"] in [value for value, label in graph.thresholds if short in label]
                watched = [one for one in graph.lines if one.name == properties["MetricName"]]
                statistic = properties.get("Statistic") or properties["ExtendedStatistic"]
                assert (statistic, properties["Period"]) in [(one.statistic, one.period) for one in watched]


def test_a_raised_threshold_moves_its_line(synthesize: Synthesize) -> None:
    graph = titled(synthesize(hourly_cost_usd="42"), "US dollars an hour")
    assert graph.thresholds == [(42.0, "alarm Cost: above 42")]


def test_first_tokens_are_shown_by_model_at_their_slowest(dev: Synthesized) -> None:
    graph = titled(dev, "First token, p99 milliseconds")
    assert {(one.name, one.statistic) for one in graph.lines} == {("TimeToFirstToken", "p99")}
    assert len(graph.lines) == len({(one.provider, one.model) for one in dev.config.deployments})


def test_deployments_show_as_the_versions_that_requests_reach(dev: Synthesized) -> None:
    (line,) = titled(dev, "Deployments: requests by version").lines
    assert (line.name, line.searched) == ("Invocations", ["FunctionName", "ExecutedVersion"])
    assert line.label == "version ${PROP('Dim.ExecutedVersion')}"


def test_concurrency_stands_beside_what_is_reserved(dev: Synthesized, prod: Synthesized) -> None:
    assert titled(prod, "Concurrency").thresholds == [(50.0, "reserved: 50")]
    assert [one.name for one in titled(prod, "Concurrency").lines] == ["ConcurrentExecutions"]
    unreserved = titled(dev, "Concurrency")
    assert [one.name for one in unreserved.lines] == ["ConcurrentExecutions", "ClaimedAccountConcurrency"]
    assert not unreserved.thresholds


def test_today_is_counted_over_a_range_that_has_midnight_in_it(dev: Synthesized) -> None:
    today = titled(dev, "Today, since 00:00 UTC")
    assert today.properties["start"] == "-PT24H"
    assert [one.label for one in today.formulas] == ["US dollars", "of them wasted"]
    assert {one.name for one in today.lines} == {"CostUsd", "WastedCostUsd"}


@pytest.mark.parametrize(("hour", "spent"), [(3.75, 46), (0.0, 1), (23.0, 277)])
def test_today_is_the_sum_since_midnight_by_what_cloudwatch_says_of_its_functions(
    synthesize: Synthesize, chain_file: Callable[[object], Path], hour: float, spent: int
) -> None:
    """A dollar every five minutes, also before midnight, but for an hour without requests the evening before."""
    mapping = chain_file({**ROUTER_STYLE_MAPPING, "budgets": {"stage": "500/day"}})
    midnight = 20_000 * 86_400
    newest = midnight + int(hour * 3_600)
    times = np.arange(newest - 86_100, newest + 300, 300)
    dollars = np.where((times >= midnight - 7_200) & (times < midnight - 3_600), np.nan, 1.0)
    words: dict[str, Any] = {
        "EPOCH": lambda _: times,
        "FLOOR": np.floor,
        "MAX": np.max,
        "IF": np.where,
        "FILL": lambda values, instead: np.where(np.isnan(values), instead, values),
        "RUNNING_SUM": np.cumsum,
        **dict.fromkeys(("usd", "wasted", "of"), dollars),
    }
    today = titled(synthesize(mapping=str(mapping)), "Today, since 00:00 UTC")
    shown = {one.label: eval(one.expression, words)[-1] for one in today.formulas}  # noqa: S307 - our own expressions
    assert shown == {
        "US dollars": spent,
        "of them wasted": spent,
        "per cent of 500/day": pytest.approx(spent / 5),
    }


def test_sums_of_a_day_or_an_hour_are_shown_beside_others_before_them(dev: Synthesized) -> None:
    starts = {3_600: "-PT24H", 86_400: "-P14D"}
    shown = [(one, line) for one in widgets(dev) for line in one.lines if line.period in starts]
    assert {line.period for _, line in shown} == starts.keys()
    for widget, line in shown:
        assert widget.properties["start"] == starts[line.period], widget.title


def test_drills_of_two_weeks_are_shown(synthesize: Synthesize) -> None:
    found = [one for one in widgets(synthesize(drill="rate(1 day)")) if "drill" in one.title]
    assert {line.name for one in found for line in one.lines} == {"HopsUnproven", "HoursSinceProven"}
    assert {one.properties["start"] for one in found} == {"-P14D"}


def test_optional_sections_are_there_with_what_they_show(
    synthesize: Synthesize, chain_file: Callable[[object], Path], dev: Synthesized
) -> None:
    titles = [one.title for one in widgets(dev)]
    assert "## What did the response cache do?" not in titles
    mapping = {**ROUTER_STYLE_MAPPING, "cache": {"store": "dynamodb"}}
    with_both = [one.title for one in widgets(synthesize(mapping=str(chain_file(mapping)), guardrail="new"))]
    assert {"## What did the response cache do?", "## What did the guardrail do?"} <= {*with_both}


def test_log_queries_ask_for_what_the_log_has(dev: Synthesized, logged: dict[str, set[str]]) -> None:
    tables = [one for one in widgets(dev) if one.type == "log"]
    assert tables
    for one in tables:
        source, *commands = re.split(r"\s\| ", one.properties["query"])
        assert "GatewayLog" in source, "the gateway's own log group"
        assert {command.split()[0] for command in commands} <= QUERY_COMMANDS
        (wanted,) = [command for command in commands if command.startswith("filter")]
        messages = set(re.findall(r"'(\w+)'", wanted))
        assert messages <= logged.keys()
        there = set.union(*(logged[message] for message in messages))
        assert set(_asked(commands)) <= there | {"@timestamp"}, one.title


def _asked(commands: list[str]) -> Iterator[str]:
    """The fields of the log that a query reads, without the names it makes itself."""
    made = {name for command in commands for name in re.findall(r"\bas (\w+)", command)}
    for command in commands:
        verb, _, rest = command.partition(" ")
        if verb in {"fields", "stats", "sort"}:
            text = re.sub(r"'[^']*'", "", rest)
            words = set(re.findall(r"@?[a-z_]+", text)) - made
            yield from words - {"as", "by", "desc", "coalesce", "sum", "count"}


@pytest.fixture
def logged(capsys: pytest.CaptureFixture[str]) -> dict[str, set[str]]:
    """The fields of each message, of a request that is answered after a fallback and one that fails."""
    observer = CloudWatchObserver("dashboard", "INFO")

    async def scenario(*candidates: str) -> None:
        gone = Step(failure=ProviderFailure(FailureKind.NOT_FOUND, "not found", status=404))
        rigged = rig(*candidates, scripts={"a": [gone]})
        asked = question(caller="key-1", key=CallerKey(id="key-1", name="invoices"))
        with suppress(RouterError):
            await rigged.router.complete(asked)
        for attempt in rigged.notes.attempts:
            observer.attempted(asked, attempt)
        for outcome in rigged.notes.outcomes:
            observer.finished(asked, outcome)

    run_virtually(scenario("a", "b"))
    run_virtually(scenario("a"))
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    fields: dict[str, set[str]] = {}
    for event in events:
        if "_aws" not in event:
            fields.setdefault(event["message"], set()).update(event)
    return fields
