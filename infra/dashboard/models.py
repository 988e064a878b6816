"""Who is answering, why others did not, and how slow they are: a line for each model of the mapping."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk.aws_cloudwatch import IMetric

from litellm_fallback_router.routing.types import Deployment

from ..metrics import StageMetrics
from .widgets import Graphs, Row


class Models:
    """`deployments` decide the lines."""

    def __init__(self, metrics: StageMetrics, graphs: Graphs, deployments: Sequence[Deployment]) -> None:
        self._metrics, self._graphs = metrics, graphs
        self._models = sorted({(one.provider, one.model) for one in deployments})

    def each(self, name: str, statistic: str) -> list[IMetric]:
        """A line for each model."""
        return [
            self._metrics.metric(name, statistic, label=f"{provider}:{model}", provider=provider, model=model)
            for provider, model in self._models
        ]

    def answering(self) -> Row:
        """How many attempts each model has, and what becomes of them."""
        graph = self._graphs.graph
        return [
            graph("Attempts", self.each("AttemptFailures", "SampleCount")),
            graph("Failed attempts", self.each("AttemptFailures", "Sum")),
            graph("Attempts, p90 milliseconds", self.each("AttemptLatency", "p90")),
        ]

    def fallbacks(self) -> Row:
        """Why requests went on to the next candidate."""
        metric, each, graph = self._metrics.metric, self._metrics.each, self._graphs.graph
        fallbacks = [
            metric("Fallbacks", "Sum", label="fallbacks"),
            metric("FallbackDepth", "Maximum", label="deepest"),
            metric("ResumedStreams", "Sum", label="resumed streams"),
        ]
        return [
            graph("Fallbacks", fallbacks),
            graph("Failures by kind", [each("AttemptFailures", "Sum", "kind")]),
            graph("Circuits that moved", [each("CircuitTransitions", "Sum", "deployment", "state")]),
        ]

    def times(self) -> Row:
        """What callers wait for."""
        graph = self._graphs.graph
        latency = [self._metrics.metric("Latency", p, label=p) for p in ("p50", "p90", "p99")]
        return [
            graph("Whole requests, milliseconds", latency),
            graph("First token, p90 milliseconds", self.each("TimeToFirstToken", "p90")),
            graph("First token, p99 milliseconds", self.each("TimeToFirstToken", "p99")),
        ]
