"""The mapping that ships."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from litellm_fallback_router.adapters.price_map import describe, price_map
from litellm_fallback_router.mapping import ROUTER_STYLE_MAPPING
from litellm_fallback_router.routing.mapping import load_config
from litellm_fallback_router.routing.types import Deployment

CONFIG = load_config(ROUTER_STYLE_MAPPING, describe)
WRITTEN_ON = date(2026, 11, 22)
SOURCE = Path(__file__).parents[2] / "lambda_src"


def test_shipped_models_and_strategies_are_those_documented() -> None:
    assert [one.id for one in CONFIG.deployments] == [
        "openai-gpt4o",
        "openai-gpt4o-mini",
        "anthropic-claude-sonnet",
        "anthropic-claude-haiku",
        "bedrock-claude-sonnet",
        "bedrock-claude-sonnet-west",
        "bedrock-claude-haiku",
        "bedrock-nova",
        "bedrock-llama",
    ]
    assert {name: CONFIG.chains[name] for name in CONFIG.strategies} == {
        "cost-optimized": ("bedrock-claude-haiku", "openai-gpt4o-mini", "anthropic-claude-sonnet"),
        "performance-optimized": ("openai-gpt4o-mini", "bedrock-claude-sonnet"),
        "multi-region-bedrock": ("bedrock-claude-sonnet", "bedrock-claude-sonnet-west", "bedrock-llama"),
    }
    assert CONFIG.warnings == ()


def test_primary_chains_go_from_openai_over_anthropic_to_bedrock_in_two_regions() -> None:
    regions = {one.id: one.region for one in CONFIG.deployments}

    assert CONFIG.chains["openai-gpt4o"] == (
        "openai-gpt4o",
        "anthropic-claude-sonnet",
        "bedrock-claude-sonnet",
        "bedrock-claude-sonnet-west",
        "bedrock-llama",
    )
    assert CONFIG.chains["openai-gpt4o-mini"] == (
        "openai-gpt4o-mini",
        "anthropic-claude-haiku",
        "bedrock-claude-haiku",
        "bedrock-nova",
        "bedrock-llama",
    )
    assert (regions["bedrock-claude-sonnet"], regions["bedrock-claude-sonnet-west"]) == ("us-east-1", "us-west-2")


def test_every_chain_fits_the_attempts_of_a_request() -> None:
    assert max(len(chain) for chain in CONFIG.chains.values()) <= CONFIG.settings.max_attempts


@pytest.mark.parametrize("deployment", CONFIG.deployments, ids=lambda one: one.id)
def test_model_is_in_the_price_map_with_price_and_windows(deployment: Deployment) -> None:
    assert deployment.model in price_map()
    assert deployment.info.input_usd_per_token
    assert deployment.info.output_usd_per_token
    assert deployment.info.max_input_tokens
    assert deployment.info.max_output_tokens
    assert deployment.info.tools is True


@pytest.mark.parametrize("deployment", CONFIG.deployments, ids=lambda one: one.id)
def test_model_is_not_retired(deployment: Deployment) -> None:
    retires_on = deployment.info.retires_on

    assert retires_on is None or date.fromisoformat(retires_on) > WRITTEN_ON


def test_only_haiku_continues_a_half_written_answer() -> None:
    assert [one.id for one in CONFIG.deployments if one.info.prefill] == [
        "anthropic-claude-haiku",
        "bedrock-claude-haiku",
    ]


def test_llama_takes_neither_images_nor_a_schema() -> None:
    (llama,) = CONFIG.group("bedrock-llama")

    assert (llama.info.images, llama.info.json_schema, llama.info.tool_choice) == (False, False, False)


def test_mapping_is_plain_data_and_loading_leaves_it_alone() -> None:
    before = copy.deepcopy(ROUTER_STYLE_MAPPING)

    load_config(ROUTER_STYLE_MAPPING, describe)

    assert before == ROUTER_STYLE_MAPPING
    assert json.loads(json.dumps(ROUTER_STYLE_MAPPING)) == ROUTER_STYLE_MAPPING


def test_keys_are_references_and_loading_imports_no_litellm() -> None:
    script = (
        "import sys\n"
        "from litellm_fallback_router.adapters.price_map import describe\n"
        "from litellm_fallback_router.mapping import ROUTER_STYLE_MAPPING\n"
        "from litellm_fallback_router.routing.mapping import load_config\n"
        "config = load_config(ROUTER_STYLE_MAPPING, describe)\n"
        "print('litellm' in sys.modules, sorted({str(one.api_key) for one in config.deployments}))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "OPENAI_API_KEY": "sk-secret"}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=60, check=True
    )

    expected = ["None", "os.environ/ANTHROPIC_API_KEY", "os.environ/OPENAI_API_KEY"]
    assert done.stdout.strip() == f"False {expected}"
