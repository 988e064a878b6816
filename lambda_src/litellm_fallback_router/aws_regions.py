"""What a Region must have for the stack, and no API tells: SnapStart, and the layer of the Web Adapter.

The stack is built by it, and `fallback-router preflight` looks it up before.
"""

from __future__ import annotations

ADAPTER_ACCOUNT = "753240598075"
ADAPTER_LAYERS = {"arm64": "LambdaAdapterLayerArm64:30", "x86_64": "LambdaAdapterLayerX86:30"}
"""Lambda Web Adapter 1.1.0, by its authors: the first with hooks for SnapStart. Source: awslabs/aws-lambda-web-adapter,
pull requests 746 (`:28` is 1.0.1) and 871 (`:30` is 1.1.0)."""
_NO_SNAPSTART = frozenset({"ap-east-2", "ap-southeast-6"})
_OTHER_PARTITIONS = ("cn-", "us-gov-", "us-iso", "eu-iso", "eusc-")


def has_snapstart(region: str) -> bool:
    """Every commercial Region has SnapStart but Taipei and New Zealand. Source: Lambda developer guide, "Improving
    startup performance with Lambda SnapStart", Supported Regions."""
    return region not in _NO_SNAPSTART and not region.startswith(_OTHER_PARTITIONS)


def adapter_layer_arn(partition: str, region: str, arch: str) -> str:
    """The Web Adapter's layer in that Region, for `arm64` or `x86_64`."""
    return f"arn:{partition}:lambda:{region}:{ADAPTER_ACCOUNT}:layer:{ADAPTER_LAYERS[arch]}"
