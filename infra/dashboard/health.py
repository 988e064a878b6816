"""Is it up? What rings, how many requests fail, which version answers them, and how much concurrency they take."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk.aws_apigateway import RestApi
from aws_cdk.aws_cloudwatch import (
    AlarmStatusWidget,
    GraphWidget,
    HorizontalAnnotation,
    IMetric,
    MathExpression,
    Metric,
    SingleValueWidget,
)
from aws_cdk.aws_lambda import Alias

from ..alarms import Alarms
from ..function import ALIAS
from ..metrics import FIVE_MINUTES, StageMetrics
from .widgets import HEIGHT, THIRD, Graphs, Row

BY_VERSION = "{AWS/Lambda,FunctionName,Resource,ExecutedVersion}"
"""What Lambda says of the version behind an alias. Source: Lambda developer guide, "Types of metrics for Lambda
functions"."""


def now(metrics: StageMetrics, graphs: Graphs, alarms: Alarms) -> Row:
    """The alarms, a few numbers, and the requests with their errors."""
    metric, each = metrics.metric, metrics.each
    numbers: list[IMetric] = [
        metric("Requests", "Sum", label="requests"),
        metric("RequestErrors", "Average", label="error rate"),
        metric("Fallbacks", "Average", label="fallback rate"),
        metric("CostUsd", "Sum", label="US dollars"),
    ]
    outcomes: list[IMetric] = [
        metric("Requests", "Sum", label="requests"),
        metric("ChainsExhausted", "Sum", label="exhausted chains"),
        metric("DeadlinesMissed", "Sum", label="deadlines missed"),
        each("RequestErrors", "Sum", "code"),
    ]
    return [
        AlarmStatusWidget(title="Alarms", alarms=list(alarms.all), width=THIRD, height=HEIGHT),
        SingleValueWidget(
            title="In this time", metrics=numbers, set_period_to_time_range=True, width=THIRD, height=HEIGHT
        ),
        graphs.graph("Requests and errors by code", outcomes),
    ]


def change(metrics: StageMetrics, graphs: Graphs, api: RestApi, alias: Alias, reserved: int | None) -> Row:
    """What the alarms watch, beside the deployments that may have caused it. `reserved`: the function's concurrency."""
    rates = [
        metrics.metric("RequestErrors", "Average", label="errors"),
        metrics.metric("Fallbacks", "Average", label="fallbacks"),
        api.metric_server_error(period=FIVE_MINUTES, statistic="Average", label="5xx of API Gateway"),
    ]
    return [
        graphs.graph("Rates, of all requests", rates),
        graphs.graph("Deployments: requests by version", [_versions(alias)], stacked=True),
        _concurrency(graphs, alias, reserved),
    ]


def _versions(alias: Alias) -> MathExpression:
    """A dashboard's vertical lines stand at times written into it, which a deployment cannot know of later ones. So
    a deployment is drawn as what it does: the requests of one version end where those of the next begin."""
    wanted = f'{BY_VERSION} MetricName="Invocations" Resource="{alias.lambda_.function_name}:{ALIAS}"'
    return MathExpression(
        expression=f"SEARCH('{wanted}', 'Sum', 300)",
        using_metrics={},
        label="version ${PROP('Dim.ExecutedVersion')}",
        period=FIVE_MINUTES,
    )


def _concurrency(graphs: Graphs, alias: Alias, reserved: int | None) -> GraphWidget:
    """Beside what is reserved; else beside what all functions of the account take. No metric says its quota."""
    minute = Duration.minutes(1)
    used = alias.metric("ConcurrentExecutions", statistic="Maximum", period=minute, label="requests at once")
    if reserved is not None:
        limit = HorizontalAnnotation(value=reserved, label=f"reserved: {reserved}")
        return graphs.graph("Concurrency", [used], limits=[limit])
    claimed = Metric(
        namespace="AWS/Lambda",
        metric_name="ClaimedAccountConcurrency",
        statistic="Maximum",
        period=minute,
        label="taken of the account's quota",
    )
    return graphs.graph("Concurrency", [used, claimed])
