"""What a request passes on its way besides models: a guardrail and a response cache, where the mapping has them."""

from __future__ import annotations

from aws_cdk.aws_cloudwatch import IMetric

from ..metrics import StageMetrics
from .widgets import HALF, Graphs, Row


def guardrail(metrics: StageMetrics, graphs: Graphs) -> Row:
    """What it did, how long it took, and what it billed."""
    metric, each = metrics.metric, metrics.each
    done: list[IMetric] = [
        metric("GuardrailBlocks", "Sum", label="blocked"),
        metric("GuardrailMasks", "Sum", label="masked"),
        metric("GuardrailUnreachable", "Sum", label="no verdict"),
        each("GuardrailBlocks", "Sum", "source"),
    ]
    times = [metric("GuardrailLatency", p, label=p) for p in ("p50", "p90", "p99")]
    units: list[IMetric] = [metric("GuardrailUnits", "Sum", label="all"), each("GuardrailUnits", "Sum", "policy")]
    return [
        graphs.graph("Requests", done),
        graphs.graph("Waiting for verdicts, milliseconds", times),
        graphs.graph("Units billed, by policy", units),
    ]


def cache(metrics: StageMetrics, graphs: Graphs) -> Row:
    """How many requests it answered."""
    metric = metrics.metric
    requests = [
        metric("CacheHits", "SampleCount", label="took part"),
        metric("CacheHits", "Sum", label="were given an earlier answer"),
        metric("CacheStores", "Sum", label="answers kept"),
    ]
    share = [metric("CacheHits", "Average", label="share of hits")]
    return [
        graphs.graph("Requests", requests, width=HALF),
        graphs.graph("Hits, of those that take part", share, width=HALF),
    ]
