"""Tables of the stack whose items expire: none unless the mapping says so, and one of its own for each purpose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from litellm_fallback_router.mapping import ROUTER_STYLE_MAPPING
from litellm_fallback_router.routing.errors import ConfigurationError
from litellm_fallback_router.routing.observe.metrics import CACHE_METRICS
from tests.infrastructure.stack.rules import cfn_lint_finds_nothing, nag_finds_nothing
from tests.infrastructure.stack.templates import Synthesized, flat

Synthesize = Callable[..., Synthesized]


@dataclass(frozen=True)
class Purpose:
    """What such a table is for."""

    name: str
    """How the table's logical id begins."""
    block: str
    """The block of the mapping that asks for it, and the setting in it."""
    setting: str
    variable: str
    """The environment variable by which the function learns its name."""
    actions: tuple[str, ...]

    def mapping(self, store: str) -> dict[str, Any]:
        return {**ROUTER_STYLE_MAPPING, self.block: {self.setting: store}}


CACHE = Purpose("Answers", "cache", "store", "ROUTER_CACHE_TABLE", ("dynamodb:GetItem", "dynamodb:PutItem"))
RESPONSES = Purpose(
    "Responses",
    "settings",
    "responses_store",
    "ROUTER_RESPONSES_TABLE",
    ("dynamodb:BatchGetItem", "dynamodb:BatchWriteItem"),
)
each_purpose = pytest.mark.parametrize("purpose", [CACHE, RESPONSES], ids=["cache", "responses"])


def test_nothing_unless_the_mapping_says_so(dev: Synthesized) -> None:
    assert len(dev.of("AWS::DynamoDB::Table")) == 1
    for purpose in (CACHE, RESPONSES):
        assert purpose.variable not in dev.text
    assert not any(name in dev.text for name in CACHE_METRICS)


@each_purpose
def test_a_table_of_its_own_that_forgets(
    purpose: Purpose,
    synthesize: Synthesize,
    chain_file: Callable[[object], Path],
    capfd: pytest.CaptureFixture[str],
) -> None:
    context = {"mapping": str(chain_file(purpose.mapping("dynamodb")))}
    synthesized = synthesize(**context)
    (name,) = (one for one in synthesized.of("AWS::DynamoDB::Table") if one.startswith(purpose.name))
    table = synthesized.of("AWS::DynamoDB::Table")[name]
    properties = table["Properties"]
    assert properties["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}
    assert properties["SSESpecification"] == {"SSEEnabled": True}
    assert "PointInTimeRecoverySpecification" not in properties
    assert table["DeletionPolicy"] == "Delete"
    gateway, _ = synthesized.functions()
    assert name in str(gateway["Environment"]["Variables"][purpose.variable])
    (granted,) = (one for one in synthesized.statements("Gateway") if name in str(one["Resource"]))
    assert (tuple(sorted(granted["Action"])), granted["Effect"]) == (purpose.actions, "Allow")
    assert name not in str(synthesized.statements("Authorizer"))
    body = flat(synthesized.only("AWS::CloudWatch::Dashboard")["DashboardBody"])
    assert [metric in body for metric in CACHE_METRICS] == [purpose is CACHE] * len(CACHE_METRICS)
    cfn_lint_finds_nothing(synthesized)
    nag_finds_nothing(synthesize, context, capfd)


@each_purpose
def test_memory_is_refused(purpose: Purpose, synthesize: Synthesize, chain_file: Callable[[object], Path]) -> None:
    field = rf"{purpose.block}\.{purpose.setting}: memory is no place on Lambda"
    with pytest.raises(ConfigurationError, match=field):
        synthesize(mapping=str(chain_file(purpose.mapping("memory"))))
