"""Alarms, each worth waking up for, on one SNS topic."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import Duration
from aws_cdk.aws_apigateway import RestApi
from aws_cdk.aws_cloudwatch import Alarm, ComparisonOperator, IMetric, TreatMissingData
from aws_cdk.aws_cloudwatch_actions import SnsAction
from aws_cdk.aws_lambda import Alias, Function
from aws_cdk.aws_sns import Topic
from aws_cdk.aws_sns_subscriptions import EmailSubscription
from constructs import Construct

from .metrics import FIVE_MINUTES, StageMetrics
from .stage import Stage

ERROR_RATE = 0.05
FALLBACK_RATE = 0.2


@dataclass(frozen=True, slots=True)
class Threshold:
    """Where an alarm rings."""

    alarm: str
    metric: IMetric
    above: float


class Alarms(Construct):
    """`deadline`: seconds that a request may take; answers that near it are too slow; `new_version`: errors of the one
    being deployed, where callers are moved to it step by step."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        stage: Stage,
        metrics: StageMetrics,
        api: RestApi,
        alias: Alias,
        authorizer: Function,
        deadline: float,
        new_version: IMetric | None = None,
    ) -> None:
        super().__init__(scope, id)
        self.topic = Topic(self, "Topic", display_name=f"{stage.service} alarms", enforce_ssl=True)
        if stage.alarm_email:
            self.topic.add_subscription(EmailSubscription(stage.alarm_email))
        self.all: list[Alarm] = []
        self.thresholds: list[Threshold] = []
        self.add(
            "Errors",
            metrics.metric("RequestErrors", "Average"),
            ERROR_RATE,
            "More than 5 % of the requests ended in a 5xx or a 429. See which code, and which provider fails.",
            periods=2,
        )
        self.add(
            "ChainsExhausted",
            metrics.metric("ChainsExhausted", "Sum"),
            0,
            "A request got no answer from any candidate of its chain. Add a candidate, or see why all of them fail.",
        )
        self.add(
            "Fallbacks",
            metrics.metric("Fallbacks", "Average"),
            FALLBACK_RATE,
            "More than 20 % of the answers came from another model than the one asked for, for 15 minutes.",
            periods=3,
        )
        self.add(
            "Slow",
            metrics.metric("Latency", "p99"),
            deadline * 1000 / 2,
            "The slowest 1 % of the requests took more than half of the deadline, for 15 minutes.",
            periods=3,
        )
        self.add(
            "Cost",
            metrics.metric("CostUsd", "Sum", period=Duration.hours(1)),
            stage.hourly_cost_usd,
            f"Providers cost more than {stage.hourly_cost_usd:g} US dollars in an hour.",
        )
        self.add(
            "Throttles",
            alias.metric_throttles(period=FIVE_MINUTES, statistic="Sum"),
            0,
            "Lambda turned requests away: the account's or the function's concurrency is used up. Raise it.",
        )
        # Two alarms: one on the sum of both would cost as much, and not say which.
        self.add(
            "AuthorizerErrors",
            authorizer.metric_errors(period=FIVE_MINUTES, statistic="Sum"),
            0,
            "Callers' keys could not be checked, again and again for 10 minutes: those callers got a 503.",
            periods=2,
        )
        self.add(
            "AuthorizerThrottles",
            authorizer.metric_throttles(period=FIVE_MINUTES, statistic="Sum"),
            0,
            "Lambda had nothing left to check callers' keys with, again and again for 10 minutes: they got a 503.",
            periods=2,
        )
        self.add(
            "ApiErrors",
            api.metric_server_error(period=FIVE_MINUTES, statistic="Average"),
            ERROR_RATE,
            "More than 5 % of the responses were a 5xx, be it the gateway's own or API Gateway's: is the function up?",
            periods=2,
        )
        if new_version:
            self.add(
                "NewVersion",
                new_version,
                0,
                "A version that is being deployed crashed or timed out; the deployment goes back by itself.",
            )

    def named(self, *names: str) -> list[Alarm]:
        """Those alarms, in the order of the list."""
        return [alarm for alarm in self.all if alarm.node.id in names]

    def add(
        self,
        name: str,
        metric: IMetric,
        threshold: float,
        description: str,
        periods: int = 1,
        *,
        comparison: ComparisonOperator = ComparisonOperator.GREATER_THAN_THRESHOLD,
        missing: TreatMissingData = TreatMissingData.NOT_BREACHING,
    ) -> None:
        """An alarm on the topic. `missing`: by default no requests are no news, and no reason to ring."""
        alarm = Alarm(
            self,
            name,
            metric=metric,
            threshold=threshold,
            comparison_operator=comparison,
            evaluation_periods=periods,
            treat_missing_data=missing,
            alarm_description=description,
        )
        alarm.add_alarm_action(SnsAction(self.topic))
        alarm.add_ok_action(SnsAction(self.topic))
        self.all.append(alarm)
        if comparison is ComparisonOperator.GREATER_THAN_THRESHOLD:
            self.thresholds.append(Threshold(name, metric, threshold))
