"""Bedrock by IAM: exactly what the mapping's deployments invoke, statement by statement.

An inference profile needs the profile itself and the model in every Region it may route to, the latter only through
that profile. Source: Amazon Bedrock user guide, "Geographic cross-Region inference" and "Global cross-Region
inference", sections on IAM.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from aws_cdk import Arn, ArnComponents, ArnFormat, Stack
from aws_cdk.aws_iam import PolicyStatement

from litellm_fallback_router.providers import PROFILE_REGIONS
from litellm_fallback_router.routing.errors import ConfigurationError
from litellm_fallback_router.routing.mapping import REFERENCE, split_profile
from litellm_fallback_router.routing.types import Deployment

ACTIONS = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]

_OWN_CREDENTIALS = frozenset({"aws_access_key_id", "aws_role_name", "aws_profile_name"})


def bedrock_statements(scope: Stack, deployments: Iterable[Deployment]) -> list[PolicyStatement]:
    """What the function's role must be allowed to reach every Bedrock deployment that it asks as itself.

    Raises ConfigurationError where a deployment's Regions cannot be told.
    """
    statements: list[PolicyStatement] = []
    own = (d for d in deployments if d.profile.bedrock and _OWN_CREDENTIALS.isdisjoint(d.extra))
    wanted = sorted({(_region(scope, d), str(d.extra.get("model_id") or d.model), d.space is None) for d in own})
    for (region, model, streams), _ in groupby(wanted):
        # What embeds texts has no streams.
        actions = ACTIONS if streams else ACTIONS[:1]
        statements += _statements(scope, region, model, actions)
    return statements


def assumed_roles(deployments: Iterable[Deployment]) -> list[str]:
    """ARNs of the roles that deployments name (`aws_role_name`) to be asked with."""
    return sorted({str(d.extra["aws_role_name"]) for d in deployments if "aws_role_name" in d.extra})


def _statements(scope: Stack, region: str, model: str, actions: list[str]) -> Iterator[PolicyStatement]:
    if model.startswith("arn:"):
        yield _allow(actions, [model])
        if ":application-inference-profile/" in model or ":inference-profile/" in model:
            # The ARN does not tell which model is behind it; the condition does the limiting.
            yield _allow(actions, [_model(scope, "*", "*")], profile=model)
        return
    found = split_profile(model)
    if found is None:
        yield _allow(actions, [_model(scope, region, model)])
        return
    geography, foundation = found
    profile = scope.format_arn(service="bedrock", region=region, resource="inference-profile", resource_name=model)
    yield _allow(actions, [profile])
    if geography == "global":
        yield _allow(actions, [_model(scope, region, foundation), _model(scope, "", foundation)], profile=profile)
        return
    if geography not in PROFILE_REGIONS:
        raise ConfigurationError(
            [f"{model}: unknown geography '{geography}'; add its Regions to PROFILE_REGIONS in providers/bedrock.py"]
        )
    # A profile may use fewer; the others are then out of reach, since the model may be invoked only through it.
    regions = sorted({region} | PROFILE_REGIONS[geography])
    yield _allow(actions, [_model(scope, destination, foundation) for destination in regions], profile=profile)


def _allow(actions: list[str], resources: list[str], profile: str | None = None) -> PolicyStatement:
    conditions = {"StringEquals": {"bedrock:InferenceProfileArn": profile}} if profile else None
    return PolicyStatement(actions=actions, resources=resources, conditions=conditions)


def _model(scope: Stack, region: str, model: str) -> str:
    components = ArnComponents(
        service="bedrock",
        region=region,
        account="",
        resource="foundation-model",
        resource_name=model,
        arn_format=ArnFormat.SLASH_RESOURCE_NAME,
    )
    return Arn.format(components, scope)


def _region(scope: Stack, deployment: Deployment) -> str:
    region = deployment.region
    if region is None or region in {f"{REFERENCE}AWS_REGION", f"{REFERENCE}AWS_DEFAULT_REGION"}:
        return scope.region
    if region.startswith(REFERENCE):
        raise ConfigurationError(
            [f"{deployment.id}: params.region is {region}, which is not set in the Lambda; write the Region's name"]
        )
    return region
