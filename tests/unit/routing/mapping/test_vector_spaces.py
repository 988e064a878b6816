"""Models that embed texts: what they are told by, and that no chain mixes vectors that cannot be compared."""

from __future__ import annotations

from typing import Any

import pytest

from litellm_fallback_router.adapters.price_map import describe
from litellm_fallback_router.routing.errors import ConfigurationError
from litellm_fallback_router.routing.mapping import RouterConfig, load_config
from litellm_fallback_router.routing.types import ModelInfo, VectorSpace

SMALL = {"model": "openai/text-embedding-3-small"}
LARGE = {"model": "openai/text-embedding-3-large"}
TITAN = {"model": "bedrock/amazon.titan-embed-text-v2:0"}
COHERE = {"model": "bedrock/us.cohere.embed-v4:0", "region": "us-east-1"}
CHAT = {"model": "openai/gpt-4o"}


def config(models: dict[str, Any], **more: Any) -> RouterConfig:
    listed = [
        {"model_name": name.rstrip("'"), "params": {**params, "region": params.get("region", "us-east-1")}}
        for name, params in models.items()
    ]
    return load_config({"model_list": listed, **more}, describe)


def space(params: dict[str, Any]) -> VectorSpace | None:
    return config({"e": params}).deployments[0].space


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        (SMALL, VectorSpace("text-embedding-3-small", 1536)),
        ({"model": "text-embedding-3-small"}, VectorSpace("text-embedding-3-small", 1536)),
        ({**SMALL, "dimensions": 256}, VectorSpace("text-embedding-3-small", 256)),
        (TITAN, VectorSpace("amazon.titan-embed-text-v2:0", 1024)),
        (COHERE, VectorSpace("cohere.embed-v4:0", 1536)),
        ({"model": "bedrock/cohere.embed-english-v3"}, VectorSpace("cohere.embed-english-v3", 1024)),
        ({"model": "hosted_vllm/nomic-embed-text"}, VectorSpace("nomic-embed-text", None)),
        (
            {"model": "azure/mine", "model_info": {"base_model": "azure/text-embedding-3-small"}},
            VectorSpace("text-embedding-3-small", 1536),
        ),
        (
            {"model": "hosted_vllm/BAAI/bge-m3", "model_info": {"mode": "embedding", "dimensions": 1024}},
            VectorSpace("bge-m3", 1024),
        ),
        (CHAT, None),
    ],
)
def test_a_model_that_embeds_is_told_by_the_mapping_or_the_price_map(
    params: dict[str, Any], expected: VectorSpace | None
) -> None:
    assert space(params) == expected


@pytest.mark.parametrize(
    "models",
    [
        {"a": SMALL, "b": {**SMALL, "api_base": "https://eu.api.openai.com/v1"}},
        {"a": SMALL, "b": {"model": "azure/mine", "model_info": {"base_model": "azure/text-embedding-3-small"}}},
        {"a": {**TITAN, "region": "us-east-1"}, "b": {**TITAN, "region": "us-west-2"}},
        {"a": COHERE, "b": {"model": "bedrock/eu.cohere.embed-v4:0", "region": "eu-west-1"}},
        {"a": {**LARGE, "dimensions": 256}, "b": {**LARGE, "dimensions": 256, "rpm": 5}},
    ],
)
def test_the_same_model_elsewhere_may_stand_in(models: dict[str, Any]) -> None:
    loaded = config(models, fallbacks={"a": ["b"]}, strategies={"s": ["a", "b"]})
    assert loaded.embeds("a")
    assert loaded.embeds("s")


@pytest.mark.parametrize("params", [SMALL, LARGE, TITAN, COHERE, CHAT, {**LARGE, "dimensions": 256}], ids=str)
def test_a_deployment_is_told_alike_where_the_price_map_is_not_at_hand(params: dict[str, Any]) -> None:
    item = {"model_name": "e", "params": {"region": "us-east-1", **params}}
    (without,) = load_config({"model_list": [item]}, lambda _provider, _model: ModelInfo()).deployments
    assert without.space == space(params)


