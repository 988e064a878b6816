"""Both ways: what the dashboard and the alarms read is declared, and what is declared is read."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from infra.metrics import StageMetrics
from litellm_fallback_router.routing.observe.metrics import (
    CACHE_METRICS,
    DRILL_METRICS,
    GUARDRAIL_METRICS,
    METRICS,
    NAMESPACE,
    SERVICE,
)
from tests.infrastructure.stack.dashboards import widgets
from tests.infrastructure.stack.templates import Synthesized

Read = tuple[str, frozenset[str]]
"""A metric's name and the names of the dimensions it is read by, without `SERVICE`."""


def _read_by_dashboard(synthesized: Synthesized) -> Iterator[tuple[str, dict[str, str]]]:
    for widget in widgets(synthesized):
        for line in widget.lines:
            if line.namespace == NAMESPACE:
                yield line.name, dict(line.dimensions)


def _read_by_alarms(synthesized: Synthesized) -> Iterator[tuple[str, dict[str, str]]]:
    for alarm in synthesized.of("AWS::CloudWatch::Alarm").values():
        properties = alarm["Properties"]
        if properties.get("Namespace") == NAMESPACE:
            yield properties["MetricName"], {d["Name"]: d["Value"] for d in properties["Dimensions"]}


@pytest.fixture
def reads(dev: Synthesized) -> list[tuple[str, dict[str, str]]]:
    return [*_read_by_dashboard(dev), *_read_by_alarms(dev)]


def test_dashboard_and_alarms_read_only_what_the_code_emits(reads: list[tuple[str, dict[str, str]]]) -> None:
    emitted: set[Read] = {(metric.name, frozenset(names)) for metric in METRICS.values() for names in metric.sets}
    assert {(name, frozenset(dimensions) - {SERVICE}) for name, dimensions in reads} <= emitted


def test_every_dimension_set_that_the_code_emits_is_read(reads: list[tuple[str, dict[str, str]]]) -> None:
    """Each costs as a metric of its own."""
    emitted: set[Read] = {
        (metric.name, frozenset(names))
        for metric in METRICS.values()
        if metric.name not in GUARDRAIL_METRICS | CACHE_METRICS | DRILL_METRICS
        for names in metric.sets
    }
    assert emitted == {(name, frozenset(dimensions) - {SERVICE}) for name, dimensions in reads}


def test_api_gateway_keeps_no_metrics_of_each_method(dev: Synthesized) -> None:
    (settings,) = dev.only("AWS::ApiGateway::Stage")["MethodSettings"]
    assert settings["MetricsEnabled"] is False


def test_everything_is_read_of_the_own_stage(reads: list[tuple[str, dict[str, str]]], dev: Synthesized) -> None:
    assert {dimensions[SERVICE] for _, dimensions in reads} == {"fallback-router-dev"}
    gateway, _ = dev.functions()
    assert gateway["Environment"]["Variables"]["ROUTER_SERVICE"] == "fallback-router-dev"


def test_every_model_of_the_mapping_has_its_lines(reads: list[tuple[str, dict[str, str]]], dev: Synthesized) -> None:
    for name in ("AttemptFailures", "AttemptLatency", "TimeToFirstToken", "CostUsd"):
        shown = {(d.get("provider"), d.get("model")) for read, d in reads if read == name}
        assert shown >= {(d.provider, d.model) for d in dev.config.deployments}


def test_undeclared_metric_cannot_be_read() -> None:
    metrics = StageMetrics("any")
    with pytest.raises(ValueError, match="Reqests"):
        metrics.metric("Reqests", "Sum")
    with pytest.raises(ValueError, match="Requests by"):
        metrics.metric("Requests", "Sum", model="gpt-4o")
