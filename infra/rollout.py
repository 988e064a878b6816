"""A new version of the gateway is taken into use step by step, and out of it again when an alarm rings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from aws_cdk import CustomResource, Duration, Stack
from aws_cdk.aws_cloudwatch import Alarm, Metric
from aws_cdk.aws_codedeploy import AutoRollbackConfig, LambdaApplication, LambdaDeploymentConfig, LambdaDeploymentGroup
from aws_cdk.aws_iam import PolicyStatement, Role, ServicePrincipal
from aws_cdk.aws_lambda import Architecture, Code, Function, LoggingFormat
from constructs import Construct

from .acknowledged import FUNCTION, KEEPER_REASON, ROLLOUT_ROLE, acknowledge
from .function import ALIAS, RUNTIME, GatewayFunction, log_group
from .stage import Stage

SHIFTS = {
    "canary": LambdaDeploymentConfig.CANARY_10_PERCENT_15_MINUTES,
    "linear": LambdaDeploymentConfig.LINEAR_10_PERCENT_EVERY_2_MINUTES,
}
"""Long enough for the alarms: `Errors` and `ApiErrors` want two periods of five minutes."""
WATCHED = ("Errors", "ApiErrors", "ChainsExhausted", "NewVersion")
"""Alarms that take a new version back."""
KEEPER = Path(__file__).with_name("version_keeper.py")


def new_version_errors(gateway: GatewayFunction) -> Metric:
    """Crashes and timeouts of the version that is being deployed, while the alias sends it a part of the requests.
    Source: Lambda developer guide, "Types of metrics for Lambda functions", the dimension `ExecutedVersion`."""
    function = gateway.function.function_name
    return Metric(
        namespace="AWS/Lambda",
        metric_name="Errors",
        dimensions_map={
            "FunctionName": function,
            "Resource": f"{function}:{ALIAS}",
            "ExecutedVersion": gateway.function.current_version.version,
        },
        statistic="Sum",
        period=Duration.minutes(1),
    )


class Rollout(Construct):
    """CodeDeploy moves the alias. CloudFormation makes a new alias without it, so a first deployment is not shifted.
    The deployment is free; `shift`: one of `SHIFTS`."""

    def __init__(
        self, scope: Construct, id: str, *, stage: Stage, gateway: GatewayFunction, shift: str, alarms: Sequence[Alarm]
    ) -> None:
        super().__init__(scope, id)
        self.application = LambdaApplication(self, "Application", application_name=stage.service)
        self.role = Role(self, "Role", assumed_by=ServicePrincipal("codedeploy.amazonaws.com"))
        acknowledge(ROLLOUT_ROLE, self.role)
        self.group = LambdaDeploymentGroup(
            self,
            "Group",
            application=self.application,
            alias=gateway.alias,
            deployment_config=SHIFTS[shift],
            role=self.role,
            alarms=list(alarms),
            auto_rollback=AutoRollbackConfig(failed_deployment=True, stopped_deployment=True, deployment_in_alarm=True),
        )


class VersionKeeper(Construct):
    """Of the published versions the newest few stay, and whatever the alias names: it runs at the end of a
    deployment."""

    def __init__(self, scope: Construct, id: str, *, stage: Stage, gateway: GatewayFunction) -> None:
        super().__init__(scope, id)
        self.log_group = log_group(self, stage)
        self.role = Role(self, "Role", assumed_by=ServicePrincipal("lambda.amazonaws.com"))
        self.function = Function(
            self,
            "Function",
            description=f"Deletes old versions of the LiteLLM Fallback Router, {stage.name}",
            code=Code.from_inline(KEEPER.read_text(encoding="utf-8")),
            handler="index.handler",
            runtime=RUNTIME,
            architecture=Architecture.ARM_64 if stage.arch == "arm64" else Architecture.X86_64,
            timeout=Duration.minutes(2),
            role=self.role,
            log_group=self.log_group,
            logging_format=LoggingFormat.JSON,
        )
        self.log_group.grant_write(self.role)
        acknowledge(FUNCTION, self.function)
        run = CustomResource(
            self,
            "Run",
            service_token=self.function.function_arn,
            resource_type="Custom::VersionKeeper",
            properties={
                "FunctionName": gateway.function.function_name,
                "Alias": ALIAS,
                "Version": gateway.function.current_version.version,
            },
            service_timeout=Duration.minutes(5),
        )
        # Once the callers have been moved; and with its permissions, which the role's policy holds.
        run.node.add_dependency(gateway.alias, self.role)

    def findings(self, gateway: GatewayFunction) -> dict[str, str]:
        """What cdk-nag objects to in it, and why it stays."""
        function = Stack.of(self).get_logical_id(gateway.function.node.default_child)  # type: ignore[arg-type] # CDK says: some construct
        return {f"IAM5[Resource::<{function}.Arn>:*]": KEEPER_REASON}

    def statements(self, gateway: GatewayFunction) -> list[PolicyStatement]:
        """What it may do."""
        function = gateway.function.function_arn
        return [
            PolicyStatement(actions=["lambda:ListVersionsByFunction", "lambda:GetAlias"], resources=[function]),
            # A version, never the function: that has no colon and number behind its name.
            PolicyStatement(actions=["lambda:DeleteFunction"], resources=[f"{function}:*"]),
        ]
