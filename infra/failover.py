"""A stage in two Regions: the domain's record names the first one that is well. Synthesized and checked, deployed by
nobody yet (docs/aws.md)."""

from __future__ import annotations

from aws_cdk import Stack
from aws_cdk.aws_apigateway import DomainName, RestApi
from aws_cdk.aws_cloudwatch import Alarm
from aws_cdk.aws_route53 import CfnHealthCheck, CfnRecordSet
from constructs import Construct

from .stage import Stage

FAILURES = 3
"""In a row, of a look every 30 seconds."""
LOOKED_FROM = ["us-east-1", "eu-west-1", "ap-southeast-1"]
"""As few as Route 53 takes: each look is a request. Source: Amazon Route 53 API reference, HealthCheckConfig."""


class Failover(Construct):
    """`path`: of the open health route; `keys_alarm`: rings while callers' keys cannot be checked, and so while the
    state table cannot be read. `first`: whether callers come here as long as it is well."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        stage: Stage,
        api: RestApi,
        path: str,
        domain: DomainName,
        first: bool,
        keys_alarm: Alarm,
    ) -> None:
        super().__init__(scope, id)
        region = Stack.of(self).region
        answers = self._check(
            "Answers",
            type="HTTPS",
            fully_qualified_domain_name=f"{api.rest_api_id}.execute-api.{region}.amazonaws.com",
            port=443,
            resource_path=f"/{stage.name}/{path}",
            request_interval=30,
            failure_threshold=FAILURES,
            enable_sni=True,
            regions=LOOKED_FROM,
        )
        knows_keys = self._check(
            "KnowsKeys",
            type="CLOUDWATCH_METRIC",
            alarm_identifier=CfnHealthCheck.AlarmIdentifierProperty(name=keys_alarm.alarm_name, region=region),
            insufficient_data_health_status="LastKnownStatus",
        )
        both = self._check(
            "Well",
            type="CALCULATED",
            child_health_checks=[answers.attr_health_check_id, knows_keys.attr_health_check_id],
            health_threshold=2,
        )
        CfnRecordSet(
            self,
            "Record",
            hosted_zone_id=stage.hosted_zone,
            name=str(stage.domain_name),
            type="A",
            set_identifier=region,
            failover="PRIMARY" if first else "SECONDARY",
            health_check_id=both.attr_health_check_id,
            alias_target=CfnRecordSet.AliasTargetProperty(
                dns_name=domain.domain_name_alias_domain_name,
                hosted_zone_id=domain.domain_name_alias_hosted_zone_id,
                evaluate_target_health=False,
            ),
        )

    def _check(self, id: str, **settings: object) -> CfnHealthCheck:
        config = CfnHealthCheck.HealthCheckConfigProperty(**settings)  # type: ignore[arg-type] # one kind takes some
        return CfnHealthCheck(self, id, health_check_config=config)
