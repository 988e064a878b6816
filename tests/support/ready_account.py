"""What AWS answers of an account in which nothing is missing before a deployment, and what `preflight` finds in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support.aws_replies import Reply
from tests.support.commands import Run

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
