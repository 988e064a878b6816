"""API Gateway, Lambda and the state table: what the stage itself does."""

from __future__ import annotations

from aws_cdk.aws_apigateway import RestApi
from aws_cdk.aws_lambda import Alias, Function

from ..metrics import FIVE_MINUTES, StageMetrics
from .widgets import HALF, Graphs, Row


def requests(metrics: StageMetrics, graphs: Graphs, api: RestApi, alias: Alias, authorizer: Function) -> Row:
    """How many came, and which of them none of our code saw."""
    arrived = [
        api.metric_count(period=FIVE_MINUTES, label="requests"),
        api.metric_client_error(period=FIVE_MINUTES, statistic="Sum", label="4xx"),
        api.metric_server_error(period=FIVE_MINUTES, statistic="Sum", label="5xx"),
    ]
    function = [
        alias.metric_invocations(period=FIVE_MINUTES, label="invocations"),
        alias.metric_errors(period=FIVE_MINUTES, label="errors"),
        alias.metric_throttles(period=FIVE_MINUTES, label="throttles"),
        metrics.metric("ColdStarts", "Sum", label="cold starts"),
    ]
    keys = [
        authorizer.metric_invocations(period=FIVE_MINUTES, label="keys checked"),
        authorizer.metric_errors(period=FIVE_MINUTES, label="could not be checked"),
        authorizer.metric_throttles(period=FIVE_MINUTES, label="throttles"),
    ]
    return [
        graphs.graph("API Gateway", arrived),
        graphs.graph("Lambda", function),
        graphs.graph("Authorizer", keys),
    ]


def waiting(metrics: StageMetrics, graphs: Graphs, api: RestApi, alias: Alias) -> Row:
    """What time passes in the house, and whether its table answers."""
    times = [alias.metric_duration(period=FIVE_MINUTES, statistic=p, label=f"Lambda {p}") for p in ("p50", "p99")]
    times.append(api.metric_latency(period=FIVE_MINUTES, statistic="p99", label="API Gateway p99"))
    state = [metrics.metric("StateUnavailable", "Sum", label="state table out of reach")]
    return [graphs.graph("Milliseconds", times, width=HALF), graphs.graph("State table", state, width=HALF)]
