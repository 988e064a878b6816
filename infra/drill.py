"""Drills of a stage: a rule of EventBridge has the gateway's own function ask every hop of every chain."""

from __future__ import annotations

import math

from aws_cdk import ArnFormat, Duration, RemovalPolicy, Stack
from aws_cdk.aws_cloudwatch import ComparisonOperator, TreatMissingData
from aws_cdk.aws_events import Rule, RuleTargetInput, Schedule
from aws_cdk.aws_events_targets import LambdaFunction
from aws_cdk.aws_iam import PolicyStatement
from aws_cdk.aws_lambda import Alias
from aws_cdk.aws_secretsmanager import CfnSecret
from constructs import Construct

from litellm_fallback_router.drill import Order

from .acknowledged import SEAL, acknowledge
from .alarms import Alarms
from .metrics import StageMetrics
from .stage import Stage

KEY_LENGTH = 64
"""Letters and digits of the seal's key, which Secrets Manager makes: more than 256 random bits."""
DAY = Duration.days(1)
MISSED = 2
"""Drills in a row that did not happen before the alarm rings."""


def seal_name(stage: Stage) -> str:
    """Name of the secret that seals the reports."""
    return f"{stage.service}/drill-seal"


def environment(stage: Stage) -> dict[str, str]:
    """The function's variables, without which it takes no event for a drill."""
    if stage.drill is None:
        return {}
    return {"ROUTER_DRILL_SECRET": seal_name(stage), "ROUTER_DRILL_MAX_USD": f"{stage.drill_max_usd:g}"}


class Drills(Construct):
    """`every`: hours from one drill to the next; `alias`: of the function that does them."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        stage: Stage,
        every: int,
        alias: Alias,
        metrics: StageMetrics,
        alarms: Alarms,
    ) -> None:
        super().__init__(scope, id)
        self.name = seal_name(stage)
        self.secret = CfnSecret(
            self,
            "Seal",
            name=self.name,
            description="Seals the reports of drills; a report sealed with another key is taken for a forged one",
            generate_secret_string=CfnSecret.GenerateSecretStringProperty(
                password_length=KEY_LENGTH, exclude_punctuation=True
            ),
        )
        self.secret.apply_removal_policy(RemovalPolicy.RETAIN if stage.keeps_data else RemovalPolicy.DESTROY)
        acknowledge(SEAL, self.secret)
        # A drill that failed or ran out of time has cost its dollars: Lambda would do it twice more.
        alias.configure_async_invoke(retry_attempts=0, max_event_age=Duration.hours(1))
        self.rule = Rule(
            self,
            "Schedule",
            description=f"Drills of {stage.service}",
            schedule=Schedule.rate(Duration.hours(every)),
            targets=[LambdaFunction(alias, event=RuleTargetInput.from_object(Order().to_event()), retry_attempts=0)],
        )
        days = math.ceil(every * MISSED / 24)
        alarms.add(
            "HopsUnproven",
            metrics.metric("HopsUnproven", "Maximum", period=Duration.hours(1)),
            0,
            "A deployment has not been proven by a drill for 7 days: see which, and why, with "
            "fallback-router drill --stack. A chain may be shorter than it looks.",
            # Between two drills there is no news, and what the last one said holds.
            missing=TreatMissingData.IGNORE,
        )
        alarms.add(
            "DrillsStopped",
            metrics.metric("HopsUnproven", "SampleCount", period=DAY),
            1,
            f"No drill has ended for {'a day' if days == 1 else f'{days} days'}, so nobody knows what is still proven: "
            "see the rule, and the function's log. It rings after a first deployment too, until the first drill.",
            periods=days,
            comparison=ComparisonOperator.LESS_THAN_THRESHOLD,
            missing=TreatMissingData.BREACHING,
        )

    def statement(self) -> PolicyStatement:
        """What the function may read for a drill and for nothing else."""
        # Secrets Manager ends a secret's ARN with a hyphen and six characters of its own.
        arn = Stack.of(self).format_arn(
            service="secretsmanager",
            resource="secret",
            resource_name=f"{self.name}-??????",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        return PolicyStatement(actions=["secretsmanager:GetSecretValue"], resources=[arn])
