"""The mapping in AWS AppConfig: changed without a deployment, rolled out step by step, taken back when an alarm rings.

Nothing is in it at first: until a mapping is pushed the function goes by its package's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from aws_cdk import Aws, Duration, Stack
from aws_cdk.aws_appconfig import CfnApplication, CfnConfigurationProfile, CfnDeploymentStrategy, CfnEnvironment
from aws_cdk.aws_cloudwatch import Alarm
from aws_cdk.aws_iam import Policy, PolicyStatement, Role, ServicePrincipal
from aws_cdk.aws_lambda import Architecture, Code, Function, LoggingFormat
from constructs import Construct

from litellm_fallback_router.routing.mapping import mapping_schema

from .acknowledged import FUNCTION, MAPPING_ALARMS, acknowledge
from .function import RUNTIME, log_group
from .stage import Stage

PROFILE = "mapping"
VALIDATOR = "litellm_fallback_router.entrypoints.mapping_validator.handler"
VALIDATOR_SECONDS = 15
"""AppConfig waits no longer for a validator. Source: AppConfig user guide, "Understanding validators"."""
WATCHED = ("Errors", "ApiErrors", "ChainsExhausted")
"""Alarms that take a mapping back. `Errors` and `ApiErrors` want two periods of five minutes, which the minutes below
leave room for."""
ROLLOUT_MINUTES = 10
STEP = 20.0
"""Per cent of the environments that are reached with each step."""
BAKE_MINUTES = 15
"""How long the alarms are watched after the last step."""


def place(stage: Stage) -> str:
    """Where the function reads it. By name: the alarms that AppConfig watches are the function's own, so a reference
    would go round in a circle."""
    return f"{stage.service}/{stage.name}/{PROFILE}"


class LiveMapping(Construct):
    """`environment`: the gateway's variables, by which the validator checks; `alarms`: what takes a mapping back."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        stage: Stage,
        package: Path,
        environment: Mapping[str, str],
        alarms: Sequence[Alarm],
    ) -> None:
        super().__init__(scope, id)
        self.validator = self._validator(stage, package, environment)
        self.application = CfnApplication(self, "Application", name=stage.service)
        self.watcher = Role(self, "Watcher", assumed_by=ServicePrincipal("appconfig.amazonaws.com"))
        # Source: AppConfig user guide, "Configure permissions for automatic rollback".
        self.watcher.add_to_policy(PolicyStatement(actions=["cloudwatch:DescribeAlarms"], resources=["*"]))
        acknowledge(MAPPING_ALARMS, self.watcher)
        self.environment = CfnEnvironment(
            self,
            "Environment",
            application_id=self.application.ref,
            name=stage.name,
            monitors=[
                CfnEnvironment.MonitorsProperty(alarm_arn=one.alarm_arn, alarm_role_arn=self.watcher.role_arn)
                for one in alarms
            ],
        )
        # AppConfig looks at the alarms as soon as the environment is there.
        self.environment.node.add_dependency(self.watcher)
        self.profile = CfnConfigurationProfile(
            self,
            "Profile",
            application_id=self.application.ref,
            name=PROFILE,
            location_uri="hosted",
            validators=[
                CfnConfigurationProfile.ValidatorsProperty(
                    type="JSON_SCHEMA", content=json.dumps(mapping_schema(), separators=(",", ":"))
                ),
                CfnConfigurationProfile.ValidatorsProperty(type="LAMBDA", content=self.validator.function_arn),
            ],
        )
        self.step_by_step = self._strategy(f"{stage.service}-steps", ROLLOUT_MINUTES, STEP, BAKE_MINUTES)
        self.at_once = self._strategy(f"{stage.service}-at-once", 0, 100.0, 0)

    def allow(self, name: str, role: Role) -> None:
        """`role` may read the mapping. Not in the role's own policy, for which a function waits: see `place`."""
        arn = Stack.of(self).format_arn(
            service="appconfig",
            resource="application",
            resource_name=f"{self.application.ref}/environment/{self.environment.ref}/configuration/{self.profile.ref}",
        )
        actions = ["appconfig:StartConfigurationSession", "appconfig:GetLatestConfiguration"]
        Policy(self, name, roles=[role], statements=[PolicyStatement(actions=actions, resources=[arn])])

    @property
    def output(self) -> str:
        """For the command line: application, environment, profile, and both strategies."""
        parts = (self.application, self.environment, self.profile, self.step_by_step, self.at_once)
        return "/".join(one.ref for one in parts)

    def _strategy(self, name: str, minutes: int, step: float, bake: int) -> CfnDeploymentStrategy:
        return CfnDeploymentStrategy(
            self,
            "AtOnce" if minutes == 0 else "StepByStep",
            name=name,
            deployment_duration_in_minutes=minutes,
            growth_factor=step,
            growth_type="LINEAR",
            final_bake_time_in_minutes=bake,
            replicate_to="NONE",
        )

    def _validator(self, stage: Stage, package: Path, environment: Mapping[str, str]) -> Function:
        log = log_group(self, stage)
        role = Role(self, "ValidatorRole", assumed_by=ServicePrincipal("lambda.amazonaws.com"))
        function = Function(
            self,
            "Validator",
            description=f"Checks mappings of the LiteLLM Fallback Router, {stage.name}",
            code=Code.from_asset(str(package)),
            handler=VALIDATOR,
            runtime=RUNTIME,
            architecture=Architecture.ARM_64 if stage.arch == "arm64" else Architecture.X86_64,
            # As much of a processor as lets it start well within its seconds.
            memory_size=1024,
            timeout=Duration.seconds(VALIDATOR_SECONDS),
            role=role,
            environment=dict(environment),
            log_group=log,
            logging_format=LoggingFormat.JSON,
        )
        log.grant_write(role)
        function.add_permission(
            "AppConfig", principal=ServicePrincipal("appconfig.amazonaws.com"), source_account=Aws.ACCOUNT_ID
        )
        acknowledge(FUNCTION, function)
        return function
