"""Providers' own names of models are names of the mapping's too, and an unknown one leads to its like."""

from __future__ import annotations

from typing import Any

import pytest

from litellm_fallback_router.mapping import ROUTER_STYLE_MAPPING
from litellm_fallback_router.routing.errors import UnknownModelError
from litellm_fallback_router.routing.failures import FailureKind as Kind
from litellm_fallback_router.routing.mapping import RouterConfig, load_config
from litellm_fallback_router.routing.types import ModelInfo, RoutingConstraints
from tests.support.scripted import Rig, ScriptedProvider, fails, question
from tests.support.virtual_time import run_virtually


def load(mapping: Any) -> RouterConfig:
    return load_config(mapping, lambda provider, model: ModelInfo(), lambda name: "key")


SHIPPED = load(ROUTER_STYLE_MAPPING)


def entry(name: str, model: str) -> dict[str, Any]:
    return {"model_name": name, "params": {"model": model}}


@pytest.mark.parametrize("place", SHIPPED.deployments, ids=lambda place: place.id)
def test_whoever_answered_can_be_asked_again_by_what_the_answer_says(place: Any) -> None:
    async def main() -> None:
        r = Rig(SHIPPED, ScriptedProvider())
        first = await r.router.complete(question(place.model_name))
        for name in (first.model, first.provider):
            again = await r.router.complete(question(name))
            assert (again.model, again.provider, again.requested_model) == (place.model, place.label, name)
            assert not again.fallback

    run_virtually(main())


def test_its_chain_is_that_of_the_model() -> None:
    async def main() -> None:
        r = Rig(SHIPPED, ScriptedProvider({"openai-gpt4o": [fails(Kind.NOT_FOUND)]}))
        result = await r.router.complete(question("gpt-4o"))
        assert (result.provider, result.fallback) == ("anthropic:claude-sonnet-4-6", True)
        alone = question("gpt-4o", constraints=RoutingConstraints(fallback=False))
        assert [c.deployment.id for c in (await r.router.explain(alone)).candidates] == ["openai-gpt4o"]

    run_virtually(main())


def test_the_names_of_the_mapping_win() -> None:
    mapping = {
        "model_list": [entry("cheap", "openai/gpt-4o"), entry("gpt-4o", "anthropic/claude-sonnet-4-6")],
        "strategies": {"claude-sonnet-4-6": ["cheap"]},
    }
    config = load(mapping)
    assert config.resolve("gpt-4o") == "gpt-4o"
    assert config.resolve("claude-sonnet-4-6") == "claude-sonnet-4-6"
    assert config.resolve("openai:gpt-4o") == "cheap"
    assert config.aliases == {
        "openai:gpt-4o": "cheap",
        "openai/gpt-4o": "cheap",
        "anthropic:claude-sonnet-4-6": "gpt-4o",
        "anthropic/claude-sonnet-4-6": "gpt-4o",
    }


def test_of_several_with_one_id_the_mappings_first_is_meant() -> None:
    entries = [entry("b", "openai/gpt-4o"), entry("a", "azure/gpt-4o"), entry("b", "openai/gpt-4o")]
    config = load({"model_list": entries})
    assert config.resolve("gpt-4o") == "b"
    assert config.resolve("azure:gpt-4o") == "a"
    assert SHIPPED.resolve("us.anthropic.claude-sonnet-4-6") == "bedrock-claude-sonnet"


@pytest.mark.parametrize(
    ("unknown", "meant"),
    [
        ("gpt-4", "openai-gpt4o"),
        ("gpt-4o-2024-11-20", "openai-gpt4o"),
        ("gpt-4.1-mini", "openai-gpt4o-mini"),
        ("openai/gpt-4.1-mini", "openai-gpt4o-mini"),
        ("claude-3-5-sonnet-20241022", "anthropic-claude-sonnet"),
        ("claude-3-haiku-20240307", "anthropic-claude-haiku"),
        ("claude-sonnet-4-5", "anthropic-claude-sonnet"),
        ("anthropic/claude-haiku-4-6", "anthropic-claude-haiku"),
        ("anthropic.claude-3-5-sonnet-20241022-v2:0", "bedrock-claude-sonnet"),
        ("eu.anthropic.claude-haiku-4-5-20251001-v1:0", "bedrock-claude-haiku"),
        ("bedrock/us-east-1/us.anthropic.claude-sonnet-4-5", "bedrock-claude-sonnet"),
        ("us.amazon.nova-pro-v1:0", "bedrock-nova"),
        ("meta.llama3-1-70b-instruct-v1:0", "bedrock-llama"),
        ("openai-gpt-4o", "openai-gpt4o"),
        ("Cost-Optimized", "cost-optimized"),
        ("anthropic:claude-sonnet-4-5", "anthropic-claude-sonnet"),
    ],
)
def test_an_unknown_name_leads_to_a_model_of_the_same_provider(unknown: str, meant: str) -> None:
    with pytest.raises(UnknownModelError, match="known: openai-gpt4o, ") as caught:
        SHIPPED.resolve(unknown, param="primary_model")
    assert f"did you mean '{meant}'?" in str(caught.value)
    assert caught.value.param == "primary_model"


@pytest.mark.parametrize("unknown", ["", "o3", "command-r", "x" * 10_000, "\x00"])
def test_what_is_like_nothing_is_only_told_what_is_known(unknown: str) -> None:
    with pytest.raises(UnknownModelError) as caught:
        SHIPPED.resolve(unknown)
    assert "did you mean" not in str(caught.value)
    assert len(str(caught.value)) < 600
    assert "\x00" not in str(caught.value)


def test_a_model_no_chain_has_is_neither_an_alias_nor_a_hint() -> None:
    config = RouterConfig(SHIPPED.deployments, {"bedrock-nova": ("bedrock-nova",)})
    assert set(config.aliases.values()) == {"bedrock-nova"}
    with pytest.raises(UnknownModelError) as caught:
        config.resolve("gpt-4o")
    assert "did you mean" not in str(caught.value)
