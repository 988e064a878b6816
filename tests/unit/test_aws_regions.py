"""What a Region must have for the stack."""

from __future__ import annotations

import pytest

from litellm_fallback_router.aws_regions import ADAPTER_REGIONS, adapter_layer_arn, has_snapstart


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1", "ap-southeast-5", "mx-central-1", "il-central-1"])
def test_commercial_regions_have_snapstart(region: str) -> None:
    assert has_snapstart(region)


@pytest.mark.parametrize("region", ["ap-east-2", "ap-southeast-6", "us-gov-west-1", "cn-north-1", "eusc-de-east-1"])
def test_regions_without_snapstart_are_known(region: str) -> None:
    assert not has_snapstart(region)


@pytest.mark.parametrize(("arch", "layer"), [("arm64", "LambdaAdapterLayerArm64"), ("x86_64", "LambdaAdapterLayerX86")])
def test_the_layer_is_the_first_one_with_snapstart_hooks(arch: str, layer: str) -> None:
    """`:28` is 1.0.1 and never calls the hook by which the keys are read."""
    assert adapter_layer_arn("aws", "eu-west-1", arch) == f"arn:aws:lambda:eu-west-1:753240598075:layer:{layer}:30"


def test_the_layer_is_in_32_regions_and_in_no_other_partition() -> None:
    assert len(ADAPTER_REGIONS) == 32
    assert not {region for region in ADAPTER_REGIONS if region.startswith(("cn-", "us-gov-"))}
