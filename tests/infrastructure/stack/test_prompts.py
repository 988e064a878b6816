"""Managed prompts in the stack: nothing unless named, then exactly what reads them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from cdk_nag import AwsSolutionsChecks

from litellm_fallback_router.mapping import ROUTER_STYLE_MAPPING
from litellm_fallback_router.routing.errors import ConfigurationError
from tests.infrastructure.stack.templates import ACCOUNT, REGION, Synthesized

Synthesize = Callable[..., Synthesized]
ARN = f"arn:aws:bedrock:us-east-1:{ACCOUNT}:prompt/0123456789"
OWN = f"arn:aws:bedrock:{REGION}:{ACCOUNT}:prompt/ABCDEFGHIJ"


def readable(synthesized: Synthesized, owner: str = "Gateway") -> list[str]:
    """The resources of the one statement that allows GetPrompt, and nothing else."""
    found = [one for one in synthesized.statements(owner) if "GetPrompt" in str(one["Action"])]
    assert [one["Action"] for one in found] in ([], ["bedrock:GetPrompt"])
    assert all(one["Effect"] == "Allow" for one in found)
    return [resource for one in found for resource in one["Resource"]]


def test_no_prompt_is_read_unless_one_is_named(dev: Synthesized, prod: Synthesized) -> None:
    for stage in (dev, prod):
        assert readable(stage) == []
        assert "ROUTER_PROMPTS" not in stage.text


def test_named_prompts_may_be_read_with_their_versions_and_no_others(synthesize: Synthesize) -> None:
    synthesized = synthesize(prompts="ABCDEFGHIJ, KLMNOPQRST")
    other = OWN.replace("ABCDEFGHIJ", "KLMNOPQRST")
    assert readable(synthesized) == [OWN, f"{OWN}:*", other, f"{other}:*"]
    assert readable(synthesized, "Authorizer") == []
    gateway, authorizer = synthesized.functions()
    assert gateway["Environment"]["Variables"]["ROUTER_PROMPTS"] == "ABCDEFGHIJ,KLMNOPQRST"
    assert "ROUTER_PROMPTS" not in authorizer["Environment"]["Variables"]


def test_an_arn_is_read_where_it_is(synthesize: Synthesize) -> None:
    assert readable(synthesize(prompts=ARN)) == [ARN, f"{ARN}:*"]


def test_the_mappings_own_prompts_may_be_read_in_their_region(
    synthesize: Synthesize, chain_file: Callable[[object], Path]
) -> None:
    mapping = chain_file({**ROUTER_STYLE_MAPPING, "prompts": {"allow": ["ABCDEFGHIJ"], "region": "eu-west-1"}})
    there = OWN.replace(REGION, "eu-west-1")
    synthesized = synthesize(mapping=str(mapping))
    assert readable(synthesized) == [there, f"{there}:*"]
    assert "ROUTER_PROMPTS" not in synthesized.text


def test_a_new_prompt_is_made_versioned_and_alone_read(synthesize: Synthesize) -> None:
    synthesized = synthesize(prompts="new")
    (name,) = synthesized.of("AWS::Bedrock::Prompt")
    (variant,) = synthesized.only("AWS::Bedrock::Prompt")["Variants"]
    arn = {"Fn::GetAtt": [name, "Arn"]}

    assert "{{question}}" in variant["TemplateConfiguration"]["Text"]["Text"]
    assert variant["ModelId"] in {one.model for one in synthesized.config.deployments if one.provider == "bedrock"}
    assert synthesized.only("AWS::Bedrock::PromptVersion")["PromptArn"] == arn
    assert readable(synthesized) == [f"<{name}.Arn>", f"<{name}.Arn>:*"]
    gateway, _ = synthesized.functions()
    assert gateway["Environment"]["Variables"]["ROUTER_PROMPTS"] == {"Fn::GetAtt": [name, "Id"]}


def decryptable(synthesized: Synthesized, owner: str = "Gateway") -> list[Any]:
    found = [one for one in synthesized.statements(owner) if "kms" in str(one["Action"])]
    assert all(one["Action"] == "kms:Decrypt" for one in found)
    return [one["Resource"] for one in found]


def test_a_key_of_ones_own_may_be_used_for_reading_alone_and_only_where_it_is_named(synthesize: Synthesize) -> None:
    key = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0a1b2c3d"
    for context in ({"prompts": "ABCDEFGHIJ"}, {"guardrail": "abc123:1"}):
        synthesized = synthesize(**context, bedrock_keys=key)
        assert (decryptable(synthesized), decryptable(synthesized, "Authorizer")) == ([key], [])
    assert decryptable(synthesize(prompts="ABCDEFGHIJ")) == []
    with pytest.raises(ConfigurationError, match=r"bedrock_keys.*ARN of a KMS key"):
        synthesize(prompts="ABCDEFGHIJ", bedrock_keys="alias/mine")


def test_what_is_no_prompt_stops_the_deployment(synthesize: Synthesize) -> None:
    with pytest.raises(ConfigurationError, match=r"prompts\.allow: 'short' is neither"):
        synthesize(prompts="short")


def test_nag_finds_nothing_that_is_not_acknowledged_with_a_reason(
    synthesize: Synthesize, capfd: pytest.CaptureFixture[str]
) -> None:
    def nag(app: cdk.App) -> cdk.IPolicyValidationPlugin:
        return AwsSolutionsChecks(app)

    for prompts in ("ABCDEFGHIJ", ARN, "new"):
        try:
            synthesize(nag, prompts=prompts)
        except RuntimeError:
            pytest.fail(capfd.readouterr().err)
    assert "AwsSolutions" not in capfd.readouterr().err
