"""The HTTPS door: a Regional REST API that streams, asks every caller for a key, and errs as OpenAI does."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from aws_cdk import Duration, IgnoreMode, RemovalPolicy
from aws_cdk.aws_apigateway import (
    AccessLogField,
    AccessLogFormat,
    ApiKeySourceType,
    AuthorizationType,
    CfnAccount,
    CfnAuthorizer,
    CfnRestApi,
    EndpointType,
    LambdaIntegration,
    LogGroupLogDestination,
    Method,
    MethodDeploymentOptions,
    MethodLoggingLevel,
    Period,
    QuotaSettings,
    RequestAuthorizer,
    ResponseTransferMode,
    RestApi,
    StageOptions,
    ThrottleSettings,
    TokenAuthorizer,
    UsagePlan,
    UsagePlanPerApiStage,
)
from aws_cdk.aws_iam import ManagedPolicy, Role, ServicePrincipal
from aws_cdk.aws_lambda import Alias, Architecture, Code, Function, LoggingFormat
from constructs import Construct

from .acknowledged import API, FUNCTION, LOG_ROLE, METHOD, PROBE, STAGE, acknowledge
from .api_errors import GATEWAY_ERRORS
from .function import RUNTIME, log_group
from .stage import Stage

TLS = "SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09"
"""TLS 1.2 and 1.3 with forward secrecy. Source: API Gateway developer guide, "Security policies"."""
REMEMBERED = Duration.minutes(1)
"""How long API Gateway takes the authorizer's word for a key, and so how late a revocation may bite."""
ANY_HEADER = ("v1/messages", "v1/messages/{proxy+}", "openai/{proxy+}")
"""Paths whose clients may send their key as `x-api-key` (Anthropic) or `api-key` (Azure OpenAI). API Gateway calls the
authorizer for each of their requests."""
BEARER = r"^[Bb]earer +[!-~]{1,256}$"
"""`Bearer`, and a key fit for a header. Anything else is refused before the authorizer is asked."""


class Authorizer(Construct):
    """The function that knows the callers' keys; the stack lets its `role` read the key records."""

    def __init__(self, scope: Construct, id: str, *, stage: Stage, source: Path, state_table: str) -> None:
        super().__init__(scope, id)
        self.log_group = log_group(self, stage)
        self.role = Role(self, "Role", assumed_by=ServicePrincipal("lambda.amazonaws.com"))
        self.function = Function(
            self,
            "Function",
            description=f"Keys of the LiteLLM Fallback Router, {stage.name}",
            code=Code.from_asset(str(source.parent), exclude=["*", f"!{source.name}"], ignore_mode=IgnoreMode.GLOB),
            handler=f"{source.stem}.handler",
            runtime=RUNTIME,
            architecture=Architecture.ARM_64 if stage.arch == "arm64" else Architecture.X86_64,
            memory_size=512,
            timeout=Duration.seconds(5),
            role=self.role,
            environment={"ROUTER_STATE_TABLE": state_table},
            log_group=self.log_group,
            logging_format=LoggingFormat.JSON,
            reserved_concurrent_executions=stage.authorizer_concurrency,
        )
        self.log_group.grant_write(self.role)
        acknowledge(FUNCTION, self.function)


def deep_health(stage: Stage) -> str:
    """A path that only who can read the account's settings knows: made of the certificates' ARNs, which are random. Not
    below `health`, which would then be a resource of its own, without a method."""
    return f"deep-health/{hashlib.sha256(str(stage.certificate_arn).encode()).hexdigest()[:32]}"


