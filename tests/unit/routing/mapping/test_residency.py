"""Where a deployment's prompts may be processed, and what takes them out of a geography."""

from __future__ import annotations

from typing import Any

import pytest

from litellm_fallback_router.aws_regions import ADAPTER_REGIONS
from litellm_fallback_router.providers import PROFILE_REGIONS
from litellm_fallback_router.routing.mapping import RouterConfig, load_config
from litellm_fallback_router.routing.mapping.residency import (
    GEOGRAPHIES,
    departures,
    geography_of,
    leaving,
    reach,
    regions_of,
)
from litellm_fallback_router.routing.types import ModelInfo

HERE = "eu-central-1"
EU = set(GEOGRAPHIES["eu"])
MODEL = "amazon.nova-2-lite-v1:0"
ARN = f"arn:aws:bedrock:eu-west-1:123456789012:{{}}/{MODEL}"


def config(*items: dict[str, Any], **more: Any) -> RouterConfig:
    models = [{"model_name": f"m{number}", "params": params} for number, params in enumerate(items)]
    return load_config({"model_list": models, **more}, lambda _provider, _model: ModelInfo(), lambda _name: None)


def where(params: dict[str, Any], here: str | None = HERE) -> set[str] | None:
    (deployment,) = config(params).deployments
    regions = reach(deployment, here).regions
    return None if regions is None else set(regions)


@pytest.mark.parametrize(
    ("params", "regions"),
    [
        ({"model": "openai/gpt-4o"}, None),
        ({"model": "openai/gpt-4o", "region": "eu"}, None),
        ({"model": "openai/gpt-4o", "api_base": "https://api.openai.com/v1"}, None),
        ({"model": "openai/gpt-4o", "api_base": "https://eu.api.openai.com/v1"}, EU),
        ({"model": "openai/gpt-4o", "api_base": "https://us.api.openai.com/v1"}, set(GEOGRAPHIES["us"])),
        ({"model": "openai/gpt-4o", "api_base": "https://kr.api.openai.com/v1"}, None),
        ({"model": "openai/gpt-4o", "api_base": "https://eu.api.openai.com.evil.example/v1"}, None),
        ({"model": "openai/mine", "api_base": "http://vllm.internal/v1"}, None),
        ({"model": "openai/mine", "api_base": "http://vllm.internal/v1", "region": "eu"}, EU),
        ({"model": "openai/mine", "api_base": "os.environ/NO_SUCH_BASE", "region": "eu"}, EU),
        ({"model": "hosted_vllm/mine", "api_base": "http://vllm.internal/v1", "region": "eu-west-3"}, {"eu-west-3"}),
        ({"model": "anthropic/claude-sonnet-4-6"}, None),
        ({"model": "anthropic/claude-sonnet-4-6", "region": "eu"}, None),
        ({"model": "vertex_ai/gemini-2.5-pro", "vertex_location": "europe-west4"}, None),
        ({"model": "vertex_ai/gemini-2.5-pro", "vertex_location": "europe-west4", "region": "eu"}, EU),
        ({"model": "azure/gpt-4o", "api_base": "https://mine.openai.azure.com"}, None),
        ({"model": "sagemaker/mine"}, {HERE}),
        ({"model": f"bedrock/{MODEL}"}, {HERE}),
        ({"model": f"bedrock/{MODEL}", "region": "us-east-1"}, {"us-east-1"}),
        ({"model": f"bedrock/us-east-1/{MODEL}"}, {"us-east-1"}),
        ({"model": f"bedrock/{MODEL}", "region": "os.environ/AWS_REGION"}, {HERE}),
        ({"model": f"bedrock/{MODEL}", "region": "os.environ/ELSEWHERE"}, None),
        ({"model": f"bedrock/eu.{MODEL}"}, EU),
        ({"model": f"bedrock/eu.{MODEL}", "region": "eu-central-2"}, EU | {"eu-central-2"}),
        ({"model": f"bedrock/us.{MODEL}", "region": "us-east-1"}, set(PROFILE_REGIONS["us"])),
        ({"model": f"bedrock/us-gov.{MODEL}", "region": "us-gov-west-1"}, set(PROFILE_REGIONS["us-gov"])),
        ({"model": f"bedrock/global.{MODEL}"}, None),
        ({"model": f"bedrock/xx.{MODEL}"}, None),
        ({"model": f"bedrock/converse/eu.{MODEL}"}, EU),
        ({"model": f"bedrock/invoke/global.{MODEL}"}, None),
        ({"model": f"bedrock/{MODEL}", "model_id": f"global.{MODEL}"}, None),
        ({"model": "bedrock/" + ARN.format("foundation-model"), "region": "us-east-1"}, {"eu-west-1"}),
        ({"model": "bedrock/" + ARN.format("inference-profile").replace(MODEL, f"eu.{MODEL}")}, EU),
        ({"model": "bedrock/" + ARN.format("inference-profile").replace(MODEL, f"global.{MODEL}")}, None),
        ({"model": "bedrock/" + ARN.format("application-inference-profile")}, None),
        ({"model": "bedrock/" + ARN.format("provisioned-model")}, {"eu-west-1"}),
        ({"model": "bedrock/claude_platform/claude-sonnet-4-6", "region": "eu-west-1"}, None),
        ({"model": "bedrock/agent/ABC/DEF", "region": "eu-west-1"}, None),
        (
            {
                "model": f"bedrock/{MODEL}",
                "aws_bedrock_runtime_endpoint": "https://bedrock-runtime.us-west-2.amazonaws.com",
            },
            {"us-west-2"},
        ),
        ({"model": f"bedrock/{MODEL}", "aws_bedrock_runtime_endpoint": "https://proxy.internal"}, None),
    ],
)
def test_prompts_are_processed_where_the_mapping_and_the_providers_say(
    params: dict[str, Any], regions: set[str] | None
) -> None:
    assert where(params) == regions


