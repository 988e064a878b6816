"""LiteLLM's own `config.yaml` loads, and says which of its keys are not used."""

from __future__ import annotations

from typing import Any

import pytest

from litellm_fallback_router.routing.errors import ConfigurationError
from litellm_fallback_router.routing.mapping import Hedge, RouterConfig, load_config
from litellm_fallback_router.routing.types import ModelInfo


def _load(config: Any) -> RouterConfig:
    return load_config(config, lambda provider, model: ModelInfo())


def _model(name: str, **params: Any) -> dict[str, Any]:
    return {"model_name": name, "litellm_params": {"model": "openai/gpt-4o", **params}}


def test_fallbacks_come_from_either_part_and_the_routers_come_first() -> None:
    config = _load(
        {
            "model_list": [_model(name) for name in "abc"],
            "router_settings": {"fallbacks": [{"a": ["b"]}]},
            "litellm_settings": {"fallbacks": [{"a": ["c"]}, {"b": "c"}]},
        }
    )

    assert config.chains == {"a": ("a", "b", "c"), "b": ("b", "c"), "c": ("c",)}
    assert config.warnings == ()


def test_a_list_of_which_nothing_can_be_used_says_why() -> None:
    embeddings = {**_model("e"), "model_info": {"mode": "image_generation"}}
    with pytest.raises(ConfigurationError) as caught:
        _load({"model_list": [_model("*"), embeddings]})

    said = str(caught.value)
    assert "model_list[0]: not used (name each model: wildcards are not supported)" in said
    assert "model_list[1]: not used (only chat and embedding models are served here)" in said
    assert "model_list: nothing in it can be used; list at least one model" in said


def test_litellms_own_prompts_and_a_rate_in_the_wrong_place_are_warned_of() -> None:
    config = _load({"model_list": [{**_model("a"), "rpm": 5}], "prompts": [{"prompt_id": "p"}]})

    assert config.warnings == ("model_list[0].rpm: not used (put it into litellm_params)", "prompts: not used")


@pytest.mark.parametrize("default", [{"default_fallbacks": ["c"]}, {"fallbacks": [{"*": ["c"]}]}])
def test_default_fallbacks_are_those_of_every_model_without_its_own(default: dict[str, Any]) -> None:
    router = {"fallbacks": [{"a": ["b"]}, *default.pop("fallbacks", [])], **default}
    config = _load({"model_list": [_model(name) for name in "abc"], "router_settings": router})

    assert config.chains == {"a": ("a", "b", "c"), "b": ("b", "c"), "c": ("c",)}


def test_mutual_fallbacks_are_legal_and_each_model_is_asked_once() -> None:
    fallbacks = [{"a": ["b"]}, {"b": ["a"]}]
    config = _load({"model_list": [_model("a"), _model("b")], "router_settings": {"fallbacks": fallbacks}})

    assert config.chains == {"a": ("a", "b"), "b": ("b", "a")}
    assert config.warnings == ("fallbacks.a: goes round in a circle: a -> b -> a; each model is asked once",)


def test_alias_keeps_its_models_chain() -> None:
    router = {"fallbacks": [{"a": ["b"]}], "model_group_alias": {"old": "a", "hidden": {"model": "b"}, "a": "b"}}
    config = _load({"model_list": [_model("a"), _model("b")], "router_settings": router})

    assert config.chains["old"] == ("a", "b")
    assert config.chains["hidden"] == ("b",)
    assert config.warnings[0].startswith("router_settings.model_group_alias.a: not used")


def test_numbers_of_the_same_meaning_become_settings() -> None:
    settings = _load(
        {
            "model_list": [_model("a")],
            "router_settings": {"timeout": 40, "stream_timeout": 9.5, "num_retries": 0, "cooldown_time": 30},
            "litellm_settings": {"request_timeout": 50, "num_retries": 5},
        }
    ).settings

    assert (settings.answer_timeout, settings.first_token_timeout, settings.circuit_open_seconds) == (40, 9.5, 30)
    assert settings.tries_per_deployment == settings.tries_on_last == 1


def test_our_own_settings_and_strategies_may_be_added() -> None:
    config = _load(
        {
            "model_list": [_model("a"), _model("b")],
            "router_settings": {"timeout": 40},
            "strategies": {"s": ["b", "a"]},
            "settings": {"deadline": 33},
            "hedge": {"s": {"at_most": 0.1}},
            "cache": {"store": "memory"},
        }
    )

    assert config.hedges == {"s": Hedge(at_most=0.1)}
    assert config.cache is not None
    assert config.warnings == ()
    assert (config.settings.deadline, config.settings.answer_timeout) == (33, 40)
    assert config.chains["s"] == ("b", "a")


def test_parameters_are_renamed_and_prices_are_known() -> None:
    item = _model(
        "a",
        timeout=30,
        stream_timeout=5,
        base_url="https://b.example/v1",
        custom_llm_provider="openai",
        input_cost_per_token=0.5,
        api_version="1",
    )
    item["model_info"] = {"mode": "chat", "supports_vision": False, "supports_function_calling": True}
    deployment = _load({"model_list": [item]}).deployments[0]

    assert (deployment.answer_timeout, deployment.first_token_timeout) == (30, 5)
    assert (deployment.api_base, deployment.provider) == ("https://b.example/v1", "openai")
    assert deployment.extra == {"api_version": "1"}
    assert deployment.info == ModelInfo(images=False, tools=True, input_usd_per_token=0.5)


