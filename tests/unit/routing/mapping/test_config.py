"""A mapping becomes chains and deployments; a wrong one names every mistake, its path and the fix."""

from __future__ import annotations

from typing import Any

import pytest

from litellm_fallback_router.routing.mapping import load_config
from litellm_fallback_router.routing.types import ModelInfo
from tests.support.mappings import deployment_of, entry_of, loaded, mapping_of


def test_chain_is_the_model_then_its_fallbacks_then_theirs_each_once() -> None:
    config = loaded(mapping_of(*"abcde", fallbacks={"a": ["b", "c"], "b": ["d"], "c": ["e", "d"], "d": ["e"]}))

    assert config.chains["a"] == ("a", "b", "c", "d", "e")
    assert config.chains["c"] == ("c", "e", "d")
    assert config.chains["e"] == ("e",)


def test_strategy_is_exactly_its_members_and_expands_in_place() -> None:
    strategies = {"outer": ["a", "inner", "d"], "inner": ["b", "c"]}
    config = loaded(mapping_of(*"abcd", fallbacks={"c": ["d"]}, strategies=strategies))

    assert config.chains["outer"] == ("a", "b", "c", "d")
    assert config.chains["inner"] == ("b", "c")
    assert config.strategies == {"outer", "inner"}


def test_strategy_stands_for_its_members_in_a_fallbacks_list() -> None:
    config = loaded(mapping_of(*"abcde", fallbacks={"a": ["both", "d"], "c": ["e"]}, strategies={"both": ["b", "c"]}))

    assert config.chains["a"] == ("a", "b", "c", "d")


def test_model_listed_beside_a_strategy_it_belongs_to_brings_its_fallbacks() -> None:
    fallbacks = {"a": ["s", "b"], "b": ["c"]}
    config = loaded(mapping_of(*"abc", fallbacks=fallbacks, strategies={"s": ["b"]}))

    assert config.chains["a"] == ("a", "b", "c")


def test_model_name_given_twice_is_a_group() -> None:
    mapping = mapping_of("a", "b", "a", "a")
    mapping["model_list"][2]["params"] |= {"weight": 3, "rpm": 7}
    config = loaded(mapping)

    assert [one.id for one in config.deployments] == ["a", "b", "a#2", "a#3"]
    assert [one.weight for one in config.group("a")] == [1.0, 3.0, 1.0]
    assert config.group("a")[1].rpm == 7
    assert config.chains == {"a": ("a",), "b": ("b",)}


@pytest.mark.parametrize(
    ("model", "provider", "expected"),
    [
        ("gpt-4o", "openai", ("openai", "gpt-4o", "openai/gpt-4o")),
        ("openai/gpt-4o", "openai", ("openai", "gpt-4o", "openai/gpt-4o")),
        ("openai/gpt-4o", None, ("openai", "gpt-4o", "openai/gpt-4o")),
        ("gpt-4o", None, ("openai", "gpt-4o", "openai/gpt-4o")),
        ("o3-mini", None, ("openai", "o3-mini", "openai/o3-mini")),
        ("claude-haiku-4-5", None, ("anthropic", "claude-haiku-4-5", "anthropic/claude-haiku-4-5")),
        ("groq/openai/gpt-oss-120b", None, ("groq", "openai/gpt-oss-120b", "groq/openai/gpt-oss-120b")),
        ("us.amazon.nova-2-lite-v1:0", None, ("bedrock", "us.amazon.nova-2-lite-v1:0", None)),
        ("us.amazon.nova-2-lite-v1:0", "bedrock_converse", ("bedrock", "us.amazon.nova-2-lite-v1:0", None)),
        ("bedrock/us.amazon.nova-2-lite-v1:0", None, ("bedrock", "us.amazon.nova-2-lite-v1:0", None)),
        ("bedrock/converse/us.amazon.nova-2-lite-v1:0", None, ("bedrock", "us.amazon.nova-2-lite-v1:0", None)),
        ("bedrock/invoke/mistral.x-v1:0", None, ("bedrock", "mistral.x-v1:0", "bedrock/invoke/mistral.x-v1:0")),
    ],
)
def test_model_is_named_for_litellm(model: str, provider: str | None, expected: tuple[str, str, str | None]) -> None:
    deployment = deployment_of({"model": model}, provider)

    litellm_model = expected[2] or f"bedrock/converse/{expected[1]}"
    assert (deployment.provider, deployment.model, deployment.litellm_model) == (*expected[:2], litellm_model)


def test_region_inside_a_bedrock_name_is_the_deployments() -> None:
    deployment = deployment_of({"model": "bedrock/eu-west-1/eu.amazon.nova-2-lite-v1:0"})

    assert deployment.region == "eu-west-1"
    assert deployment.litellm_model == "bedrock/converse/eu.amazon.nova-2-lite-v1:0"