def test_without_a_region_of_its_own_and_of_the_process_nothing_is_assumed() -> None:
    assert where({"model": f"bedrock/{MODEL}"}, None) is None
    assert where({"model": f"bedrock/eu.{MODEL}"}, None) is None


def test_each_departure_is_named_with_its_reason_and_the_fix() -> None:
    mapping = config(
        {"model": "openai/gpt-4o"},
        {"model": f"bedrock/eu.{MODEL}", "region": "eu-west-1"},
        {"model": f"bedrock/us.{MODEL}", "region": "us-east-1"},
        {"model": "openai/mine", "api_base": "http://vllm.internal/v1"},
    )
    assert leaving(mapping, "eu", HERE) == [
        "m0: prompts may be processed anywhere, outside of eu: OpenAI's endpoint api.openai.com; leave it out, or take "
        "a project with data residency there (params.api_base: https://PLACE.api.openai.com/v1, where PLACE is au, eu, "
        "in, jp or us)",
        "m2: prompts may be processed in us-east-1, us-east-2, us-west-2, outside of eu: an inference profile of us; "
        "params.region and params.model: a Region and an inference profile of eu, or leave it out",
        "m3: prompts may be processed anywhere, outside of eu: nothing tells where that server is; params.region: eu, "
        "if it is there; else leave it out",
    ]


def test_one_region_is_a_geography_too_and_a_profile_leaves_it() -> None:
    mapping = config({"model": f"bedrock/{MODEL}"}, {"model": f"bedrock/eu.{MODEL}"})
    (only,) = leaving(mapping, HERE, HERE)
    assert only.startswith("m1: prompts may be processed in eu-central-1, eu-north-1,")


@pytest.mark.parametrize(
    ("guardrail", "stays"),
    [
        ({"id": "ab12", "version": "1"}, True),
        ({"id": "ab12", "version": "1", "region": "us-east-1"}, False),
        ({"id": "arn:aws:bedrock:us-east-1:123456789012:guardrail/ab12", "version": "1"}, False),
    ],
)
def test_a_guardrail_elsewhere_reads_prompts_there(guardrail: dict[str, str], stays: bool) -> None:
    mapping = config({"model": f"bedrock/{MODEL}"}, guardrail=guardrail)
    assert (leaving(mapping, "eu", HERE) == []) == stays


def test_a_geography_has_a_name_that_is_known() -> None:
    assert regions_of("eu-west-2") == {"eu-west-2"}
    for name in ("europe", "EU", "", "eu-west"):
        with pytest.raises(ValueError, match="must be apac, au, ca, eu, in, jp, us or an AWS Region"):
            regions_of(name)


def test_every_region_that_can_be_deployed_to_is_in_one_geography() -> None:
    for region in ADAPTER_REGIONS:
        assert region in regions_of(geography_of(region))
    assert geography_of("ap-northeast-1") == "apac"
    assert geography_of("eu-west-2") == "eu-west-2", "London is not in the European Union"
    assert {one for one in ADAPTER_REGIONS if one.startswith("ap-")} <= GEOGRAPHIES["apac"]
    assert {one for one in ADAPTER_REGIONS if one.startswith("us-")} == GEOGRAPHIES["us"]


@pytest.mark.parametrize(
    "params",
    [
        {"model": "bedrock/nova-2/us.amazon.nova-2-lite-v1:0", "region": "eu-central-1"},
        {"model": "bedrock/converse/nova/us.amazon.nova-lite-v1:0", "region": "eu-central-1"},
        {"model": "bedrock/GLOBAL.amazon.nova-lite-v1:0", "region": "eu-central-1"},
        {"model": "vertex_ai/gemini-2.5-flash", "vertex_location": "global", "region": "eu"},
    ],
)
def test_no_way_of_writing_a_model_hides_where_it_is_asked(params: dict[str, Any]) -> None:
    assert departures(config(params).deployments, "eu", "eu-central-1")
