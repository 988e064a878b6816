"""What a Region must have for the stack, and no API tells: SnapStart, and the layer of the Web Adapter.

The stack is built by it, and `fallback-router preflight` looks it up before.
"""

from __future__ import annotations

ADAPTER_ACCOUNT = "753240598075"
ADAPTER_LAYERS = {"arm64": "LambdaAdapterLayerArm64:30", "x86_64": "LambdaAdapterLayerX86:30"}
"""Lambda Web Adapter 1.1.0, by its authors: the first with hooks for SnapStart. Source: aws/aws-lambda-web-adapter,
pull requests 746 (`:28` is 1.0.1) and 871 (`:30` is 1.1.0)."""
_NO_SNAPSTART = frozenset({"ap-east-2", "ap-southeast-6"})
_OTHER_PARTITIONS = ("cn-", "us-gov-", "us-iso", "eu-iso", "eusc-")
ADAPTER_REGIONS = frozenset(
    {
        "af-south-1",
        *("ap-east-1", "ap-east-2", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-south-2"),
        *("ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5", "ap-southeast-6"),
        *("ap-southeast-7", "ca-central-1", "ca-west-1", "eu-central-1", "eu-central-2", "eu-north-1", "eu-south-1"),
        *("eu-south-2", "eu-west-1", "eu-west-2", "eu-west-3", "il-central-1", "mx-central-1", "sa-east-1"),
        *("us-east-1", "us-east-2", "us-west-1", "us-west-2"),
    }
)
"""Where its authors publish the adapter under `ADAPTER_ACCOUNT`. Source: aws/aws-lambda-web-adapter,
.github/workflows/prod.json at 09da213, without me-central-1 (pull request 744): the 32 Regions that pull request 871
counts for 1.1.0. China's layers are in other accounts; there are none in GovCloud."""


def has_snapstart(region: str) -> bool:
    """Every commercial Region has SnapStart but Taipei and New Zealand. Source: Lambda developer guide, "Improving
    startup performance with Lambda SnapStart", Supported Regions."""
    return region not in _NO_SNAPSTART and not region.startswith(_OTHER_PARTITIONS)


def adapter_layer_arn(partition: str, region: str, arch: str) -> str:
    """The Web Adapter's layer in that Region, for `arm64` or `x86_64`."""
    return f"arn:{partition}:lambda:{region}:{ADAPTER_ACCOUNT}:layer:{ADAPTER_LAYERS[arch]}"
