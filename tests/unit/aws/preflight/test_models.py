"""Whether Bedrock's models may be asked: `fallback-router preflight` looks at each in its Region."""

from __future__ import annotations

from pathlib import Path

from tests.support.aws_replies import AwsReplies, Refused
from tests.support.commands import Run
from tests.support.ready_account import (
    AVAILABILITY,
    ROWS,
    availability,
    checks,
    mapping,
    model,
    profile,
)


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
