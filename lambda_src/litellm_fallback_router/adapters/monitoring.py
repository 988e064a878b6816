"""What CloudWatch has of a stage's metrics, and the subscribers of its alarms. Blocking; raises botocore's errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ..routing.observe import NAMESPACE, SERVICE

MINUTE = 60
"""Seconds; the finest that is kept of a metric that came through a log."""
CONFIRMED = "arn:"
"""Begins the ARN of a subscription. One that waits for its confirmation has a word in its place. Source: Amazon SNS
API reference, Subscribe."""


@dataclass(frozen=True, slots=True)
class Subscribers:
    """The subscribers of the alarms' topic."""

    confirmed: int
    pending: tuple[str, ...]
    """Addresses that have not confirmed yet."""


class Monitoring:
    def __init__(self, cloudwatch: Any, sns: Any, *, service: str, topic: str) -> None:
        """`service`: what the stage is called in its metrics; `topic`: ARN of its alarms' topic."""
        self._cloudwatch = cloudwatch
        self._sns = sns
        self._service = service
        self.topic = topic

    def sums(self, names: Sequence[str], since: float) -> Mapping[str, float]:
        """The sum of each of the stage's metrics from the minute of `since` (Unix seconds) on; 0 where it has none."""
        start = datetime.fromtimestamp(since // MINUTE * MINUTE, UTC)
        found = self._cloudwatch.get_metric_data(
            MetricDataQueries=[self._query(f"m{number}", name) for number, name in enumerate(names)],
            StartTime=start,
            EndTime=datetime.now(UTC) + timedelta(seconds=MINUTE),
        )
        values = {result["Id"]: sum(result["Values"]) for result in found["MetricDataResults"]}
        return {name: values.get(f"m{number}", 0.0) for number, name in enumerate(names)}

    def subscribers(self) -> Subscribers:
        pages = self._sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=self.topic)
        subscriptions = [one for page in pages for one in page["Subscriptions"]]
        pending = [one["Endpoint"] for one in subscriptions if not one["SubscriptionArn"].startswith(CONFIRMED)]
        return Subscribers(len(subscriptions) - len(pending), tuple(pending))

    def _query(self, query: str, name: str) -> dict[str, Any]:
        dimensions = [{"Name": SERVICE, "Value": self._service}]
        metric = {"Namespace": NAMESPACE, "MetricName": name, "Dimensions": dimensions}
        return {"Id": query, "MetricStat": {"Metric": metric, "Period": MINUTE, "Stat": "Sum"}}
