"""A guardrail in the stack: nothing unless asked for, then exactly what applies it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import aws_cdk as cdk
import pytest
from cdk_nag import AwsSolutionsChecks

from litellm_fallback_router.mapping import ROUTER_STYLE_MAPPING
from litellm_fallback_router.routing.errors import ConfigurationError
from litellm_fallback_router.routing.observe.metrics import GUARDRAIL_METRICS
from tests.infrastructure.stack.templates import ACCOUNT, REGION, Synthesized, flat

Synthesize = Callable[..., Synthesized]
ARN = f"arn:aws:bedrock:us-east-1:{ACCOUNT}:guardrail/abc123"


def applied(synthesized: Synthesized, owner: str = "Gateway") -> list[object]:
    """The resource of each statement that allows ApplyGuardrail, and nothing else."""
    found = [one for one in synthesized.statements(owner) if "ApplyGuardrail" in str(one["Action"])]
    assert all(one["Action"] == "bedrock:ApplyGuardrail" for one in found)
    return [one["Resource"] for one in found]


def test_there_is_no_guardrail_unless_asked_for(dev: Synthesized, prod: Synthesized) -> None:
    for stage in (dev, prod):
        assert applied(stage) == []
        assert stage.of("AWS::Bedrock::Guardrail") == {}
        assert "uardrail" not in stage.text


@pytest.mark.parametrize(
    ("named", "identifier", "arn"),
    [("abc123:7", "abc123", f"arn:aws:bedrock:{REGION}:{ACCOUNT}:guardrail/abc123"), (f"{ARN}:7", ARN, ARN)],
)
def test_an_existing_guardrail_may_be_applied_and_no_other(
    synthesize: Synthesize, named: str, identifier: str, arn: str
) -> None:
    synthesized = synthesize(guardrail=named)
    gateway, authorizer = synthesized.functions()
    variables = gateway["Environment"]["Variables"]

    assert (applied(synthesized), applied(synthesized, "Authorizer")) == ([arn], [])
    assert (variables["ROUTER_GUARDRAIL_ID"], variables["ROUTER_GUARDRAIL_VERSION"]) == (identifier, "7")
    assert "ROUTER_GUARDRAIL_ID" not in authorizer["Environment"]["Variables"]
    assert synthesized.of("AWS::Bedrock::Guardrail") == {}


def test_a_new_guardrail_is_made_versioned_and_applied(synthesize: Synthesize) -> None:
    synthesized = synthesize(guardrail="new")
    (name,) = synthesized.of("AWS::Bedrock::Guardrail")
    properties = synthesized.only("AWS::Bedrock::Guardrail")
    variables = synthesized.functions()[0]["Environment"]["Variables"]

    assert "PROMPT_ATTACK" in {one["Type"] for one in properties["ContentPolicyConfig"]["FiltersConfig"]}
    assert {one["Action"] for one in properties["SensitiveInformationPolicyConfig"]["PiiEntitiesConfig"]} == {
        "ANONYMIZE"
    }
    assert variables["ROUTER_GUARDRAIL_ID"] == {"Fn::GetAtt": [name, "GuardrailId"]}
    assert len(synthesized.of("AWS::Bedrock::GuardrailVersion")) == 1
    assert len(applied(synthesized)) == 1
    assert name in str(applied(synthesized))


def test_the_mappings_own_guardrail_may_be_applied_in_its_region(
    synthesize: Synthesize, chain_file: Callable[[object], Path]
) -> None:
    own = {"id": "abc123", "version": "1", "region": "eu-west-1"}
    synthesized = synthesize(mapping=str(chain_file({**ROUTER_STYLE_MAPPING, "guardrail": own})))

    assert applied(synthesized) == [f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:guardrail/abc123"]


def test_the_dashboard_shows_what_the_guardrail_does(synthesize: Synthesize) -> None:
    body = flat(synthesize(guardrail="abc123:1").only("AWS::CloudWatch::Dashboard")["DashboardBody"])

    assert all(name in body for name in GUARDRAIL_METRICS)


def test_what_is_no_guardrail_stops_the_deployment(synthesize: Synthesize) -> None:
    for wrong in ("abc123", "ABC:1", "abc123:latest"):
        with pytest.raises(ConfigurationError, match="guardrail"):
            synthesize(guardrail=wrong)


def test_nag_finds_nothing_that_is_not_acknowledged_with_a_reason(
    synthesize: Synthesize, capfd: pytest.CaptureFixture[str]
) -> None:
    def nag(app: cdk.App) -> cdk.IPolicyValidationPlugin:
        return AwsSolutionsChecks(app)

    for guardrail in ("new", ARN + ":1"):
        try:
            synthesize(nag, guardrail=guardrail)
        except RuntimeError:
            pytest.fail(capfd.readouterr().err)
    assert "AwsSolutions" not in capfd.readouterr().err
