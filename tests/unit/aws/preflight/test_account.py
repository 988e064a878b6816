"""Lambda's quota, its layer and the Region: `fallback-router preflight` looks at the account."""

from __future__ import annotations

import re
from pathlib import Path

import boto3

from litellm_fallback_router.adapters.account import Account
from litellm_fallback_router.preflight.account import Load, account_looks
from litellm_fallback_router.preflight.models import PERMISSION
from tests.support.aws_replies import AwsReplies
from tests.support.commands import Run
from tests.support.documents import REPOSITORY
from tests.support.ready_account import (
    checks,
    settings,
)


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
