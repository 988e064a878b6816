"""Kept responses in the stack: nothing unless the mapping says so, then a table that forgets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from litellm_fallback_router.mapping import ROUTER_STYLE_MAPPING
from litellm_fallback_router.routing.errors import ConfigurationError
from tests.infrastructure.stack.rules import cfn_lint_finds_nothing, nag_finds_nothing
from tests.infrastructure.stack.templates import Synthesized

Synthesize = Callable[..., Synthesized]


def test_nothing_unless_the_mapping_says_so(dev: Synthesized) -> None:
    assert len(dev.of("AWS::DynamoDB::Table")) == 1
    assert "ROUTER_RESPONSES_TABLE" not in dev.text


def test_a_table_of_their_own_that_forgets(
    synthesize: Synthesize, chain_file: Callable[[object], Path], capfd: pytest.CaptureFixture[str]
) -> None:
    mapping = {**ROUTER_STYLE_MAPPING, "settings": {"responses_store": "dynamodb"}}
    context = {"mapping": str(chain_file(mapping))}
    synthesized = synthesize(**context)
    (name,) = (name for name in synthesized.of("AWS::DynamoDB::Table") if name.startswith("Responses"))
    table = synthesized.of("AWS::DynamoDB::Table")[name]
    properties = table["Properties"]
    assert properties["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}
    assert properties["SSESpecification"] == {"SSEEnabled": True}
    assert "PointInTimeRecoverySpecification" not in properties
    assert table["DeletionPolicy"] == "Delete"
    gateway, _ = synthesized.functions()
    assert name in str(gateway["Environment"]["Variables"]["ROUTER_RESPONSES_TABLE"])
    (granted,) = (one for one in synthesized.statements("Gateway") if "dynamodb:BatchWriteItem" in one["Action"])
    assert sorted(granted["Action"]) == ["dynamodb:BatchGetItem", "dynamodb:BatchWriteItem"]
    assert name in str(granted["Resource"])
    assert not any("BatchWriteItem" in str(one["Action"]) for one in synthesized.statements("Authorizer"))
    cfn_lint_finds_nothing(synthesized)
    nag_finds_nothing(synthesize, context, capfd)


def test_memory_is_refused(synthesize: Synthesize, chain_file: Callable[[object], Path]) -> None:
    mapping = {**ROUTER_STYLE_MAPPING, "settings": {"responses_store": "memory"}}
    with pytest.raises(ConfigurationError, match="memory is no place on Lambda"):
        synthesize(mapping=str(chain_file(mapping)))
