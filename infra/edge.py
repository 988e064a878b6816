"""What stands before the API on request: a web ACL, a domain of one's own, and the Region that is well."""

from __future__ import annotations

from aws_cdk import Stack
from aws_cdk.aws_apigateway import DomainName, EndpointType, RestApi, SecurityPolicy
from aws_cdk.aws_certificatemanager import Certificate
from aws_cdk.aws_wafv2 import CfnIPSet, CfnWebACL, CfnWebACLAssociation
from constructs import Construct

from .alarms import Alarms
from .api import GatewayApi
from .failover import Failover
from .stage import Stage


class Edge:
    """What the stage asks for of these, made in `stack`. `region`: where that is deployed; None: not known yet."""

    def __init__(self, stack: Stack, *, stage: Stage, api: GatewayApi, alarms: Alarms, region: str | None) -> None:
        if stage.waf:
            Firewall(stack, "Firewall", stage=stage, api=api.api)
        certificate = stage.certificate_in(region)
        self.domain: OwnDomain | None = None
        self.url = api.api.url
        self.other_regions = [one for one in stage.regions if one != region]
        if stage.domain_name and certificate:
            self.domain = OwnDomain(
                stack, "Domain", domain_name=stage.domain_name, certificate_arn=certificate, api=api.api
            )
            self.url = self.domain.url
            if stage.regions:
                Failover(
                    stack,
                    "Failover",
                    stage=stage,
                    api=api.api,
                    path=api.deep_health,
                    domain=self.domain.domain,
                    first=region == stage.regions[0],
                    keys_alarm=alarms.named("AuthorizerErrors")[0],
                )


class Firewall(Construct):
    """A web ACL with a rate per address and, where ranges are given, nobody else.

    Rate and address rules only: the managed common rules read bodies, and take prompts for attacks.
    """

    def __init__(self, scope: Construct, id: str, *, stage: Stage, api: RestApi) -> None:
        super().__init__(scope, id)
        rules = [self._rate(stage.waf_rate)]
        if stage.waf_allowed_ranges:
            rules.insert(0, self._outsiders(list(stage.waf_allowed_ranges)))
        acl = CfnWebACL(
            self,
            "Acl",
            scope="REGIONAL",
            default_action=CfnWebACL.DefaultActionProperty(allow={}),
            visibility_config=_visibility(f"{stage.service}-acl"),
            rules=rules,
        )
        stage_arn = Stack.of(self).format_arn(
            service="apigateway",
            account="",
            resource="/restapis",
            resource_name=f"{api.rest_api_id}/stages/{api.deployment_stage.stage_name}",
        )
        CfnWebACLAssociation(self, "Association", resource_arn=stage_arn, web_acl_arn=acl.attr_arn)

    def _rate(self, limit: int) -> CfnWebACL.RuleProperty:
        return CfnWebACL.RuleProperty(
            name="rate",
            priority=1,
            action=CfnWebACL.RuleActionProperty(block={}),
            statement=CfnWebACL.StatementProperty(
                rate_based_statement=CfnWebACL.RateBasedStatementProperty(limit=limit, aggregate_key_type="IP")
            ),
            visibility_config=_visibility("rate"),
        )

    def _outsiders(self, ranges: list[str]) -> CfnWebACL.RuleProperty:
        allowed = CfnIPSet(self, "Allowed", scope="REGIONAL", ip_address_version="IPV4", addresses=ranges)
        insider = CfnWebACL.StatementProperty(
            ip_set_reference_statement=CfnWebACL.IPSetReferenceStatementProperty(arn=allowed.attr_arn)
        )
        return CfnWebACL.RuleProperty(
            name="outsiders",
            priority=0,
            action=CfnWebACL.RuleActionProperty(block={}),
            statement=CfnWebACL.StatementProperty(not_statement=CfnWebACL.NotStatementProperty(statement=insider)),
            visibility_config=_visibility("outsiders"),
        )


class OwnDomain(Construct):
    """The API under a domain of one's own. `target` is what its CNAME or alias record must point at."""

    def __init__(self, scope: Construct, id: str, *, domain_name: str, certificate_arn: str, api: RestApi) -> None:
        super().__init__(scope, id)
        self.domain = domain = DomainName(
            self,
            "Domain",
            domain_name=domain_name,
            certificate=Certificate.from_certificate_arn(self, "Certificate", certificate_arn),
            endpoint_type=EndpointType.REGIONAL,
            security_policy=SecurityPolicy.TLS_1_2,
        )
        domain.add_base_path_mapping(api, stage=api.deployment_stage)
        self.url = f"https://{domain_name}/"
        self.target = domain.domain_name_alias_domain_name


def _visibility(name: str) -> CfnWebACL.VisibilityConfigProperty:
    return CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=name, sampled_requests_enabled=False
    )