def mistakes(models: dict[str, Any], **more: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        config(models, **more)
    return str(caught.value)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (
            LARGE,
            "'b' (text-embedding-3-large of 3072 dimensions) has other vectors than 'a' (text-embedding-3-small of",
        ),
        ({**SMALL, "dimensions": 512}, "'b' (text-embedding-3-small of 512 dimensions) has other vectors than 'a'"),
        (TITAN, "'b' (amazon.titan-embed-text-v2:0 of 1024 dimensions) has other vectors"),
        (CHAT, "'a' embeds texts and 'b' answers chats: one cannot stand in for the other; remove it"),
    ],
)
def test_a_chain_that_mixes_vectors_is_refused_with_its_path_and_the_fix(other: dict[str, Any], said: str) -> None:
    models = {"a": SMALL, "b": other}
    assert f"fallbacks.a[0]: {said}" in mistakes(models, fallbacks={"a": ["b"]})
    assert f"strategies.s[1]: {said}" in mistakes(models, strategies={"s": ["a", "b"]})
    assert "keep to the same model and dimensions in another Region, account or host" in mistakes(
        {"a": SMALL, "b": LARGE}, fallbacks={"a": ["b"]}
    )


def test_a_chain_is_looked_through_to_its_end() -> None:
    models = {"a": SMALL, "b": SMALL, "c": LARGE}
    assert "fallbacks.b[0]: 'c'" in mistakes(models, fallbacks={"a": ["b"], "b": ["c"]})
    assert "fallbacks.a[0]: 's'" in mistakes(models, fallbacks={"a": ["s"]}, strategies={"s": ["c"]})


def test_a_group_that_mixes_vectors_is_refused() -> None:
    assert "model_list[1]: 'a' (text-embedding-3-large" in mistakes({"a": SMALL, "a'": LARGE})
    said = "model_list[1]: 'a' would embed texts here and answer chats elsewhere; give one of them another model_name"
    assert said in mistakes({"a": CHAT, "a'": SMALL})


def test_embeddings_that_nobody_here_can_ask_for_are_refused() -> None:
    said = mistakes({"v": {"model": "voyage/voyage-3"}})
    assert "model_list[0].params.model: its embeddings are not served here; there are those of OpenAI, Azure" in said
    said = mistakes({"c": {**CHAT, "dimensions": 5}})
    assert "model_list[0].params.dimensions: chats have none" in said


def test_a_chat_that_names_no_model_is_not_asked_of_one_that_embeds() -> None:
    assert config({"e": SMALL, "c": CHAT}).first_chat == "c"
    assert config({"e": SMALL}).first_chat == "e"


def litellm_config(**more: Any) -> RouterConfig:
    models = [
        {"model_name": "chat", "litellm_params": CHAT},
        {"model_name": "small", "litellm_params": SMALL},
        {"model_name": "small-too", "litellm_params": SMALL, "model_info": {"mode": "embedding"}},
        {"model_name": "large", "litellm_params": {**LARGE, "dimensions": 256}},
    ]
    return load_config({"model_list": models, **more}, describe)


def test_a_litellm_config_goes_on_to_load_and_leaves_mixtures_out_with_a_warning() -> None:
    loaded = litellm_config(
        router_settings={"default_fallbacks": ["chat"]},
        litellm_settings={"fallbacks": [{"small": ["large", "small-too"]}]},
    )
    assert loaded.chains == {
        "chat": ("chat",),
        "small": ("small", "small-too"),
        "small-too": ("small-too",),
        "large": ("large",),
    }
    assert "fallbacks.small: not used for large (other vectors, or none at all)" in loaded.warnings
    assert "fallbacks.large: not used for chat (other vectors, or none at all)" in loaded.warnings
    assert [str(deployment.space) for deployment in loaded.deployments[1:]] == [
        "text-embedding-3-small of 1536 dimensions",
        "text-embedding-3-small of 1536 dimensions",
        "text-embedding-3-large of 256 dimensions",
    ]


def test_a_litellm_config_leaves_other_providers_embeddings_out() -> None:
    voyage = {"model_name": "v", "litellm_params": {"model": "voyage/voyage-3"}, "model_info": {"mode": "embedding"}}
    loaded = load_config({"model_list": [voyage, {"model_name": "c", "litellm_params": CHAT}]}, describe)
    assert [deployment.id for deployment in loaded.deployments] == ["c"]
    assert "its embeddings are not served here" in loaded.warnings[0]
