"""The gateway's Lambda: a published version, restored from its SnapStart snapshot, behind the alias `live`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from aws_cdk import Annotations, Aws, Duration, RemovalPolicy
from aws_cdk.aws_iam import Role, ServicePrincipal
from aws_cdk.aws_lambda import (
    Alias,
    ApplicationLogLevel,
    Architecture,
    Code,
    Function,
    LayerVersion,
    LoggingFormat,
    Runtime,
    SnapStartConf,
    SystemLogLevel,
    Tracing,
    VersionOptions,
)
from aws_cdk.aws_logs import LogGroup, RetentionDays
from constructs import Construct

from litellm_fallback_router.aws_regions import ADAPTER_REGIONS, adapter_layer_arn, has_snapstart
from litellm_fallback_router.routing.errors import ConfigurationError

from .acknowledged import FUNCTION, ROLE, acknowledge
from .stage import Stage

RUNTIME = Runtime.PYTHON_3_13
ALIAS = "live"
PORT = 8080
HANDLER = "litellm_fallback_router.entrypoints.lambda_handler.handler"
RETENTION = {
    1: "ONE_DAY",
    3: "THREE_DAYS",
    7: "ONE_WEEK",
    14: "TWO_WEEKS",
    30: "ONE_MONTH",
    90: "THREE_MONTHS",
    180: "SIX_MONTHS",
    365: "ONE_YEAR",
    731: "TWO_YEARS",
}
"""CDK's names for the days that `Stage.log_retention_days` allows."""
STREAMED = Duration.minutes(15)
BUFFERED = Duration.seconds(29)
"""API Gateway waits no longer for a buffered answer."""


@dataclass(frozen=True)
class Door:
    """How events come into the package."""

    handler: str
    timeout: Duration
    environment: Mapping[str, str] = field(default_factory=dict)
    adapter: bool = False
    """Whether the Lambda Web Adapter stands before it."""


TOOL_DOOR = Door("fallback_router_agentcore.handler.handler", Duration.minutes(5))
"""For AgentCore Gateway."""


def api_door(stage: Stage, *, snapstart: bool) -> Door:
    """For API Gateway."""
    if stage.response_mode == "stream":
        return Door("run.sh", STREAMED, _adapter_environment(snapstart=snapstart), adapter=True)
    return Door(HANDLER, BUFFERED)


def snapstart_in(region: str | None, stage: Stage) -> bool:
    """Whether the functions are restored from snapshots in that Region; None: it is not known yet.

    Raises ConfigurationError where the Region lacks what the stage needs.
    """
    if region is None:
        return stage.snapstart != "off"
    problems = []
    if stage.response_mode == "stream" and region not in ADAPTER_REGIONS:
        problems.append(
            f"-c response_mode=stream: the Lambda Web Adapter, which streams, is not published in {region}; take "
            "-c response_mode=buffered (whole answers within 28 s), or another Region"
        )
    if stage.snapstart == "on" and not has_snapstart(region):
        problems.append(f"-c snapstart=on: Lambda has no SnapStart in {region}; take auto or off, or another Region")
    if problems:
        raise ConfigurationError(problems)
    return stage.snapstart == "on" or (stage.snapstart == "auto" and has_snapstart(region))


class GatewayFunction(Construct):
    """The function without any permission but to write its log; the stack grants the others to `role`."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        stage: Stage,
        snapstart: bool,
        door: Door,
        package: Path,
        environment: Mapping[str, str],
        keep_versions: bool = False,
    ) -> None:
        """`keep_versions`: those before the current one stay when it is replaced (`version_keeper.py` tidies them)."""
        super().__init__(scope, id)
        self.timeout = door.timeout
        self.log_group = log_group(self, stage)
        self.role = Role(self, "Role", assumed_by=ServicePrincipal("lambda.amazonaws.com"))
        self.function = Function(
            self,
            "Function",
            description=f"LiteLLM Fallback Router, {stage.name}",
            code=Code.from_asset(str(package)),
            handler=door.handler,
            runtime=RUNTIME,
            architecture=Architecture.ARM_64 if stage.arch == "arm64" else Architecture.X86_64,
            memory_size=stage.memory_mb,
            timeout=self.timeout,
            role=self.role,
            environment={**environment, **door.environment},
            layers=[self._adapter(stage)] if door.adapter else [],
            snap_start=SnapStartConf.ON_PUBLISHED_VERSIONS if snapstart else None,
            tracing=Tracing.ACTIVE,
            log_group=self.log_group,
            logging_format=LoggingFormat.JSON,
            application_log_level_v2=ApplicationLogLevel.DEBUG
            if stage.log_level == "DEBUG"
            else ApplicationLogLevel.INFO,
            system_log_level_v2=SystemLogLevel.INFO,
            reserved_concurrent_executions=stage.reserved_concurrency,
            # Each kept version may keep costing its snapshot. One that was made by a deployment that failed goes in any
            # case: Lambda publishes nothing for the same code again, so the next try would fail.
            current_version_options=VersionOptions(
                removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE if keep_versions else RemovalPolicy.DESTROY
            ),
        )
        self.log_group.grant_write(self.role)
        acknowledge(ROLE, self.role)
        acknowledge(FUNCTION, self.function)
        # CDK warns that SnapStart needs a published version, and cannot see the alias on one.
        Annotations.of(self.function).acknowledge_warning("@aws-cdk/aws-lambda:snapStartRequirePublish")
        self.alias = Alias(self, "Alias", alias_name=ALIAS, version=self.function.current_version)

    def _adapter(self, stage: Stage) -> LayerVersion:
        arn = adapter_layer_arn(Aws.PARTITION, Aws.REGION, stage.arch)
        return LayerVersion.from_layer_version_arn(self, "WebAdapter", arn)  # type: ignore[return-value] # CDK says: its interface


def log_group(scope: Construct, stage: Stage) -> LogGroup:
    """A log group with the stage's retention, which goes with the stack."""
    retention = RetentionDays[RETENTION[stage.log_retention_days]]
    return LogGroup(scope, "Log", retention=retention, removal_policy=RemovalPolicy.DESTROY)


def _adapter_environment(*, snapstart: bool) -> dict[str, str]:
    """Source: https://aws.github.io/aws-lambda-web-adapter/configuration/environment-variables.html"""
    hooks = {
        "AWS_LWA_SNAPSTART_BEFORE_CHECKPOINT_PATH": "/snapstart/before-checkpoint",
        "AWS_LWA_SNAPSTART_AFTER_RESTORE_PATH": "/snapstart/after-restore",
    }
    # Without a snapshot the start has 10 seconds. A slower one would begin anew; so the adapter waits on instead.
    waiting = {"AWS_LWA_ASYNC_INIT": "true"}
    return {
        "AWS_LAMBDA_EXEC_WRAPPER": "/opt/bootstrap",
        "AWS_LWA_INVOKE_MODE": "response_stream",
        "AWS_LWA_PORT": str(PORT),
        "AWS_LWA_READINESS_CHECK_PATH": "/health",
        **(hooks if snapstart else waiting),
    }
