"""LiteLLM's price map, and the lists taken from LiteLLM, as they are in the version installed."""

from __future__ import annotations

import ast
import importlib.util
import json
from dataclasses import fields
from pathlib import Path

import pytest

from litellm_fallback_router.adapters.price_map import describe
from litellm_fallback_router.providers import LITELLM_PROVIDERS as PROVIDERS
from litellm_fallback_router.routing.mapping.schema import OPERATOR_PARAMS, InfoOverride
from litellm_fallback_router.routing.types import ModelInfo


def _litellm(path: str) -> str:
    spec = importlib.util.find_spec("litellm")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return (Path(spec.submodule_search_locations[0]) / path).read_text(encoding="utf-8")


def _class(path: str, name: str) -> list[ast.stmt]:
    """The body of one of LiteLLM's classes, read as text: importing it would take seconds."""
    tree = ast.parse(_litellm(path))
    return next(node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)


def test_what_is_known_of_a_model_is_read() -> None:
    assert describe("openai", "gpt-4o-mini") == ModelInfo(
        mode="chat",
        tools=True,
        tool_choice=True,
        images=True,
        json_schema=True,
        reasoning=False,
        prompt_caching=True,
        prefill=False,
        native_schema=False,
        cache_ttl=False,
        max_input_tokens=128_000,
        max_output_tokens=16_384,
        input_usd_per_token=0.15e-6,
        output_usd_per_token=0.6e-6,
        cached_usd_per_token=0.075e-6,
    )
    assert describe("bedrock", "us.meta.llama3-3-70b-instruct-v1:0").retires_on == "2027-03-30"


@pytest.mark.parametrize(
    ("model", "usd_per_million"),
    [
        ("openai/gpt-4o", (2.5, 10)),
        ("openai/gpt-4o-mini", (0.15, 0.6)),
        ("anthropic/claude-sonnet-4-6", (3, 15)),
        ("anthropic/claude-haiku-4-5", (1, 5)),
        ("bedrock/us.anthropic.claude-sonnet-4-6", (3.3, 16.5)),
        ("bedrock/us.anthropic.claude-haiku-4-5-20251001-v1:0", (1.1, 5.5)),
        ("bedrock/us.amazon.nova-2-lite-v1:0", (0.33, 2.75)),
        ("bedrock/us.meta.llama3-3-70b-instruct-v1:0", (0.72, 0.72)),
        ("azure/gpt-4o", (2.5, 10)),
        ("groq/openai/gpt-oss-120b", (0.15, 0.6)),
        ("vertex_ai/claude-sonnet-4-6", (3, 15)),
        ("gemini/gemini-2.5-pro", (1.25, 10)),
    ],
)
def test_price_is_the_providers_own(model: str, usd_per_million: tuple[float, float]) -> None:
    info = describe(*model.split("/", 1))

    assert info.input_usd_per_token == pytest.approx(usd_per_million[0] / 1e6)
    assert info.output_usd_per_token == pytest.approx(usd_per_million[1] / 1e6)


def test_bedrocks_price_is_the_regions_where_it_has_its_own() -> None:
    elsewhere = describe("bedrock", "meta.llama3-70b-instruct-v1:0")
    there = describe("bedrock", "ap-south-1/meta.llama3-70b-instruct-v1:0")

    assert (elsewhere.input_usd_per_token, there.input_usd_per_token) == (2.65e-6, 3.18e-6)
    assert describe("bedrock", "us-east-1/us.amazon.nova-2-lite-v1:0") == describe(
        "bedrock", "us.amazon.nova-2-lite-v1:0"
    )


@pytest.mark.parametrize(
    "name",
    [
        "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-6",
        "ca.anthropic.claude-sonnet-4-6",
    ],
)
def test_bedrock_model_is_found_under_an_arn_or_another_regions_profile(name: str) -> None:
    assert describe("bedrock", name).max_input_tokens == 1_000_000


@pytest.mark.parametrize(
    ("provider", "model"),
    [("openai", "no-such-model"), ("ollama", "gpt-4o"), ("bedrock", "gpt-4o"), ("openai", "sample_spec"), ("x", "")],
)
def test_model_the_provider_does_not_sell_is_unknown(provider: str, model: str) -> None:
    assert describe(provider, model) == ModelInfo()


def test_gap_in_the_map_leaves_a_need_unknown_and_denies_a_wish() -> None:
    info = describe("databricks", "databricks-gpt-oss-20b")

    assert info.max_input_tokens is not None
    assert (info.tools, info.images, info.json_schema) == (None, None, None)
    assert (info.reasoning, info.prefill) == (False, False)


def test_every_provider_of_litellm_is_known() -> None:
    body = _class("types/utils.py", "LlmProviders")
    listed = {one.value.value for one in body if isinstance(one, ast.Assign) and isinstance(one.value, ast.Constant)}

    assert listed | set(json.loads(_litellm("llms/openai_like/providers.json"))) == PROVIDERS


def test_operator_parameters_are_litellms() -> None:
    body = _class("types/router.py", "CredentialLiteLLMParams") + _class("types/router.py", "GenericLiteLLMParams")
    listed = {one.target.id for one in body if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)}

    # These are arguments of the call itself.
    assert OPERATOR_PARAMS - listed == {"extra_headers", "extra_body", "model_id", "guardrailConfig"}


def test_everything_known_of_a_model_can_be_overridden() -> None:
    assert set(InfoOverride.model_fields) - {"base_model"} == {field.name for field in fields(ModelInfo)}
