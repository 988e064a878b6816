"""`fallback-router preflight` against an AWS that answers as botocore's models of the services allow."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from litellm_fallback_router.adapters.account import Account
from litellm_fallback_router.preflight.account import account_looks
from litellm_fallback_router.preflight.load import Load
from litellm_fallback_router.preflight.models import PERMISSION
from tests.support.aws_replies import AwsReplies, Refused, Reply, aws_replies
from tests.support.commands import Run
from tests.support.documents import REPOSITORY

US_MODELS = {
    "anthropic.claude-sonnet-4-6": "us.anthropic.claude-sonnet-4-6",
    "anthropic.claude-haiku-4-5-20251001-v1:0": "us.anthropic.claude-haiku-4-5-20251001-v1:0",
    "amazon.nova-2-lite-v1:0": "us.amazon.nova-2-lite-v1:0",
    "meta.llama3-3-70b-instruct-v1:0": "us.meta.llama3-3-70b-instruct-v1:0",
}
FOREIGN_ROLE = "arn:aws:iam::123456789012:role/legacy-api-logs"
CALLER = "arn:aws:iam::123456789012:user/ann"
AVAILABILITY = "GetFoundationModelAvailability"
ROWS = {
    "CDK's bootstrap stack",
    "SnapStart",
    "Web Adapter layer",
    "Lambda's concurrency",
    "API Gateway's log role",
    "us.amazon.nova-2-lite-v1:0 in us-east-1",
    "us.anthropic.claude-haiku-4-5-20251001-v1:0 in us-east-1",
    "us.anthropic.claude-sonnet-4-6 in us-east-1",
    "us.anthropic.claude-sonnet-4-6 in us-west-2",
    "us.meta.llama3-3-70b-instruct-v1:0 in us-west-2",
    "Anthropic's form",
}


def availability(agreement: str = "AVAILABLE", **other: Any) -> dict[str, Any]:
    return {
        "modelId": "some.model",
        "agreementAvailability": {"status": agreement},
        "authorizationStatus": "AUTHORIZED",
        "entitlementAvailability": "AVAILABLE",
        "regionAvailability": "AVAILABLE",
        **other,
    }


def model(model_id: str, *types: str, legacy: bool = False) -> dict[str, Any]:
    return {
        "modelArn": f"arn:aws:bedrock:us-east-1::foundation-model/{model_id}",
        "modelId": model_id,
        "inferenceTypesSupported": list(types),
        "modelLifecycle": {"status": "LEGACY" if legacy else "ACTIVE"},
    }


def profile(profile_id: str, model_id: str) -> dict[str, Any]:
    arns = [f"arn:aws:bedrock:{region}::foundation-model/{model_id}" for region in ("us-east-1", "us-west-2")]
    return {
        "inferenceProfileName": profile_id,
        "inferenceProfileArn": f"arn:aws:bedrock:us-east-1:123456789012:inference-profile/{profile_id}",
        "models": [{"modelArn": arn} for arn in arns],
        "inferenceProfileId": profile_id,
        "status": "ACTIVE",
        "type": "SYSTEM_DEFINED",
    }


def settings(limit: int, unreserved: int | None = None) -> dict[str, Any]:
    free = limit if unreserved is None else unreserved
    return {"AccountLimit": {"ConcurrentExecutions": limit, "UnreservedConcurrentExecutions": free}}


def bootstrap(version: str) -> dict[str, Any]:
    return {"Parameter": {"Name": "/cdk-bootstrap/hnb659fds/version", "Type": "String", "Value": version}}


READY: dict[str, Reply] = {
    "GetCallerIdentity": {"Arn": CALLER, "Account": "123456789012", "UserId": "AIDA"},
    "GetParameter": bootstrap("30"),
    "GetLayerVersionByArn": {"Version": 30},
    "GetAccountSettings": settings(1000),
    "GetAccount": {},
    "ListFoundationModels": {"modelSummaries": [model(one, "INFERENCE_PROFILE") for one in US_MODELS]},
    "ListInferenceProfiles": {"inferenceProfileSummaries": [profile(p, m) for m, p in US_MODELS.items()]},
    "GetFoundationModelAvailability": availability(),
    "GetUseCaseForModelAccess": {"formData": ""},
}
"""An account in which nothing is missing."""


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsReplies]:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    variables = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_MAX_ATTEMPTS": "1"}
    for name, value in {**variables, "AWS_DEFAULT_REGION": "us-east-1", "AWS_REGION": "us-east-1"}.items():
        monkeypatch.setenv(name, value)
    with aws_replies(READY) as answering:
        monkeypatch.setenv("AWS_ENDPOINT_URL", answering.url)
        yield answering


def checks(run: Run, *arguments: str) -> tuple[int, dict[str, dict[str, str]]]:
    """Exit code, and what was found by the name of the check."""
    code, out, err = run("preflight", "--json", *arguments)
    assert out, err
    return code, {one["name"]: one for one in json.loads(out)["checks"]}


def mapping(folder: Path, *entries: dict[str, Any]) -> str:
    models = [
        {"model_name": f"model-{number}", "litellm_provider": "bedrock", **one} for number, one in enumerate(entries)
    ]
    file = folder / "mapping.json"
    file.write_text(json.dumps({"model_list": models}))
    return str(file)


def test_account_in_which_nothing_is_missing_is_well(run: Run, aws: AwsReplies) -> None:
    code, found = checks(run)
    assert code == 0
    assert found.keys() == ROWS
    assert {one["status"] for one in found.values()} == {"ok"}


def test_table_says_where_who_and_what_remains(run: Run, aws: AwsReplies) -> None:
    code, out, err = run("preflight")
    assert (code, err) == (0, "")
    assert f"Before a deployment to us-east-1, seen as {CALLER}" in out
    assert "Nothing that was looked at stands against a deployment." in out
    assert "`fallback-router secrets set openai` and `fallback-router secrets set anthropic`" in out


@pytest.mark.parametrize(
    ("told", "check", "expected"),
    [
        (
            {"GetParameter": Refused("ParameterNotFound")},
            "CDK's bootstrap stack",
            ("failed", "never set up", "aws-cdk bootstrap"),
        ),
        (
            {"GetParameter": bootstrap("5")},
            "CDK's bootstrap stack",
            ("failed", "needs 6", "aws-cdk bootstrap"),
        ),
        (
            {"GetLayerVersionByArn": Refused("ResourceNotFoundException", status=404)},
            "Web Adapter layer",
            ("failed", "LambdaAdapterLayerArm64:30", "response_mode=buffered"),
        ),
        (
            {"GetAccountSettings": settings(10, 5)},
            "Lambda's concurrency",
            ("failed", "5 of the account's 10 are free", "--quota-code L-B99A9384"),
        ),
        (
            {"GetAccountSettings": settings(10)},
            "Lambda's concurrency",
            ("warning", "a peak", "desired-value 1000"),
        ),
        (
            {"GetAccount": {"cloudwatchRoleArn": FOREIGN_ROLE}},
            "API Gateway's log role",
            ("warning", FOREIGN_ROLE, f"value={FOREIGN_ROLE}"),
        ),
        (
            {f"{AVAILABILITY} anthropic.claude-sonnet-4-6": availability("NOT_AVAILABLE")},
            "us.anthropic.claude-sonnet-4-6 in us-west-2",
            ("failed", "not subscribed", "fallback-router doctor"),
        ),
        (
            {
                f"{AVAILABILITY} anthropic.claude-sonnet-4-6": availability(
                    agreementAvailability={"status": "ERROR", "errorMessage": "no means of payment"}
                )
            },
            "us.anthropic.claude-sonnet-4-6 in us-west-2",
            ("failed", "ERROR (no means of payment)", "fallback-router doctor"),
        ),
        (
            {f"{AVAILABILITY} anthropic.claude-sonnet-4-6": availability("PENDING")},
            "us.anthropic.claude-sonnet-4-6 in us-east-1",
            ("warning", "being set up", "wait"),
        ),
        (
            {f"{AVAILABILITY} meta.llama3-3-70b-instruct-v1:0": availability(authorizationStatus="NOT_AUTHORIZED")},
            "us.meta.llama3-3-70b-instruct-v1:0 in us-west-2",
            ("failed", "not authorized", "SCPs"),
        ),
        (
            {"ListInferenceProfiles us-west-2": {"inferenceProfileSummaries": []}},
            "us.meta.llama3-3-70b-instruct-v1:0 in us-west-2",
            ("failed", "us-west-2 has no such", "another Region"),
        ),
    ],
)
def test_what_is_missing_is_told_with_its_fix(
    run: Run, aws: AwsReplies, told: dict[str, Reply], check: str, expected: tuple[str, str, str]
) -> None:
    status, seen, fix = expected
    aws.replies |= told
    code, found = checks(run)
    assert code == (1 if status == "failed" else 0)
    assert found[check]["status"] == status
    assert seen in found[check]["seen"]
    assert fix in found[check]["fix"]


def test_form_that_is_missing_stands_against_a_deployment(run: Run, aws: AwsReplies) -> None:
    aws.replies |= {
        "GetUseCaseForModelAccess": Refused("ResourceNotFoundException", status=404),
        "GetFoundationModelAvailability": availability("NOT_AVAILABLE"),
    }
    code, found = checks(run)
    assert code == 1
    assert found["Anthropic's form"]["status"] == "failed"
    assert "Model catalog" in found["Anthropic's form"]["fix"]
    assert found["us.amazon.nova-2-lite-v1:0 in us-east-1"]["status"] == "ok", "Amazon's models need no subscription"


def test_form_of_an_organization_may_stand_in_for_the_accounts_own(run: Run, aws: AwsReplies) -> None:
    aws.replies["GetUseCaseForModelAccess"] = Refused("ResourceNotFoundException", status=404)
    code, found = checks(run)
    assert code == 0
    assert found["Anthropic's form"]["status"] == "warning"


@pytest.mark.parametrize(
    ("operation", "code", "grant"),
    [
        ("GetParameter", "AccessDeniedException", "grant ssm:GetParameter"),
        ("GetLayerVersionByArn", "AccessDeniedException", "grant lambda:GetLayerVersion"),
        ("GetAccountSettings", "AccessDeniedException", "grant lambda:GetAccountSettings"),
        ("GetAccount", "AccessDeniedException", "grant apigateway:GET on /account"),
        ("ListInferenceProfiles", "AccessDeniedException", "grant bedrock:ListFoundationModels"),
        ("GetFoundationModelAvailability", "AccessDeniedException", "GetFoundationModelAvailability"),
        ("GetUseCaseForModelAccess", "AccessDeniedException", "grant bedrock:GetUseCaseForModelAccess"),
    ],
)
def test_missing_permission_is_a_warning_that_names_it(
    run: Run, aws: AwsReplies, operation: str, code: str, grant: str
) -> None:
    aws.replies[operation] = Refused(code, status=403)
    left, found = checks(run)
    warned = [one for one in found.values() if one["status"] == "warning"]
    assert left == 0
    assert found.keys() == ROWS
    assert warned
    assert all("could not be checked" in one["seen"] and grant in one["fix"] for one in warned)


def test_trouble_at_a_service_leaves_the_other_checks(run: Run, aws: AwsReplies) -> None:
    aws.replies["GetAccountSettings"] = Refused("ServiceException", status=500)
    code, found = checks(run)
    assert code == 0
    assert found.keys() == ROWS
    assert "GetAccountSettings: ServiceException" in found["Lambda's concurrency"]["seen"]


def test_expected_load_is_compared_with_the_quota(run: Run, aws: AwsReplies) -> None:
    aws.replies["GetAccountSettings"] = settings(100)
    assert checks(run, "--requests-per-second", "5", "--seconds", "10")[1]["Lambda's concurrency"]["status"] == "ok"
    found = checks(run, "--requests-per-second", "20.5", "--seconds", "6")[1]["Lambda's concurrency"]
    assert found["status"] == "failed"
    assert "20.5 requests a second of 6 s are 123 at once" in found["seen"]


def test_region_without_snapstart_is_a_warning(run: Run, aws: AwsReplies) -> None:
    code, found = checks(run, "--region", "ap-southeast-6")
    assert code == 0
    assert found["SnapStart"]["status"] == "warning"
    assert "snapstart=auto" in found["SnapStart"]["seen"]
    assert {region for name, region, _ in aws.asked if name.startswith("ListInference")} == {"us-east-1", "us-west-2"}


def test_region_without_the_layer_stands_against_streaming(run: Run, aws: AwsReplies) -> None:
    code, found = checks(run, "--region", "me-south-1")
    assert code == 1
    assert found["Web Adapter layer"]["status"] == "failed"
    assert "response_mode=buffered" in found["Web Adapter layer"]["fix"]
    assert "GetLayerVersionByArn" not in {name for name, _, _ in aws.asked}


def test_layer_is_that_of_the_architecture(run: Run, aws: AwsReplies) -> None:
    assert "LambdaAdapterLayerX86:30" in checks(run, "--arch", "x86_64")[1]["Web Adapter layer"]["seen"]


def test_models_by_their_own_id_and_by_arn(run: Run, aws: AwsReplies, tmp_path: Path) -> None:
    own = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123"
    aws.replies |= {
        "ListFoundationModels": {
            "modelSummaries": [
                model("mistral.large-v1", "ON_DEMAND"),
                model("mistral.old-v1", "ON_DEMAND", legacy=True),
                model("mistral.far-v1", "ON_DEMAND"),
                model("mistral.barred-v1", "ON_DEMAND"),
                model("anthropic.claude-sonnet-4-6", "INFERENCE_PROFILE"),
            ]
        },
        f"{AVAILABILITY} mistral.far-v1": availability(regionAvailability="NOT_AVAILABLE"),
        f"{AVAILABILITY} mistral.barred-v1": availability(entitlementAvailability="NOT_AVAILABLE"),
        "GetInferenceProfile": {**profile("abc123", "amazon.nova-2-lite-v1:0"), "type": "APPLICATION"},
    }
    names = [
        "mistral.large-v1",
        "mistral.old-v1",
        "mistral.far-v1",
        "mistral.barred-v1",
        "anthropic.claude-sonnet-4-6",
        "mistral.lrge-v1",
        own,
    ]
    file = mapping(
        tmp_path,
        *({"params": {"model": name}} for name in names),
        {"params": {"model": "amazon.nova-lite-v1:0", "aws_role_name": "arn:aws:iam::999999999999:role/theirs"}},
    )
    code, found = checks(run, "--config", file)
    assert code == 1
    expected = {
        "mistral.large-v1": ("ok", ""),
        "mistral.old-v1": ("warning", "newer model"),
        "mistral.far-v1": ("failed", "another Region"),
        "mistral.barred-v1": ("failed", "Support"),
        "anthropic.claude-sonnet-4-6": ("failed", "inference profile: us.anthropic.claude-sonnet-4-6"),
        "mistral.lrge-v1": ("failed", "such as mistral.large-v1"),
        own: ("ok", ""),
        "amazon.nova-lite-v1:0": ("warning", "doctor"),
    }
    for name, (status, fix) in expected.items():
        assert found[f"{name} in us-east-1"]["status"] == status
        assert fix in found[f"{name} in us-east-1"]["fix"]


def test_mapping_without_bedrock_asks_bedrock_nothing(run: Run, aws: AwsReplies, tmp_path: Path) -> None:
    file = mapping(tmp_path, {"litellm_provider": "openai", "params": {"model": "gpt-4o"}})
    code, found = checks(run, "--config", file)
    assert code == 0
    assert found.keys() == {name for name in ROWS if "in us-" not in name} - {"Anthropic's form"}


def test_wrong_credentials_end_it_with_what_aws_says(run: Run, aws: AwsReplies) -> None:
    aws.replies["GetCallerIdentity"] = Refused("AccessDenied", "the token has expired", 403)
    code, out, err = run("preflight")
    assert (code, out) == (1, "")
    assert "AWS refused GetCallerIdentity: AccessDenied: the token has expired" in err


def test_without_a_region_the_fix_is_told(run: Run, aws: AwsReplies, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    code, _, err = run("preflight")
    assert code == 1
    assert "add --region" in err


def test_every_check_of_the_account_is_in_the_manual_with_its_permission() -> None:
    load, account = Load(1, 1), Account(boto3.Session(region_name="us-east-1"))
    manual = between(REPOSITORY / "docs" / "aws.md", "## Before the first deploy", "## After a deploy")
    for look in account_looks(account, "us-east-1", "aws", arch="arm64", load=load):
        action = look.permission.partition(" ")[0]
        assert re.search(rf"^\| {re.escape(look.name)} \|.*{re.escape(action)}.*\|$", manual, flags=re.MULTILINE)
    for action in re.findall(r"\w+(?=,| and|$)", PERMISSION):
        assert action in manual
    assert "| Anthropic's form |" in manual


def between(file: Path, begin: str, end: str) -> str:
    return file.read_text(encoding="utf-8").partition(begin)[2].partition(end)[0]
