"""A key of the operator's for what is stored, and tags on everything."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from infra.stage import load_stage
from litellm_fallback_router.routing.errors import ConfigurationError
from tests.infrastructure.stack.rules import cfn_lint_finds_nothing, nag_finds_nothing
from tests.infrastructure.stack.templates import ACCOUNT, EVERYTHING, REGION, Synthesized, flat, listed

ARN = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0123abcd-0000-0000-0000-000000000000"
READ = {"kms:Decrypt", "kms:DescribeKey"}
WRITE = READ | {"kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo"}
UNTAGGABLE = {
    "AWS::ApiGateway::Account",
    "AWS::ApiGateway::Authorizer",
    "AWS::ApiGateway::BasePathMapping",
    "AWS::ApiGateway::Deployment",
    "AWS::ApiGateway::GatewayResponse",
    "AWS::ApiGateway::Method",
    "AWS::ApiGateway::Resource",
    "AWS::CloudWatch::Dashboard",
    "AWS::IAM::Policy",
    "AWS::KMS::Alias",
    "AWS::Lambda::Alias",
    "AWS::Lambda::Permission",
    "AWS::Lambda::Version",
    "AWS::SNS::Subscription",
    "AWS::SNS::TopicPolicy",
    "AWS::WAFv2::WebACLAssociation",
    "Custom::VersionKeeper",
}
"""Types that take no tags in CloudFormation."""


@pytest.fixture(scope="module")
def kept(synthesize: Callable[..., Synthesized], tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    """With a new key, and every table there is."""
    mapping = tmp_path_factory.mktemp("chain") / "my-chain.yaml"
    mapping.write_text(
        "settings: {responses_store: dynamodb}\n"
        "model_list: [{model_name: mine, litellm_provider: openai, params: {model: gpt-4o}}]\n"
    )
    return synthesize(kms_key="new", mapping=str(mapping))


def key_statements(stack: Synthesized, owner: str) -> list[tuple[set[str], str, list[str]]]:
    found = [one for one in stack.statements(owner) if "kms:" in str(one["Action"])]
    return [
        (set(listed(one["Action"])), one["Resource"], listed(one["Condition"]["StringEquals"]["kms:ViaService"]))
        for one in found
    ]


def test_a_new_key_encrypts_every_table_log_and_secret(kept: Synthesized) -> None:
    (key,) = kept.of("AWS::KMS::Key")
    tables = kept.of("AWS::DynamoDB::Table").values()
    assert len(tables) == 2
    for table in tables:
        encryption = table["Properties"]["SSESpecification"]
        assert flat(encryption) == {"KMSMasterKeyId": f"<{key}.Arn>", "SSEEnabled": True, "SSEType": "KMS"}
    for kind in ("AWS::Logs::LogGroup", "AWS::SecretsManager::Secret"):
        stored = kept.of(kind).values()
        assert stored
        assert {flat(one["Properties"]["KmsKeyId"]) for one in stored} == {f"<{key}.Arn>"}


def test_a_mapping_that_is_pushed_is_encrypted_with_it_and_the_function_can_read_it(
    synthesize: Callable[..., Synthesized],
) -> None:
    stack = synthesize(kms_key="new", live_mapping="true")
    (key,) = stack.of("AWS::KMS::Key")
    # Its id: CloudFormation refuses an ARN here (github.com/aws/aws-cdk/issues/36819).
    assert flat(stack.only("AWS::AppConfig::ConfigurationProfile")["KmsKeyIdentifier"]) == f"<{key}>"
    through = f"appconfig.{REGION}.amazonaws.com"
    assert (READ, f"<{key}.Arn>", [through]) in key_statements(stack, "Gateway")
    imported = synthesize(kms_key=ARN, live_mapping="true")
    profile = imported.only("AWS::AppConfig::ConfigurationProfile")
    assert profile["KmsKeyIdentifier"] == ARN.rpartition("/")[2]
    without = synthesize(live_mapping="true")
    assert "KmsKeyIdentifier" not in without.only("AWS::AppConfig::ConfigurationProfile")
    assert key_statements(without, "Gateway") == []


def test_a_new_key_rotates_and_lets_this_accounts_logs_use_it(kept: Synthesized) -> None:
    key = kept.only("AWS::KMS::Key")
    assert key["EnableKeyRotation"] is True
    assert kept.only("AWS::KMS::Alias")["AliasName"] == "alias/fallback-router-dev"
    root, logs = flat(key["KeyPolicy"]["Statement"])
    assert root["Principal"] == {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    assert logs["Principal"] == {"Service": f"logs.{REGION}.amazonaws.com"}
    groups = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:*"
    assert logs["Condition"] == {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}}


def test_roles_may_use_the_key_through_the_services_that_need_it_alone(kept: Synthesized) -> None:
    (key,) = kept.of("AWS::KMS::Key")
    table, secrets = f"dynamodb.{REGION}.amazonaws.com", f"secretsmanager.{REGION}.amazonaws.com"
    assert key_statements(kept, "Gateway") == [(WRITE, f"<{key}.Arn>", [table, secrets])]
    assert key_statements(kept, "Authorizer") == [(READ, f"<{key}.Arn>", [table])]


def test_a_key_that_exists_is_used_and_none_is_made(synthesize: Callable[..., Synthesized]) -> None:
    stack = synthesize(kms_key=ARN)
    assert stack.of("AWS::KMS::Key") == {}
    assert flat(stack.only("AWS::DynamoDB::Table")["SSESpecification"]["KMSMasterKeyId"]) == ARN
    ((_, resource, _),) = key_statements(stack, "Authorizer")
    assert resource == ARN


def test_a_production_key_outlives_the_stack_as_what_it_encrypts_does(synthesize: Callable[..., Synthesized]) -> None:
    (key,) = synthesize(stage="prod", kms_key="new").of("AWS::KMS::Key").values()
    assert key["DeletionPolicy"] == "Retain"


def test_without_the_setting_there_is_no_key(dev: Synthesized) -> None:
    assert "kms:" not in dev.text
    assert dev.of("AWS::KMS::Key") == {}


def test_others_rules_find_nothing(
    synthesize: Callable[..., Synthesized], kept: Synthesized, capfd: pytest.CaptureFixture[str]
) -> None:
    cfn_lint_finds_nothing(kept)
    nag_finds_nothing(
        synthesize, {**EVERYTHING, "kms_key": "new", "live_mapping": "true", "tags": "team=search"}, capfd
    )


def test_everything_that_can_have_tags_has_them(synthesize: Callable[..., Synthesized]) -> None:
    stack = synthesize(**EVERYTHING, kms_key="new", live_mapping="true", tags="team=search, cost-center=a=b")
    wanted = {"stage": "prod", "service": "fallback-router-prod", "team": "search", "cost-center": "a=b"}
    without = set()
    for one in stack.template["Resources"].values():
        tags = one.get("Properties", {}).get("Tags", [])
        found = tags if isinstance(tags, dict) else {tag["Key"]: tag["Value"] for tag in tags}
        if not wanted.items() <= found.items():
            without.add(one["Type"])
    assert without <= UNTAGGABLE


@pytest.mark.parametrize(
    ("context", "said"),
    [
        ({"tags": "team"}, r"-c tags: must be NAME=VALUE pairs with commas between, which 'team' is not"),
        ({"tags": "Stage=x"}, r"-c tags: Stage is set by the stack itself"),
        ({"tags": "aws:team=x"}, r"-c tags: aws:team=x: .* no name begins with aws:"),
        ({"tags": "t\u00e9am=x"}, r"-c tags: t\u00e9am=x: a name is 1 to 128"),
        ({"tags": f"team={'x' * 257}"}, r"a value up to 256"),
        ({"kms_key": "alias/mine"}, r"-c kms_key: must be the ARN of a KMS key"),
    ],
)
def test_mistake_is_named_with_its_setting_and_the_fix(context: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        load_stage(context)


def test_behind_a_domain_api_gateways_own_address_is_off(dev: Synthesized, prod: Synthesized) -> None:
    assert dev.only("AWS::ApiGateway::RestApi")["DisableExecuteApiEndpoint"] is False
    assert prod.only("AWS::ApiGateway::RestApi")["DisableExecuteApiEndpoint"] is True


def test_a_domain_comes_with_a_deployment_of_the_api_else_its_own_address_would_stay(
    synthesize: Callable[..., Synthesized],
) -> None:
    """Source: API Gateway developer guide, "Disable the default endpoint for REST APIs"."""
    plain = synthesize(stage="prod")
    domain = {name: EVERYTHING[name] for name in ("domain_name", "certificate_arn")}
    behind = synthesize(stage="prod", **domain)
    assert plain.of("AWS::ApiGateway::Deployment").keys() != behind.of("AWS::ApiGateway::Deployment").keys()
