"""Bedrock's permissions against the mapping, statement by statement."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.chain import load_chain
from litellm_fallback_router.routing.errors import ConfigurationError
from tests.infrastructure.stack.templates import ACCOUNT, REGION, Synthesized, listed

ACTIONS = {"bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"}
US = ("us-east-1", "us-east-2", "us-west-2")
Synthesize = Callable[..., Synthesized]
ChainFile = Callable[[object], Path]


def _bedrock(synthesized: Synthesized, actions: set[str] = ACTIONS) -> set[tuple[str, str | None]]:
    """Every (resource, profile it must be asked through) that may be invoked."""
    allowed = set()
    for statement in synthesized.statements("Gateway"):
        if not any(action.startswith("bedrock:") for action in listed(statement["Action"])):
            continue
        assert set(listed(statement["Action"])) == actions
        assert statement["Effect"] == "Allow"
        condition = statement.get("Condition", {"StringEquals": {"bedrock:InferenceProfileArn": None}})
        ((operator, profile),) = condition.items()
        assert operator == "StringEquals"
        assert profile.keys() == {"bedrock:InferenceProfileArn"}
        allowed |= {(one, profile["bedrock:InferenceProfileArn"]) for one in listed(statement["Resource"])}
    return allowed


def _profile(region: str, name: str) -> str:
    return f"arn:aws:bedrock:{region}:{ACCOUNT}:inference-profile/{name}"


def _model(region: str, name: str) -> str:
    return f"arn:aws:bedrock:{region}::foundation-model/{name}"


def _bedrock_model(name: str, model: str, **params: Any) -> dict[str, Any]:
    return {"model_name": name, "litellm_provider": "bedrock", "params": {"model": model, **params}}


def test_shipped_mapping_may_invoke_its_profiles_and_their_models_and_nothing_else(dev: Synthesized) -> None:
    deployments = [d for d in dev.config.deployments if d.provider == "bedrock"]
    expected: set[tuple[str, str | None]] = set()
    for deployment in deployments:
        assert deployment.region is not None
        assert deployment.model.startswith("us.")
        profile = _profile(deployment.region, deployment.model)
        expected.add((profile, None))
        expected |= {(_model(region, deployment.model.removeprefix("us.")), profile) for region in US}
    assert len(deployments) >= 5
    assert _bedrock(dev) == expected


def test_global_profile_needs_the_model_without_a_region(synthesize: Synthesize, chain_file: ChainFile) -> None:
    mapping = chain_file(
        {"model_list": [_bedrock_model("g", "global.anthropic.claude-sonnet-4-6", region="eu-west-1")]}
    )
    profile = _profile("eu-west-1", "global.anthropic.claude-sonnet-4-6")
    assert _bedrock(synthesize(mapping=str(mapping))) == {
        (profile, None),
        (_model("eu-west-1", "anthropic.claude-sonnet-4-6"), profile),
        (_model("", "anthropic.claude-sonnet-4-6"), profile),
    }


def test_model_without_a_profile_is_invoked_in_its_region_alone(synthesize: Synthesize, chain_file: ChainFile) -> None:
    models = [
        _bedrock_model("a", "meta.llama3-8b-instruct-v1:0", region="us-west-2"),
        _bedrock_model("b", "amazon.nova-lite-v1:0"),
    ]
    assert _bedrock(synthesize(mapping=str(chain_file({"model_list": models})))) == {
        (_model("us-west-2", "meta.llama3-8b-instruct-v1:0"), None),
        (_model(REGION, "amazon.nova-lite-v1:0"), None),  # no Region given: the stack's own
    }


def test_model_that_embeds_texts_is_invoked_without_streams(synthesize: Synthesize, chain_file: ChainFile) -> None:
    models = [
        _bedrock_model("titan", "amazon.titan-embed-text-v2:0", region="us-west-2"),
        _bedrock_model("cohere", "us.cohere.embed-v4:0", region="us-east-1"),
    ]
    synthesized = synthesize(mapping=str(chain_file({"model_list": models})))
    profile = _profile("us-east-1", "us.cohere.embed-v4:0")
    assert _bedrock(synthesized, {"bedrock:InvokeModel"}) == {
        (_model("us-west-2", "amazon.titan-embed-text-v2:0"), None),
        (profile, None),
        *((_model(region, "cohere.embed-v4:0"), profile) for region in US),
    }


def test_application_profile_is_the_only_way_to_its_model(synthesize: Synthesize, chain_file: ChainFile) -> None:
    arn = f"arn:aws:bedrock:us-east-1:{ACCOUNT}:application-inference-profile/abc123"
    mapping = chain_file({"model_list": [_bedrock_model("a", arn, region="us-east-1")]})
    assert _bedrock(synthesize(mapping=str(mapping))) == {(arn, None), (_model("*", "*"), arn)}


def test_deployment_with_a_role_of_its_own_needs_only_to_assume_it(
    synthesize: Synthesize, chain_file: ChainFile
) -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/other-account"
    model = _bedrock_model("a", "us.amazon.nova-2-lite-v1:0", region="us-east-1", aws_role_name=role)
    synthesized = synthesize(mapping=str(chain_file({"model_list": [model]})))
    assert _bedrock(synthesized) == set()
    assumed = [s for s in synthesized.statements("Gateway") if s["Action"] == "sts:AssumeRole"]
    assert [s["Resource"] for s in assumed] == [role]


def test_mapping_without_bedrock_gets_no_permission_for_it(synthesize: Synthesize, chain_file: ChainFile) -> None:
    model = {"model_name": "m", "litellm_provider": "openai", "params": {"model": "gpt-4o"}}
    synthesized = synthesize(mapping=str(chain_file({"model_list": [model]})))
    assert _bedrock(synthesized) == set()
    assert [s["Properties"]["Name"] for s in synthesized.of("AWS::SecretsManager::Secret").values()] == [
        "fallback-router-dev/openai"
    ]


def test_unknown_geography_is_named_with_the_place_to_add_it(synthesize: Synthesize, chain_file: ChainFile) -> None:
    mapping = chain_file({"model_list": [_bedrock_model("a", "zz.amazon.nova-lite-v1:0", region="us-east-1")]})
    with pytest.raises(ConfigurationError, match=r"unknown geography 'zz'.*providers/bedrock\.py"):
        synthesize(mapping=str(mapping))


def test_key_in_the_mapping_stops_the_deployment_and_is_not_repeated(chain_file: ChainFile) -> None:
    params = {"model": "gpt-4o", "api_key": "sk-written-out"}
    mapping = chain_file({"model_list": [{"model_name": "m", "litellm_provider": "openai", "params": params}]})
    with pytest.raises(ConfigurationError, match=r"m: params\.api_key.*secrets set openai") as raised:
        load_chain(mapping)
    assert "sk-written-out" not in str(raised.value)


def test_deadline_beyond_what_api_gateway_waits_for_stops_the_deployment(chain_file: ChainFile) -> None:
    model = {"model_name": "m", "litellm_provider": "openai", "params": {"model": "gpt-4o"}}
    with pytest.raises(ConfigurationError, match=r"settings\.deadline.*290"):
        load_chain(chain_file({"model_list": [model], "settings": {"deadline": 300.0}}))
