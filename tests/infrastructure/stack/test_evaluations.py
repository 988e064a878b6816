"""Evaluations in the stack: nothing unless named, then a bucket, a role for judges, and what writes samples."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from litellm_fallback_router.mapping import ROUTER_STYLE_MAPPING
from litellm_fallback_router.routing.errors import ConfigurationError
from tests.infrastructure.stack.rules import cfn_lint_finds_nothing, nag_finds_nothing
from tests.infrastructure.stack.templates import ACCOUNT, REGION, Synthesized, flat

Synthesize = Callable[..., Synthesized]
JUDGE = "eu.amazon.nova-pro-v1:0"


@pytest.fixture
def sampling(chain_file: Callable[[object], Path]) -> str:
    """A mapping that keeps answers of fallbacks."""
    return str(chain_file({**ROUTER_STYLE_MAPPING, "settings": {"sample_fallbacks": 0.01}}))


def on_s3(synthesized: Synthesized, owner: str) -> list[tuple[Any, Any]]:
    """Actions and resources of the owner's statements about S3."""
    statements = synthesized.statements(owner)
    return [(one["Action"], one["Resource"]) for one in statements if "s3:" in str(one["Action"])]


def test_nothing_unless_named(dev: Synthesized, prod: Synthesized) -> None:
    for stage in (dev, prod):
        assert stage.of("AWS::S3::Bucket") == {}
        assert on_s3(stage, "Gateway") == []
        assert "ROUTER_SAMPLES" not in stage.text


def test_new_bucket_is_private_encrypted_and_forgets_samples(synthesize: Synthesize) -> None:
    synthesized = synthesize(evaluations="new")
    bucket = synthesized.only("AWS::S3::Bucket")
    (policy,) = synthesized.of("AWS::S3::BucketPolicy").values()

    assert all(bucket["PublicAccessBlockConfiguration"].values())
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    (life,) = bucket["LifecycleConfiguration"]["Rules"]
    assert (life["Prefix"], life["ExpirationInDays"], life["Status"]) == ("fallbacks/", 30, "Enabled")
    assert "aws:SecureTransport" in str(policy)
    assert on_s3(synthesized, "Gateway") == [], "no samples, so no permission to write them"


def test_samples_may_be_written_and_nothing_else(synthesize: Synthesize, sampling: str) -> None:
    synthesized = synthesize(evaluations="my-bucket", mapping=sampling)
    gateway, _ = synthesized.functions()

    assert on_s3(synthesized, "Gateway") == [("s3:PutObject", "arn:aws:s3:::my-bucket/fallbacks/*")]
    assert on_s3(synthesized, "Authorizer") == []
    assert gateway["Environment"]["Variables"]["ROUTER_SAMPLES"] == "s3://my-bucket/fallbacks"
    assert synthesized.of("AWS::S3::Bucket") == {}


def test_tools_of_agents_may_keep_samples_too(synthesize: Synthesize, sampling: str) -> None:
    table = {"allow": {"a": {"principals": [f"arn:aws:iam::{ACCOUNT}:role/agent"], "models": ["cost-optimized"]}}}
    synthesized = synthesize(evaluations="my-bucket", mapping=sampling, agentcore=json.dumps(table))
    (tools,) = (one for name, one in synthesized.of("AWS::Lambda::Function").items() if name.startswith("Tools"))

    assert on_s3(synthesized, "Tools") == [("s3:PutObject", "arn:aws:s3:::my-bucket/fallbacks/*")]
    assert flat(tools)["Properties"]["Environment"]["Variables"]["ROUTER_SAMPLES"] == "s3://my-bucket/fallbacks"


def test_samples_without_a_place_stop_the_deployment(synthesize: Synthesize, sampling: str) -> None:
    with pytest.raises(ConfigurationError, match=r"sample_fallbacks: needs -c evaluations=new"):
        synthesize(mapping=sampling)


def test_judge_reads_answers_writes_results_and_asks_one_model(synthesize: Synthesize) -> None:
    synthesized = synthesize(evaluations="my-bucket", evaluation_judge=JUDGE)
    roles = synthesized.of("AWS::IAM::Role")
    role = flat(next(one for name, one in roles.items() if name.startswith("EvaluationsJudge"))["Properties"])
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]

    assert trust["Principal"] == {"Service": "bedrock.amazonaws.com"}
    assert trust["Condition"] == {
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
        "ArnLike": {"aws:SourceArn": f"arn:aws:bedrock:{REGION}:{ACCOUNT}:evaluation-job/*"},
    }
    bucket = "arn:aws:s3:::my-bucket"
    assert on_s3(synthesized, "EvaluationsJudge") == [
        ("s3:GetObject", [f"{bucket}/evaluations/*", f"{bucket}/fallbacks/*"]),
        (["s3:AbortMultipartUpload", "s3:PutObject"], f"{bucket}/evaluations/*"),
        (["s3:GetBucketLocation", "s3:ListBucket"], bucket),
    ]
    asked = [one for one in synthesized.statements("EvaluationsJudge") if "bedrock:" in str(one["Action"])]
    assert asked
    assert all("amazon.nova-pro-v1:0" in str(one["Resource"]) for one in asked)
    assert not any("nova-pro" in str(one) for one in synthesized.statements("Gateway"))


def test_judge_without_a_bucket_is_refused(synthesize: Synthesize) -> None:
    with pytest.raises(ConfigurationError, match="evaluation_judge: needs -c evaluations=new"):
        synthesize(evaluation_judge=JUDGE)


@pytest.mark.parametrize("bucket", ["new", "my-bucket"])
def test_rule_sets_find_nothing(
    synthesize: Synthesize, sampling: str, bucket: str, capfd: pytest.CaptureFixture[str]
) -> None:
    context = {"evaluations": bucket, "evaluation_judge": JUDGE, "mapping": sampling}

    nag_finds_nothing(synthesize, context, capfd)
    cfn_lint_finds_nothing(synthesize(**context))
