"""Points every deployment at the simulator: no keys, no AWS, the same code."""

from __future__ import annotations

from dataclasses import replace

from .providers import SIMULATED_CREDENTIALS
from .routing.mapping import RouterConfig
from .routing.types import Deployment

SIMULATED_REGION = "us-east-1"
"""Where nothing names one."""


def bedrock(url: str) -> dict[str, str]:
    """How botocore's clients reach the Bedrock of the simulator at `url`."""
    return {
        "endpoint_url": f"{url}/bedrock",
        **SIMULATED_CREDENTIALS,
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
    simulator = deployment.profile.simulator
    if simulator is None:
        return deployment
    address = f"{url}{simulator.path}"
    if simulator.address_param is None:
        return replace(deployment, api_base=address, api_key=simulator.key)
    extra = {**deployment.extra, simulator.address_param: address, **simulator.params}
    return replace(deployment, api_key=simulator.key, extra=extra)