class GatewayApi(Construct):
    """Everything goes to the function, and nothing without a key."""

    def __init__(
        self, scope: Construct, id: str, *, stage: Stage, alias: Alias, timeout: Duration, authorizer: Function
    ) -> None:
        super().__init__(scope, id)
        self.access_log = log_group(self, stage)
        self.api = RestApi(
            self,
            "Api",
            rest_api_name=stage.service,
            description=f"LiteLLM Fallback Router, {stage.name}: an OpenAI-compatible endpoint",
            endpoint_types=[EndpointType.REGIONAL],
            api_key_source_type=ApiKeySourceType.AUTHORIZER,
            cloud_watch_role=False,
            # Behind a domain there is one address. With two Regions Route 53 looks for the health of each at its own.
            disable_execute_api_endpoint=stage.domain_name is not None and not stage.regions,
            deploy_options=self._stage_options(stage),
        )
        self.api.node.try_remove_child("Endpoint")  # an output of CDK's own, the same as the stack's `Url`
        rest: CfnRestApi = self.api.node.default_child  # type: ignore[assignment] # CDK says: some construct
        rest.security_policy = TLS
        # The policies since 2025 ask for it. `BASIC` leaves the checks of a custom domain as they have always been.
        rest.endpoint_access_mode = "BASIC"
        self.log_role = self._log_role()
        self.api.deployment_stage.node.add_dependency(self._log_permission(self.log_role))
        self.methods = self._routes(stage, alias, timeout, authorizer)
        if stage.regions:
            self.deep_health = deep_health(stage)
            acknowledge(PROBE, self._probe(stage, alias))
        self.plans = self._usage_plans(stage)
        for error in GATEWAY_ERRORS:
            self.api.add_gateway_response(
                error.name,
                type=error.type,
                status_code=error.status,
                templates={"application/json": error.body},
                response_headers=error.headers,
            )
        acknowledge(API, self.api)
        acknowledge(STAGE, self.api.deployment_stage)
        acknowledge(METHOD, *self.methods)
        acknowledge(LOG_ROLE, self.log_role)

    def _stage_options(self, stage: Stage) -> StageOptions:
        return StageOptions(
            stage_name=stage.name,
            access_log_destination=LogGroupLogDestination(self.access_log),
            access_log_format=AccessLogFormat.custom(json.dumps(_ACCESS_LOG)),
            tracing_enabled=True,
            # Metrics of each method cost as custom ones do; those of the API itself are there without.
            metrics_enabled=False,
            # Execution logs land in a group of their own that is kept for ever, and can hold prompts.
            logging_level=MethodLoggingLevel.OFF,
            data_trace_enabled=False,
            # Route 53 asks less than once a second; whoever finds the path can cost no more than this.
            method_options={
                f"/{deep_health(stage)}/GET": MethodDeploymentOptions(
                    throttling_rate_limit=5, throttling_burst_limit=10
                )
            }
            if stage.regions
            else None,
        )

    def _probe(self, stage: Stage, alias: Alias) -> Method:
        """The one method without a key: whether this Region answers, from the API to the app. Asks no provider."""
        integration = self._integration(stage, alias, Duration.seconds(5))
        return self.api.root.resource_for_path(self.deep_health).add_method(
            "GET", integration, authorization_type=AuthorizationType.NONE, api_key_required=False
        )

    def _log_role(self) -> Role:
        role = Role(
            self,
            "LogRole",
            assumed_by=ServicePrincipal("apigateway.amazonaws.com"),
            managed_policies=[
                ManagedPolicy.from_aws_managed_policy_name("service-role/AmazonAPIGatewayPushToCloudWatchLogs")
            ],
        )
        role.apply_removal_policy(RemovalPolicy.RETAIN)
        return role

    def _log_permission(self, role: Role) -> CfnAccount:
        """API Gateway may write logs at all. One setting for the account and Region: other APIs may come to rely on
        it, so it and its role stay when the stack goes."""
        account = CfnAccount(self, "LogPermission", cloud_watch_role_arn=role.role_arn)
        account.apply_removal_policy(RemovalPolicy.RETAIN)
        return account

    def _routes(self, stage: Stage, alias: Alias, timeout: Duration, authorizer: Function) -> list[Method]:
        integration = self._integration(stage, alias, timeout)
        bearer = TokenAuthorizer(
            self,
            "Keys",
            handler=authorizer,
            identity_source="method.request.header.Authorization",
            validation_regex=BEARER,
            results_cache_ttl=REMEMBERED,
        )
        # Of several identity sources API Gateway demands all, and it remembers an answer only by them.
        any_header = RequestAuthorizer(
            self, "KeysInAnyHeader", handler=authorizer, identity_sources=[], results_cache_ttl=Duration.seconds(0)
        )
        no_source: CfnAuthorizer = any_header.node.default_child  # type: ignore[assignment] # as above
        no_source.add_property_deletion_override("IdentitySource")  # CDK writes an empty one
        root = self.api.root
        asked_for = dict.fromkeys(ANY_HEADER, any_header) | {"": bearer, "{proxy+}": bearer, "v1/{proxy+}": bearer}
        return [
            root.resource_for_path(path).add_method(
                "ANY",
                integration,
                authorizer=known,
                authorization_type=AuthorizationType.CUSTOM,
                api_key_required=True,
            )
            for path, known in asked_for.items()
        ]

    def _integration(self, stage: Stage, alias: Alias, timeout: Duration) -> LambdaIntegration:
        """Every method streams or none: the Web Adapter answers all that a function is asked in one way."""
        return LambdaIntegration(
            alias,
            response_transfer_mode=ResponseTransferMode.STREAM if stage.response_mode == "stream" else None,
            timeout=timeout,
            allow_test_invoke=False,
        )

    def _usage_plans(self, stage: Stage) -> dict[str, UsagePlan]:
        return {
            name: UsagePlan(
                self,
                f"Plan-{name}",
                name=f"{stage.service}-{name}",
                throttle=ThrottleSettings(rate_limit=plan.rate, burst_limit=plan.burst),
                quota=None if plan.daily is None else QuotaSettings(limit=plan.daily, period=Period.DAY),
                api_stages=[UsagePlanPerApiStage(api=self.api, stage=self.api.deployment_stage)],
            )
            for name, plan in stage.plans.items()
        }


_ACCESS_LOG = {
    "requestId": AccessLogField.context_request_id(),
    "time": AccessLogField.context_request_time_epoch(),
    "method": AccessLogField.context_http_method(),
    "path": AccessLogField.context_path(),
    "status": AccessLogField.context_status(),
    "keyId": AccessLogField.context_authorizer_principal_id(),
    "ip": AccessLogField.context_identity_source_ip(),
    "milliseconds": AccessLogField.context_response_latency(),
    "integrationMilliseconds": AccessLogField.context_integration_latency(),
    "bytes": AccessLogField.context_response_length(),
    "error": AccessLogField.context_error_response_type(),
    "traceId": AccessLogField.context_xray_trace_id(),
}
"""Who asked, what came of it. No header of the request: Authorization is one."""
