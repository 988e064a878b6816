"""What must hold of the template, whatever else changes in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.api_errors import GATEWAY_ERRORS
from litellm_fallback_router.settings import Settings
from tests.infrastructure.stack.templates import Synthesized, flat, listed


@pytest.fixture(params=["dev", "prod", "buffered"])
def stack(request: pytest.FixtureRequest) -> Synthesized:
    synthesized: Synthesized = request.getfixturevalue(request.param)
    return synthesized


def test_every_method_asks_the_authorizer_and_a_usage_plan(stack: Synthesized) -> None:
    methods = stack.of("AWS::ApiGateway::Method").values()
    assert {method["Properties"]["HttpMethod"] for method in methods} == {"ANY"}
    assert len(methods) == 6
    for method in methods:
        assert method["Properties"]["AuthorizationType"] == "CUSTOM"
        assert method["Properties"]["ApiKeyRequired"] is True
        assert method["Properties"]["AuthorizerId"]
    assert stack.only("AWS::ApiGateway::RestApi")["ApiKeySourceType"] == "AUTHORIZER"


def test_a_key_may_stand_in_other_headers_only_on_the_paths_of_clients_that_do_so(dev: Synthesized) -> None:
    known = {name: one["Properties"] for name, one in dev.of("AWS::ApiGateway::Authorizer").items()}
    resources = {name: one["Properties"] for name, one in dev.of("AWS::ApiGateway::Resource").items()}

    def path(resource: str) -> str:
        own = resources.get(resource)
        return "" if own is None else f"{path(own['ParentId'].get('Ref', ''))}/{own['PathPart']}"

    found: dict[str, set[str]] = {}
    for method in dev.of("AWS::ApiGateway::Method").values():
        kind = known[method["Properties"]["AuthorizerId"]["Ref"]]
        found.setdefault(kind["Type"], set()).add(path(method["Properties"]["ResourceId"].get("Ref", "")))
        # Without identity sources API Gateway calls it for each request, and must not be told to remember.
        assert ("IdentitySource" in kind) == (kind["Type"] == "TOKEN")
        assert kind["AuthorizerResultTtlInSeconds"] == (60 if kind["Type"] == "TOKEN" else 0)
    assert found == {
        "TOKEN": {"", "/{proxy+}", "/v1/{proxy+}"},
        "REQUEST": {"/v1/messages", "/v1/messages/{proxy+}", "/openai/{proxy+}"},
    }


def test_streaming_stage_streams_every_method_for_fifteen_minutes(dev: Synthesized) -> None:
    for method in dev.of("AWS::ApiGateway::Method").values():
        integration = method["Properties"]["Integration"]
        assert integration["ResponseTransferMode"] == "STREAM"
        assert integration["TimeoutInMillis"] == 900_000
        assert "response-streaming-invocations" in flat(integration["Uri"])
    gateway, _ = dev.functions()
    assert gateway["Timeout"] == 900
    assert gateway["Handler"] == "run.sh"
    assert flat(gateway["Layers"]) == ["arn:aws:lambda:eu-central-1:753240598075:layer:LambdaAdapterLayerArm64:30"]


def test_buffered_stage_runs_the_plain_handler_within_api_gateways_patience(buffered: Synthesized) -> None:
    gateway, _ = buffered.functions()
    assert gateway["Handler"] == "litellm_fallback_router.entrypoints.lambda_handler.handler"
    assert gateway["Timeout"] == 29
    assert "Layers" not in gateway
    assert not any(name.startswith("AWS_L") for name in gateway["Environment"]["Variables"])
    for method in buffered.of("AWS::ApiGateway::Method").values():
        assert "ResponseTransferMode" not in method["Properties"]["Integration"]


def test_gateway_runs_from_a_snapshot_behind_its_alias(stack: Synthesized) -> None:
    gateway, _ = stack.functions()
    assert gateway["SnapStart"] == {"ApplyOn": "PublishedVersions"}
    assert gateway["Runtime"] == "python3.13"
    assert gateway["TracingConfig"] == {"Mode": "Active"}
    alias = stack.only("AWS::Lambda::Alias")
    (version,) = stack.of("AWS::Lambda::Version")
    assert alias["Name"] == "live"
    assert alias["FunctionVersion"] == {"Fn::GetAtt": [version, "Version"]}
    (alias_id,) = stack.of("AWS::Lambda::Alias")
    for method in stack.of("AWS::ApiGateway::Method").values():
        assert f"<{alias_id}>" in flat(method["Properties"]["Integration"]["Uri"])


def test_every_variable_of_ours_is_one_the_code_reads(stack: Synthesized) -> None:
    gateway, _ = stack.functions()
    known = {field.alias for field in Settings.model_fields.values()}
    ours = {name for name in gateway["Environment"]["Variables"] if name.startswith(("ROUTER_", "GATEWAY_"))}
    assert ours
    assert ours <= known


def test_mapping_of_ones_own_is_the_one_the_gateway_reads(
    synthesize: Callable[..., Synthesized], chain_file: Callable[[object], Path]
) -> None:
    model = {"model_name": "mine", "litellm_provider": "openai", "params": {"model": "gpt-4o"}}
    synthesized = synthesize(mapping=str(chain_file({"model_list": [model]})))
    gateway, _ = synthesized.functions()
    assert gateway["Environment"]["Variables"]["ROUTER_CONFIG"] == "mapping.json"
    assert '"model": "mine"' in flat(synthesized.template["Outputs"]["Curl"]["Value"])


def test_no_key_is_in_the_template_or_in_a_variable(stack: Synthesized) -> None:
    secrets = stack.of("AWS::SecretsManager::Secret")
    assert secrets
    for secret in secrets.values():
        assert not secret["Properties"].keys() & {"SecretString", "GenerateSecretString"}
    variables = [name for function in stack.functions() for name in function["Environment"]["Variables"]]
    assert variables
    assert not [name for name in variables if "KEY" in name or "TOKEN" in name]


def test_each_provider_with_keys_has_a_secret(dev: Synthesized) -> None:
    names = {secret["Properties"]["Name"] for secret in dev.of("AWS::SecretsManager::Secret").values()}
    assert names == {"fallback-router-dev/openai", "fallback-router-dev/anthropic"}


def test_table_is_encrypted_restorable_expiring_and_paid_by_use(stack: Synthesized) -> None:
    table = stack.only("AWS::DynamoDB::Table")
    assert table["SSESpecification"] == {"SSEEnabled": True}
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}
    assert table["BillingMode"] == "PAY_PER_REQUEST"


def test_callers_keys_outlive_a_production_stack_and_not_a_development_one(dev: Synthesized, prod: Synthesized) -> None:
    for kind in ("AWS::DynamoDB::Table", "AWS::SecretsManager::Secret"):
        assert {one["DeletionPolicy"] for one in dev.of(kind).values()} == {"Delete"}
        assert {one["DeletionPolicy"] for one in prod.of(kind).values()} == {"Retain"}


def test_gateway_may_do_exactly_this_beside_bedrock(stack: Synthesized) -> None:
    others = [s for s in stack.statements("Gateway") if "bedrock" not in str(s["Action"])]
    allowed = {
        (action, resource) for s in others for action in listed(s["Action"]) for resource in listed(s["Resource"])
    }
    (table,) = stack.of("AWS::DynamoDB::Table")
    (log,) = (name for name in stack.of("AWS::Logs::LogGroup") if name.startswith("Gateway"))
    secrets = f"arn:aws:secretsmanager:eu-central-1:123456789012:secret:fallback-router-{stack.stage.name}"
    assert allowed == {
        ("xray:PutTelemetryRecords", "*"),
        ("xray:PutTraceSegments", "*"),
        ("logs:CreateLogStream", f"<{log}.Arn>"),
        ("logs:PutLogEvents", f"<{log}.Arn>"),
        ("secretsmanager:GetSecretValue", f"{secrets}/openai-??????"),
        ("secretsmanager:GetSecretValue", f"{secrets}/anthropic-??????"),
        *((f"dynamodb:{action}", f"<{table}.Arn>") for action in ("BatchGetItem", "GetItem", "PutItem", "UpdateItem")),
    }


def test_gateway_cannot_touch_the_callers_keys_and_the_authorizer_only_reads_them(stack: Synthesized) -> None:
    def table_access(owner: str) -> list[tuple[Any, Any]]:
        statements = [s for s in stack.statements(owner) if "dynamodb" in str(s["Action"])]
        return [(s["Action"], s["Condition"]) for s in statements]

    ((_, condition),) = table_access("Gateway")
    touched = ["circuit#*", "rpm#*", "account#*", "spend#*", "drained"]
    assert condition == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": touched}}
    assert table_access("Authorizer") == [
        ("dynamodb:GetItem", {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["key#*"]}})
    ]


def test_access_log_has_no_header_of_the_request(stack: Synthesized) -> None:
    stage = stack.only("AWS::ApiGateway::Stage")
    fields = json.loads(stage["AccessLogSetting"]["Format"]).values()
    assert "$context.status" in fields
    assert not [field for field in fields if "authorization" in field.lower() or "header" in field.lower()]
    assert stage["MethodSettings"][0]["DataTraceEnabled"] is False
    assert stage["MethodSettings"][0]["LoggingLevel"] == "OFF"
    assert stage["TracingEnabled"] is True


def test_api_takes_no_tls_older_than_1_2(stack: Synthesized) -> None:
    assert stack.only("AWS::ApiGateway::RestApi")["SecurityPolicy"].startswith("SecurityPolicy_TLS13_1_2_")


def test_domain_of_ones_own_takes_no_tls_older_than_1_2(prod: Synthesized) -> None:
    assert prod.only("AWS::ApiGateway::DomainName")["SecurityPolicy"] == "TLS_1_2"


def test_gateway_responses_are_openai_errors(stack: Synthesized) -> None:
    responses = [one["Properties"] for one in stack.of("AWS::ApiGateway::GatewayResponse").values()]
    for response in responses:
        error = json.loads(response["ResponseTemplates"]["application/json"])["error"]
        assert error.keys() == {"message", "type", "param", "code"}
    statuses = {response["ResponseType"]: response.get("StatusCode") for response in responses}
    assert len(statuses) == len(GATEWAY_ERRORS)
    assert statuses["UNAUTHORIZED"] == statuses["INVALID_API_KEY"] == statuses["ACCESS_DENIED"] == "401"
    assert statuses["THROTTLED"] == statuses["QUOTA_EXCEEDED"] == "429"
    assert statuses["REQUEST_TOO_LARGE"] == "413"
    assert {"DEFAULT_4XX", "DEFAULT_5XX"} <= statuses.keys()


def test_logs_are_kept_as_long_as_the_stage_says(stack: Synthesized) -> None:
    assert {group["Properties"]["RetentionInDays"] for group in stack.of("AWS::Logs::LogGroup").values()} == {30}
    for function in stack.functions():
        assert function["LoggingConfig"]["LogFormat"] == "JSON"
        assert function["LoggingConfig"].get("ApplicationLogLevel", "INFO") == "INFO"


def test_alarms_reach_the_topic_and_cloudwatch_may_publish_there(stack: Synthesized) -> None:
    (topic,) = stack.of("AWS::SNS::Topic")
    alarms = stack.of("AWS::CloudWatch::Alarm").values()
    assert len(alarms) == 9 + (stack.stage.shift is not None)
    for alarm in alarms:
        assert alarm["Properties"]["AlarmActions"] == [{"Ref": topic}]
        assert alarm["Properties"]["AlarmDescription"]
    statements = stack.only("AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"]
    allowed = [s for s in statements if s["Effect"] == "Allow"]
    assert [s["Principal"] for s in allowed] == [{"Service": "cloudwatch.amazonaws.com"}]


def test_alarm_mail_goes_to_the_given_address_only(dev: Synthesized, prod: Synthesized) -> None:
    assert dev.of("AWS::SNS::Subscription") == {}
    assert prod.only("AWS::SNS::Subscription")["Endpoint"] == "ops@example.com"


def test_web_acl_limits_addresses_and_lets_only_the_given_ranges_in(dev: Synthesized, prod: Synthesized) -> None:
    assert dev.of("AWS::WAFv2::WebACL") == {}
    rules = {rule["Name"]: rule for rule in prod.only("AWS::WAFv2::WebACL")["Rules"]}
    assert rules["rate"]["Statement"]["RateBasedStatement"] == {"AggregateKeyType": "IP", "Limit": 6040}
    assert "NotStatement" in rules["outsiders"]["Statement"]
    assert prod.only("AWS::WAFv2::IPSet")["Addresses"] == ["203.0.113.0/24"]
    assert flat(prod.only("AWS::WAFv2::WebACLAssociation")["ResourceArn"]).endswith(
        "/stages/<ApiDeploymentStageprod95EFE650>"
    )


@pytest.mark.parametrize(
    ("output", "owner"),
    [("LogGroup", "GatewayLog"), ("AuthorizerLogGroup", "AuthorizerLog"), ("AccessLogGroup", "ApiLog")],
)
def test_an_output_names_each_log_that_an_operator_reads(prod: Synthesized, output: str, owner: str) -> None:
    group = prod.template["Outputs"][output]["Value"]["Ref"]
    assert group in prod.of("AWS::Logs::LogGroup")
    assert group.startswith(owner)


def test_url_is_the_own_domain_where_there_is_one(dev: Synthesized, prod: Synthesized) -> None:
    assert flat(prod.template["Outputs"]["Url"]["Value"]) == "https://llm.example.com/"
    assert ".execute-api.eu-central-1.amazonaws.com/" in flat(dev.template["Outputs"]["Url"]["Value"])


def test_reserved_concurrency_is_unset_unless_asked_for(dev: Synthesized, prod: Synthesized) -> None:
    """A new account has 10 in all, of which none can be reserved: the default must deploy there."""
    assert not [one for one in dev.functions() if "ReservedConcurrentExecutions" in one]
    assert [one["ReservedConcurrentExecutions"] for one in prod.functions()] == [50, 5]


def test_keys_that_cannot_be_checked_ring_and_refused_ones_do_not(dev: Synthesized) -> None:
    """Lambda counts exceptions, and a refused key is none (tests/unit/aws/test_authorizer.py)."""
    alarms = dev.of("AWS::CloudWatch::Alarm").items()
    read = [one["Properties"] for name, one in alarms if name.startswith("AlarmsAuthorizer")]
    (authorizer,) = (name for name in dev.of("AWS::Lambda::Function") if name.startswith("Authorizer"))
    assert {(one["Namespace"], one["MetricName"]) for one in read} == {
        ("AWS/Lambda", "Errors"),
        ("AWS/Lambda", "Throttles"),
    }
    assert {flat(one["Dimensions"][0]["Value"]) for one in read} == {f"<{authorizer}>"}


def test_what_operators_should_know_is_said_at_synthesis(synthesize: Callable[..., Synthesized]) -> None:
    said = "\n".join(synthesize(stage="prod").warnings)
    assert "-c alarm_email: not set" in said
    assert "-c authorizer_concurrency: not set" in said


def test_nothing_is_said_of_what_is_given_or_is_only_a_development_stage(dev: Synthesized, prod: Synthesized) -> None:
    assert not [one for one in (*dev.warnings, *prod.warnings) if "alarm_email" in one or "concurrency" in one]
