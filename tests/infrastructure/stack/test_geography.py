"""Prompts leave the stack's Region or geography only where the mapping says so, and where it was not forbidden."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.stage import load_stage
from litellm_fallback_router.routing.errors import ConfigurationError
from tests.infrastructure.stack.templates import ROOT, Synthesized

NOVA = {"model": "eu.amazon.nova-2-lite-v1:0", "region": "eu-central-1"}
EUROPEAN = {
    "model_list": [
        {"model_name": "nova", "litellm_provider": "bedrock", "params": NOVA},
        {
            "model_name": "gpt",
            "litellm_provider": "openai",
            "params": {"model": "gpt-4o", "api_base": "https://eu.api.openai.com/v1"},
        },
    ]
}
Synthesize = Callable[..., Synthesized]
ChainFile = Callable[[object], Path]


def test_the_deployments_that_take_prompts_out_are_one_warning(dev: Synthesized) -> None:
    (said,) = [text for text in dev.warnings if "prompts" in text]
    assert said.startswith("the mapping lets prompts leave eu; -c geography=eu refuses it:\n")
    lines = [line.removeprefix("  - ") for line in said.splitlines()[1:]]
    assert [line.partition(":")[0] for line in lines] == [one.id for one in dev.config.deployments]
    assert all("prompts may be processed" in line for line in lines)


def test_a_mapping_that_stays_is_deployed_in_silence(synthesize: Synthesize, chain_file: ChainFile) -> None:
    stack = synthesize(geography="eu", mapping=str(chain_file(EUROPEAN)))
    assert not [line for line in stack.warnings if "prompts" in line]


def test_what_would_leave_is_refused_all_at_once(synthesize: Synthesize) -> None:
    with pytest.raises(ConfigurationError) as raised:
        synthesize(geography="eu")
    for name in ("openai-gpt4o", "anthropic-claude-haiku", "bedrock-nova"):
        assert f"- {name}: prompts may be processed" in str(raised.value)


@pytest.mark.parametrize(
    ("context", "region", "said"),
    [
        ({}, "us-east-1", "-c geography: the stack itself would be in us-east-1, outside of eu"),
        ({}, None, "-c geography: the Region of the stack is not known"),
        (
            {"evaluations": "new", "evaluation_judge": "us.amazon.nova-pro-v1:0"},
            "eu-central-1",
            "evaluation_judge: prompts may be processed in eu-central-1, us-east-1",
        ),
    ],
)
def test_the_stack_itself_and_its_judge_stay_too(
    synthesize: Synthesize, chain_file: ChainFile, context: dict[str, str], region: str | None, said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        synthesize(region=region, geography="eu", mapping=str(chain_file(EUROPEAN)), **context)


def test_samples_in_a_bucket_that_exists_are_refused(synthesize: Synthesize, chain_file: ChainFile) -> None:
    mapping: dict[str, Any] = {**EUROPEAN, "settings": {"sample_fallbacks": 0.1}}
    path = str(chain_file(mapping))
    with pytest.raises(ConfigurationError, match="evaluations: samples hold prompts, and where the bucket mine is"):
        synthesize(geography="eu", mapping=path, evaluations="mine")
    synthesize(geography="eu", mapping=path, evaluations="new")


def test_a_simulated_stage_sends_prompts_nowhere(buffered: Synthesized) -> None:
    assert not [line for line in buffered.warnings if "prompts" in line]


def test_a_geography_must_be_known() -> None:
    with pytest.raises(ConfigurationError, match="-c geography: must be apac, au, ca, eu, in, jp, us or an AWS Region"):
        load_stage({"geography": "europe"})


def test_the_app_refuses_before_it_builds_the_package() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "infra.app"],
        cwd=ROOT,
        env={**os.environ, "CDK_CONTEXT_JSON": json.dumps({"geography": "eu"}), "CDK_DEFAULT_REGION": "eu-west-1"},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert "- openai-gpt4o: prompts may be processed anywhere, outside of eu" in done.stderr
    assert "package:" not in done.stderr
    assert "Traceback" not in done.stderr
