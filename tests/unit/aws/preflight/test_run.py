"""`fallback-router preflight`: what is missing is told with its fix, what cannot be looked at with its permission."""

from __future__ import annotations

import pytest

from tests.support.aws_replies import AwsReplies, Refused, Reply
from tests.support.commands import Run
from tests.support.ready_account import (
    AVAILABILITY,
    CALLER,
    FOREIGN_ROLE,
    ROWS,
    availability,
    bootstrap,
    checks,
    settings,
)


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
