"""The declared metrics as CloudWatch reads them. A name or dimension set that is not declared is an error here."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk.aws_cloudwatch import MathExpression, Metric

from litellm_fallback_router.routing.observe import METRICS, NAMESPACE, SERVICE

FIVE_MINUTES = Duration.minutes(5)


class StageMetrics:
    """What the code of one stage emits."""

    def __init__(self, service: str) -> None:
        self.service = service

    def metric(
        self,
        name: str,
        statistic: str,
        *,
        period: Duration = FIVE_MINUTES,
        label: str | None = None,
        **dimensions: str,
    ) -> Metric:
        """One metric of the whole stage, or of the `dimensions` given. Raises ValueError where none is declared."""
        self._check(name, set(dimensions))
        return Metric(
            namespace=NAMESPACE,
            metric_name=name,
            dimensions_map={SERVICE: self.service, **dimensions},
            statistic=statistic,
            period=period,
            label=label,
        )

    def each(self, name: str, statistic: str, *dimensions: str) -> MathExpression:
        """A line for every value that the `dimensions` take."""
        self._check(name, set(dimensions))
        schema = ",".join([NAMESPACE, SERVICE, *dimensions])
        wanted = f'{{{schema}}} MetricName="{name}" {SERVICE}="{self.service}"'
        return MathExpression(
            expression=f"SEARCH('{wanted}', '{statistic}', 300)", using_metrics={}, label="", period=FIVE_MINUTES
        )

    def _check(self, name: str, dimensions: set[str]) -> None:
        declared = METRICS.get(name)
        if declared is None or not any(set(names) == dimensions for names in declared.sets):
            raise ValueError(f"{name} by {sorted(dimensions)} is not declared in routing/observe/metrics.py")
