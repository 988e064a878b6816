"""Points every deployment at the simulator: no keys, no AWS, the same code."""

from __future__ import annotations

from dataclasses import replace

from .routing.mapping import RouterConfig
from .routing.types import Deployment

OPENAI_KEY = "sim-openai-key"
ANTHROPIC_KEY = "sim-anthropic-key"
AWS_ACCESS_KEY_ID = "AKIDSIMULATOR"
AWS_SECRET_ACCESS_KEY = "sim-bedrock-secret"  # noqa: S105 - the simulator's own, worth nothing elsewhere
SIMULATED_REGION = "us-east-1"
"""Where nothing names one."""


def bedrock(url: str) -> dict[str, str]:
    """How botocore's clients reach the Bedrock of the simulator at `url`."""
    return {
        "endpoint_url": f"{url}/bedrock",
        "aws_access_key_id": AWS_ACCESS_KEY_ID,
        "aws_secret_access_key": AWS_SECRET_ACCESS_KEY,
    }


def s3(url: str) -> dict[str, str]:
    """How boto3's client, with paths instead of host names for buckets, reaches the S3 of the simulator at `url`."""
    return {**bedrock(url), "endpoint_url": f"{url}/s3"}


def simulated(config: RouterConfig, url: str) -> RouterConfig:
    """The same mapping with the simulator at `url` in the providers' place.

    A deployment that already has an `api_base`, or whose provider is not simulated, keeps what it has.
    """
    return replace(config, deployments=tuple(_simulated(d, url) for d in config.deployments))


def _simulated(deployment: Deployment, url: str) -> Deployment:
    if deployment.api_base is not None:
        return deployment
    if deployment.provider == "openai":
        return replace(deployment, api_base=f"{url}/openai/v1", api_key=OPENAI_KEY)
    if deployment.provider == "anthropic":
        return replace(deployment, api_base=f"{url}/anthropic", api_key=ANTHROPIC_KEY)
    if deployment.provider == "bedrock":
        signed = {
            "aws_bedrock_runtime_endpoint": f"{url}/bedrock",
            "aws_access_key_id": AWS_ACCESS_KEY_ID,
            "aws_secret_access_key": AWS_SECRET_ACCESS_KEY,
        }
        return replace(deployment, api_key=None, extra={**deployment.extra, **signed})
    return deployment