def test_models_that_do_not_chat_are_left_out() -> None:
    embedding = {**_model("e"), "model_info": {"mode": "image_generation"}}
    config = _load({"model_list": [embedding, _model("openai/*"), _model("a"), _model("a")]})

    assert [one.id for one in config.deployments] == ["a", "a#2"]
    assert config.warnings == (
        "model_list[0]: not used (only chat and embedding models are served here)",
        "model_list[1]: not used (name each model: wildcards are not supported)",
    )


def test_fallbacks_and_aliases_of_what_is_left_out_are_warned_of() -> None:
    embedding = {"litellm_params": {"model": "openai/e"}, "model_info": {"mode": "image_generation"}}
    config = _load(
        {
            "model_list": [_model("chat"), {"model_name": "emb", **embedding}, _model("openai/*")],
            "litellm_settings": {"fallbacks": [{"emb": ["chat"]}, {"chat": ["openai/gpt-4o", "emb"]}]},
            "router_settings": {"model_group_alias": {"short": "openai/gpt-4o-mini"}},
        }
    )

    assert config.chains == {"chat": ("chat",)}
    assert config.warnings[2:] == (
        "fallbacks.emb: not used (model 'emb' is left out)",
        "fallbacks.chat: not used (model 'openai/gpt-4o' is left out)",
        "fallbacks.chat: not used (model 'emb' is left out)",
        "router_settings.model_group_alias.short: not used (model 'openai/gpt-4o-mini' is left out)",
    )


def test_a_limit_written_as_text_is_a_number() -> None:
    (deployment,) = _load({"model_list": [_model("a", rpm="500")]}).deployments
    assert deployment.rpm == 500


def test_each_unused_key_is_named_and_its_value_is_not() -> None:
    config = _load(
        {
            "model_list": [{**_model("a", tpm=9, mock_response="secret", timeout=9000), "notes": "secret"}],
            "litellm_settings": {"callbacks": ["secret"], "drop_params": False, "num_retries": 99},
            "router_settings": {"routing_strategy": "least-busy", "redis_password": "secret"},
            "general_settings": {"master_key": "secret"},
            "environment_variables": {"KEY": "secret"},
            "guardrails": ["secret"],
        }
    )

    assert [warning.partition(": not used")[0] for warning in config.warnings] == [
        "model_list[0].notes",
        "model_list[0].litellm_params.tpm",
        "model_list[0].litellm_params.mock_response",
        "model_list[0].litellm_params.timeout",
        "router_settings.routing_strategy",
        "router_settings.redis_password",
        "litellm_settings.callbacks",
        "litellm_settings.drop_params",
        "litellm_settings.num_retries",
        "environment_variables",
        "guardrails",
    ]
    assert "secret" not in str(config.warnings)


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({"model_list": [_model("a", rpm=0)]}, "model_list[0].litellm_params.rpm: must be at least 1, got 0"),
        ({"model_list": [_model("a"), {"model_name": "b"}]}, "model_list[1].litellm_params: missing; add it"),
        ({"model_list": [_model("*")]}, "model_list: nothing in it can be used; list at least one model"),
        ({"model_list": [_model("a")], "router_settings": 1}, "router_settings: must be an object, got a number"),
        (
            {"model_list": [_model("a")], "router_settings": {"fallbacks": {"a": ["b"]}}},
            "router_settings.fallbacks: must be a list of objects, got an object",
        ),
        (
            {"model_list": [_model("a")], "litellm_settings": {"fallbacks": [{"a": [{"model": "b"}]}]}},
            "litellm_settings.fallbacks[0].a: must be a list of model names, got an object in it",
        ),
        (
            {"model_list": [_model("a")], "router_settings": {"fallbacks": [{"a": ["b"]}]}},
            "fallbacks.a[0]: unknown model 'b'; known: a",
        ),
    ],
)
def test_mistake_is_named(config: Any, problem: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        _load(config)

    assert problem in caught.value.problems


def test_fallback_to_or_of_one_deployment_is_left_out() -> None:
    single = {**_model("b"), "model_info": {"id": "b-in-paris"}}
    fallbacks = [{"a": ["b-in-paris", "c"]}, {"c": ["b-in-paris"]}, {"b-in-paris": ["a"]}]
    models = [_model("a"), single, _model("c")]
    config = _load({"model_list": models, "router_settings": {"fallbacks": fallbacks}})

    why = "not used ('b-in-paris' is a model_info.id: name that deployment's model_name)"
    assert config.chains == {"a": ("a", "c"), "b": ("b",), "c": ("c",)}
    assert [one for one in config.warnings if one.startswith("fallbacks")] == [
        f"fallbacks.{name}: {why}" for name in ("a", "c", "b-in-paris")
    ]


def test_id_that_is_a_models_name_too_means_the_model() -> None:
    named = {**_model("a"), "model_info": {"id": "b"}}
    config = _load({"model_list": [named, _model("b")], "router_settings": {"fallbacks": [{"a": ["b"]}]}})

    assert config.chains["a"] == ("a", "b")