@pytest.mark.parametrize("name", ["region", "aws_region_name"])
def test_region_has_two_names(name: str) -> None:
    assert deployment_of({"model": "us.amazon.nova-2-lite-v1:0", name: "us-west-2"}).region == "us-west-2"


@pytest.mark.parametrize(
    ("params", "credential"),
    [
        ({"model": "gpt-4o"}, "openai:OPENAI_API_KEY"),
        ({"model": "gpt-4o", "api_key": ""}, "openai:OPENAI_API_KEY"),
        ({"model": "gpt-4o", "api_key": "os.environ/SECOND_KEY"}, "openai:SECOND_KEY"),
        ({"model": "gpt-4o", "api_key": "sk-secret"}, "openai:literal-746b4ad1"),
        (
            {"model": "gpt-4o", "api_key": "sk-secret", "api_base": "https://host:8/v1/"},
            "openai:literal-746b4ad1@host:8/v1",
        ),
        ({"model": "gpt-4o", "api_base": "http://localhost:8000/v1"}, "openai:none@localhost:8000/v1"),
        ({"model": "ollama/llama3"}, "ollama:none"),
        ({"model": "bedrock/x.y-v1"}, "bedrock:aws"),
        ({"model": "bedrock/x.y-v1", "aws_profile_name": "dev"}, "bedrock:dev"),
        ({"model": "bedrock/x.y-v1", "aws_role_name": "arn:aws:iam::1:role/r"}, "bedrock:arn:aws:iam::1:role/r"),
        ({"model": "bedrock/x.y-v1", "aws_access_key_id": "os.environ/KEY_ID"}, "bedrock:KEY_ID"),
        ({"model": "bedrock/x.y-v1", "api_key": "os.environ/AWS_BEARER_TOKEN_BEDROCK"}, None),
    ],
)
def test_credential_is_named_without_revealing_it(params: dict[str, Any], credential: str | None) -> None:
    assert deployment_of(params).credential == (credential or "bedrock:AWS_BEARER_TOKEN_BEDROCK")


def test_key_stays_a_reference_and_every_other_reference_is_read() -> None:
    params = {
        "model": "os.environ/MODEL",
        "api_base": "os.environ/BASE",
        "api_key": "os.environ/KEY",
        "extra_headers": {"x-tenant": "os.environ/TENANT", "x-plain": "1"},
    }
    environment = {"MODEL": "azure/mine", "BASE": "https://b.example", "KEY": "secret", "TENANT": "t1"}
    deployment = loaded(entry_of(params), environment).deployments[0]

    assert (deployment.litellm_model, deployment.api_base) == ("azure/mine", "https://b.example")
    assert deployment.api_key == "os.environ/KEY"
    assert deployment.extra == {"extra_headers": {"x-tenant": "t1", "x-plain": "1"}}


def test_model_info_overrides_what_the_price_map_knows() -> None:
    asked: list[tuple[str, str]] = []

    def describe(provider: str, model: str) -> ModelInfo:
        asked.append((provider, model))
        return ModelInfo(images=True, tools=True, max_input_tokens=10)

    info = {"base_model": "azure/gpt-4o", "images": False, "max_input_tokens": 99, "retires_on": "2027-03-30"}
    config = load_config(entry_of({"model": "azure/mine", "model_info": info}), describe)

    assert asked == [("azure", "gpt-4o")]
    assert config.deployments[0].info == ModelInfo(
        images=False, tools=True, max_input_tokens=99, retires_on="2027-03-30"
    )


@pytest.mark.parametrize(
    ("model", "base_model", "known_as"),
    [
        ("azure/mine", "azure/gpt-5.4", "gpt-5.4"),
        ("azure/mine", "gpt-5.4", "gpt-5.4"),
        ("azure/mine", "my own", "my own"),
        ("azure/mine", None, None),
        ("openai/gpt-4o", "azure/gpt-5.4", None),
    ],
)
def test_a_base_model_says_what_a_name_at_azure_is(model: str, base_model: str | None, known_as: str | None) -> None:
    found = deployment_of({"model": model, "model_info": {"base_model": base_model}})
    assert found.base_model == known_as
    assert found.profile.dialect.sampling_without_effort is (known_as == "gpt-5.4")


def test_timeouts_and_null_fields_are_read() -> None:
    deployment = deployment_of(
        {"model": "gpt-4o", "first_token_timeout": 5, "answer_timeout": 7.5, "rpm": None, "api_key": None}
    )

    assert (deployment.first_token_timeout, deployment.answer_timeout) == (5, 7.5)
    assert [deployment.stall_timeout, deployment.rpm, deployment.api_key] == [None, None, None]


def test_key_is_not_in_a_deployments_repr() -> None:
    deployment = deployment_of({"model": "gpt-4o", "api_key": "sk-secret", "extra_headers": {"x": "hidden"}})

    assert "sk-secret" not in repr(deployment)
    assert "hidden" not in repr(deployment)
