"""The response cache in the stack: nothing unless the mapping says so, then a table that forgets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from litellm_fallback_router.mapping import ROUTER_STYLE_MAPPING
from litellm_fallback_router.routing.errors import ConfigurationError
from litellm_fallback_router.routing.observe.metrics import CACHE_METRICS
from tests.infrastructure.stack.rules import cfn_lint_finds_nothing, nag_finds_nothing
from tests.infrastructure.stack.templates import Synthesized, flat

Synthesize = Callable[..., Synthesized]
ACTIONS = ["dynamodb:GetItem", "dynamodb:PutItem"]


def test_nothing_unless_the_mapping_says_so(dev: Synthesized) -> None:
    assert not [name for name in dev.of("AWS::DynamoDB::Table") if name.startswith("Answers")]
    assert "ROUTER_CACHE_TABLE" not in dev.text
    assert not any(name in dev.text for name in CACHE_METRICS)


def test_a_table_of_its_own_that_forgets(
    synthesize: Synthesize, chain_file: Callable[[object], Path], capfd: pytest.CaptureFixture[str]
) -> None:
    context = {"mapping": str(chain_file({**ROUTER_STYLE_MAPPING, "cache": {"store": "dynamodb"}}))}
    synthesized = synthesize(**context)
    (name,) = (name for name in synthesized.of("AWS::DynamoDB::Table") if name.startswith("Answers"))
    table = synthesized.of("AWS::DynamoDB::Table")[name]
    properties = table["Properties"]
    assert properties["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}
    assert properties["SSESpecification"] == {"SSEEnabled": True}
    assert "PointInTimeRecoverySpecification" not in properties
    assert table["DeletionPolicy"] == "Delete"
    gateway, _ = synthesized.functions()
    assert name in str(gateway["Environment"]["Variables"]["ROUTER_CACHE_TABLE"])
    (granted,) = (one for one in synthesized.statements("Gateway") if name in str(one["Resource"]))
    assert (sorted(granted["Action"]), granted["Effect"]) == (ACTIONS, "Allow")
    assert name not in str(synthesized.statements("Authorizer"))
    body = flat(synthesized.only("AWS::CloudWatch::Dashboard")["DashboardBody"])
    assert all(metric in body for metric in CACHE_METRICS)
    cfn_lint_finds_nothing(synthesized)
    nag_finds_nothing(synthesize, context, capfd)


def test_memory_is_refused(synthesize: Synthesize, chain_file: Callable[[object], Path]) -> None:
    mapping = {**ROUTER_STYLE_MAPPING, "cache": {"store": "memory"}}
    with pytest.raises(ConfigurationError, match=r"cache\.store: memory is no place on Lambda"):
        synthesize(mapping=str(chain_file(mapping)))
