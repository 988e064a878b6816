"""A stage in two Regions, as it is synthesized."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from infra.stage import load_stage
from litellm_fallback_router.routing.errors import ConfigurationError
from tests.infrastructure.stack.rules import cfn_lint_finds_nothing, nag_finds_nothing
from tests.infrastructure.stack.templates import ACCOUNT, Synthesized, flat

FIRST, SECOND = "us-east-1", "eu-west-1"
CERTIFICATES = ",".join(f"arn:aws:acm:{region}:{ACCOUNT}:certificate/of-{region}" for region in (FIRST, SECOND))
BOTH = {
    "stage": "prod",
    "regions": f"{FIRST},{SECOND}",
    "domain_name": "llm.example.com",
    "hosted_zone": "Z0123456789",
    "certificate_arn": CERTIFICATES,
    "alarm_email": "ops@example.com",
}


@pytest.fixture(scope="module")
def first(synthesize: Callable[..., Synthesized]) -> Synthesized:
    return synthesize(region=FIRST, **BOTH)


@pytest.fixture(scope="module")
def second(synthesize: Callable[..., Synthesized]) -> Synthesized:
    return synthesize(region=SECOND, **BOTH)


def test_the_first_makes_the_table_everywhere_and_the_second_uses_its_copy(
    first: Synthesized, second: Synthesized
) -> None:
    table = first.only("AWS::DynamoDB::GlobalTable")
    assert table["TableName"] == "fallback-router-prod-state"
    assert {one["Region"] for one in table["Replicas"]} == {FIRST, SECOND}
    for one in table["Replicas"]:
        assert one["DeletionProtectionEnabled"] is True
        assert one["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}
    assert second.of("AWS::DynamoDB::GlobalTable") == second.of("AWS::DynamoDB::Table") == {}
    variables = second.functions()[0]["Environment"]["Variables"]
    assert flat(variables["ROUTER_STATE_TABLE"]) == "fallback-router-prod-state"
    (statement,) = (one for one in second.statements("Authorizer") if "dynamodb" in str(one["Action"]))
    assert flat(statement["Resource"]).endswith("table/fallback-router-prod-state")
    assert f":{SECOND}:" in flat(statement["Resource"])


def test_providers_keys_are_stored_once_and_copied(first: Synthesized, second: Synthesized) -> None:
    for secret in first.of("AWS::SecretsManager::Secret").values():
        assert secret["Properties"]["ReplicaRegions"] == [{"Region": SECOND}]
    assert second.of("AWS::SecretsManager::Secret") == {}
    assert any("secretsmanager:GetSecretValue" in str(one["Action"]) for one in second.statements("Gateway"))


def test_the_domains_record_names_the_first_while_it_is_well(first: Synthesized, second: Synthesized) -> None:
    for stack, role, region in ((first, "PRIMARY", FIRST), (second, "SECONDARY", SECOND)):
        record = stack.only("AWS::Route53::RecordSet")
        assert (record["Name"], record["Failover"], record["SetIdentifier"]) == ("llm.example.com", role, region)
        checks = {
            name: one["Properties"]["HealthCheckConfig"] for name, one in stack.of("AWS::Route53::HealthCheck").items()
        }
        (well,) = (name for name, one in checks.items() if one["Type"] == "CALCULATED")
        assert flat(record["HealthCheckId"]) == f"<{well}.HealthCheckId>"
        assert (len(checks[well]["ChildHealthChecks"]), checks[well]["HealthThreshold"]) == (2, 2)
        (alarm,) = (one for one in checks.values() if one["Type"] == "CLOUDWATCH_METRIC")
        assert "AuthorizerErrors" in str(alarm["AlarmIdentifier"]["Name"])
        assert alarm["AlarmIdentifier"]["Region"] == region


def test_route_53_looks_at_the_one_open_method_which_is_throttled_and_cannot_be_guessed(first: Synthesized) -> None:
    (look,) = (
        one["Properties"]["HealthCheckConfig"]
        for one in first.of("AWS::Route53::HealthCheck").values()
        if one["Properties"]["HealthCheckConfig"]["Type"] == "HTTPS"
    )
    path = look["ResourcePath"].removeprefix("/prod")
    assert path.startswith("/deep-health/")
    assert len(path.rpartition("/")[2]) == 32
    limits = {one["ResourcePath"]: one for one in first.only("AWS::ApiGateway::Stage")["MethodSettings"]}
    limited = limits["/" + path.replace("/", "~1")]
    assert (limited["ThrottlingRateLimit"], limited["ThrottlingBurstLimit"]) == (5, 10)
    methods = [one["Properties"] for one in first.of("AWS::ApiGateway::Method").values()]
    (open_one,) = (one for one in methods if one["AuthorizationType"] == "NONE")
    assert open_one["HttpMethod"] == "GET"
    # The function streams whatever it says: API Gateway would take none of it from a method that does not.
    assert {one["Integration"].get("ResponseTransferMode") for one in methods} == {"STREAM"}
    assert all(one["ApiKeyRequired"] for one in methods if one is not open_one)
    # A resource without a method would take its path away from those that answer any.
    assert "health" not in {one["Properties"]["PathPart"] for one in first.of("AWS::ApiGateway::Resource").values()}
    # Route 53 finds each Region at API Gateway's own address.
    assert first.only("AWS::ApiGateway::RestApi")["DisableExecuteApiEndpoint"] is False
    assert look["FullyQualifiedDomainName"]


def test_each_has_its_own_certificate_and_knows_of_the_other(first: Synthesized, second: Synthesized) -> None:
    for stack, here, other in ((first, FIRST, SECOND), (second, SECOND, FIRST)):
        assert stack.only("AWS::ApiGateway::DomainName")["RegionalCertificateArn"].endswith(f"of-{here}")
        assert stack.template["Outputs"]["OtherRegions"]["Value"] == other


def test_each_has_a_live_mapping_of_its_own_and_the_secrets_that_it_may_name_are_copied(
    synthesize: Callable[..., Synthesized],
) -> None:
    live = {"live_mapping": "true", "models": "bedrock/us.amazon.nova-pro-v1:0,gemini/*"}
    there = {region: synthesize(region=region, **BOTH, **live) for region in (FIRST, SECOND)}
    for region, stack in there.items():
        gateway = stack.functions()[0]["Environment"]["Variables"]
        assert gateway["ROUTER_APPCONFIG"] == "fallback-router-prod/prod/mapping"
        (statement,) = stack.statements("LiveMappingGatewayReads")
        assert f":appconfig:{region}:" in statement["Resource"]
        assert len(stack.only("AWS::AppConfig::Environment")["Monitors"]) == 3
        # A model without a Region is the stage's own one, in each stack.
        asked = str([one["Resource"] for one in stack.statements("Gateway") if "bedrock" in str(one["Action"])])
        assert f":bedrock:{region}:{ACCOUNT}:inference-profile/us.amazon.nova-pro-v1:0" in asked
        cfn_lint_finds_nothing(stack)
    names = {one["Properties"]["Name"] for one in there[FIRST].of("AWS::SecretsManager::Secret").values()}
    assert "fallback-router-prod/gemini" in names
    assert there[SECOND].of("AWS::SecretsManager::Secret") == {}


def test_others_rules_find_nothing(
    first: Synthesized,
    second: Synthesized,
    synthesize: Callable[..., Synthesized],
    capfd: pytest.CaptureFixture[str],
) -> None:
    cfn_lint_finds_nothing(first)
    cfn_lint_finds_nothing(second)
    nag_finds_nothing(synthesize, {**BOTH, "region": FIRST}, capfd)


@pytest.mark.parametrize(
    ("context", "said"),
    [
        ({"regions": FIRST}, r"regions: give two that differ"),
        ({"regions": f"{FIRST},{FIRST}"}, r"regions: give two that differ"),
        ({"regions": "europe,us-east-1"}, r"-c regions\.0: String should match"),
        ({"hosted_zone": ""}, r"regions: needs -c domain_name and -c hosted_zone"),
        (
            {"certificate_arn": CERTIFICATES.split(",")[0]},
            rf"certificate_arn: give one in each Region.*none in {SECOND}",
        ),
        ({"regions": ""}, r"hosted_zone: needs -c regions"),
        ({"waf": "true", "waf_allowed_ranges": "203.0.113.0/24"}, r"waf_allowed_ranges: with -c regions"),
        ({"kms_key": "new"}, r"kms_key: not with -c regions"),
    ],
)
def test_mistake_is_named_with_its_setting_and_the_fix(context: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        load_stage({**BOTH, **context})
