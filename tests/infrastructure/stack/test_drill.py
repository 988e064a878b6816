"""A stage that drills itself: the rule, the seal, the alarms, and what the function may do for it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.dashboard.drills import TITLE
from infra.stage import load_stage
from litellm_fallback_router.drill import EVENT
from litellm_fallback_router.routing.errors import ConfigurationError
from litellm_fallback_router.routing.observe import DRILL_METRICS
from litellm_fallback_router.settings import load_settings
from tests.infrastructure.stack.costs import Bill, Traffic
from tests.infrastructure.stack.rules import cfn_lint_finds_nothing, nag_finds_nothing
from tests.infrastructure.stack.templates import EVERYTHING, Synthesized, flat, listed, masked
from tests.infrastructure.stack.test_two_regions import BOTH, FIRST, SECOND
from tests.support.documents import REPOSITORY, between_markers

SNAPSHOT = Path(__file__).with_name("snapshots") / "drill.json"
DRILLS = {"drill": "rate(1 day)"}
SEAL = "fallback-router-dev/drill-seal"


@pytest.fixture(scope="module")
def drilling(synthesize: Callable[..., Synthesized]) -> Synthesized:
    return synthesize(stage="dev", **DRILLS)


def test_without_the_option_there_is_nothing_of_it(dev: Synthesized) -> None:
    assert "drill" not in dev.text.lower()


def test_the_rule_invokes_callers_version_of_the_gateways_function_and_once_only(drilling: Synthesized) -> None:
    rule = flat(drilling.only("AWS::Events::Rule"))
    (target,) = rule["Targets"]
    (alias,) = (name for name in drilling.of("AWS::Lambda::Alias") if name.startswith("Gateway"))
    assert (rule["ScheduleExpression"], rule["State"]) == ("rate(1 day)", "ENABLED")
    assert target["Arn"] == f"<{alias}>"
    assert json.loads(target["Input"]) == {EVENT: {}}
    assert target["RetryPolicy"] == {"MaximumRetryAttempts": 0}
    once = flat(drilling.only("AWS::Lambda::EventInvokeConfig"))
    assert (once["MaximumRetryAttempts"], once["MaximumEventAgeInSeconds"]) == (0, 3600)
    permission = next(
        flat(one["Properties"])
        for one in drilling.of("AWS::Lambda::Permission").values()
        if one["Properties"]["Principal"] == "events.amazonaws.com"
    )
    (name,) = drilling.of("AWS::Events::Rule")
    assert (permission["Action"], permission["SourceArn"]) == ("lambda:InvokeFunction", f"<{name}.Arn>")


def test_the_function_gets_the_seal_and_its_items_and_no_other_right(drilling: Synthesized, dev: Synthesized) -> None:
    def rights(stage: Synthesized) -> set[tuple[str, str, str]]:
        """Action, resource and condition."""
        return {
            (action, resource, json.dumps(one.get("Condition")))
            for one in stage.statements("Gateway")
            for action in listed(one["Action"])
            for resource in listed(one["Resource"])
            if "Log" not in resource
        }

    table = next(iter(drilling.of("AWS::DynamoDB::Table")))
    items = json.dumps({"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["drill#*"]}})
    assert rights(dev) - rights(drilling) == set()
    assert rights(drilling) - rights(dev) == {
        (
            "secretsmanager:GetSecretValue",
            f"arn:aws:secretsmanager:eu-central-1:123456789012:secret:{SEAL}-??????",
            "null",
        ),
        ("dynamodb:GetItem", f"<{table}.Arn>", items),
        ("dynamodb:PutItem", f"<{table}.Arn>", items),
    }


def test_secrets_manager_makes_the_seals_key(drilling: Synthesized) -> None:
    secrets = [one["Properties"] for one in drilling.of("AWS::SecretsManager::Secret").values()]
    (seal,) = (one for one in secrets if one["Name"] == SEAL)
    assert seal["GenerateSecretString"] == {"ExcludePunctuation": True, "PasswordLength": 64}
    assert drilling.template["Outputs"]["DrillSecret"]["Value"] == SEAL


def test_the_function_reads_from_its_variables_what_a_drill_needs(drilling: Synthesized) -> None:
    gateway, _ = drilling.functions()
    variables = gateway["Environment"]["Variables"]
    settings = load_settings({name: one for name, one in variables.items() if name.startswith("ROUTER_DRILL")})
    assert (settings.drill_secret, settings.drill_max_usd) == (SEAL, 0.25)


def alarm(stage: Synthesized, name: str) -> dict[str, Any]:
    (found,) = (
        one["Properties"] for key, one in stage.of("AWS::CloudWatch::Alarm").items() if key[6:].startswith(name)
    )
    return dict(found)


@pytest.mark.parametrize(("rate", "days"), [("rate(1 hour)", 1), ("rate(1 day)", 2), ("rate(3 days)", 6)])
def test_an_unproven_hop_rings_until_a_drill_proves_it_and_drills_that_stopped_ring_by_their_silence(
    rate: str, days: int, synthesize: Callable[..., Synthesized]
) -> None:
    stage = synthesize(stage="dev", drill=rate)
    unproven, stopped = alarm(stage, "HopsUnproven"), alarm(stage, "DrillsStopped")
    assert (unproven["MetricName"], unproven["Statistic"], unproven["Threshold"]) == ("HopsUnproven", "Maximum", 0)
    # Between two drills nothing is emitted, and the alarm stays what it was.
    assert unproven["TreatMissingData"] == "ignore"
    assert (stopped["MetricName"], stopped["Statistic"]) == ("HopsUnproven", "SampleCount")
    assert (stopped["ComparisonOperator"], stopped["Threshold"]) == ("LessThanThreshold", 1)
    assert stopped["TreatMissingData"] == "breaching"
    assert (stopped["Period"], stopped["EvaluationPeriods"]) == (86_400, days)
    assert f" for {'a day' if days == 1 else f'{days} days'}, " in stopped["AlarmDescription"]
    # Source: Amazon CloudWatch API reference, PutMetricAlarm, Period.
    assert stopped["Period"] * stopped["EvaluationPeriods"] <= 604_800


def test_dashboard_shows_what_the_drills_emit(drilling: Synthesized, dev: Synthesized) -> None:
    def body(stage: Synthesized) -> str:
        return str(flat(stage.only("AWS::CloudWatch::Dashboard")["DashboardBody"]))

    assert TITLE in body(drilling)
    assert TITLE not in body(dev)
    for name in DRILL_METRICS:
        assert f'"{name}"' in body(drilling)


@pytest.mark.parametrize("rate", ["1 day", "rate(1 days)", "rate(30 minutes)", "rate(4 days)", "cron(0 3 * * ? *)"])
def test_a_schedule_that_is_none_or_too_rare_is_refused_with_the_form(rate: str) -> None:
    with pytest.raises(ConfigurationError, match=r"drill: must be rate\(1 day\)"):
        load_stage({"drill": rate})


def test_a_drill_that_may_cost_nothing_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="drill_max_usd"):
        load_stage({**DRILLS, "drill_max_usd": "0"})


def test_the_page_has_what_drills_cost_beside_the_models(drilling: Synthesized, dev: Synthesized) -> None:
    """`UPDATE_SNAPSHOTS=1` writes it, as in test_costs.py."""
    idle = Traffic(0, 0)
    more, less = (Bill(stage.template, stage.config).of(idle) for stage in (drilling, dev))
    lines = {line: more[line] - less[line] for line in more if round(more[line] - less[line], 2)}
    rows = [f"| {line} | {usd:.2f} |" for line, usd in lines.items()]
    rows += [f"| **together** | **{sum(lines.values()):.2f}** |"]
    table = "\n".join(["| US dollars a month | |", "|---|---:|", *rows])
    page = REPOSITORY / "docs" / "before-the-night.md"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        text = page.read_text(encoding="utf-8")
        before, _, rest = text.partition("<!-- drill-costs -->")
        after = rest.partition("<!-- /drill-costs -->")[2]
        page.write_text(f"{before}<!-- drill-costs -->\n\n{table}\n\n<!-- /drill-costs -->{after}", encoding="utf-8")
    assert between_markers(page, "drill-costs") == table


def test_nag_finds_nothing(synthesize: Callable[..., Synthesized], capfd: pytest.CaptureFixture[str]) -> None:
    nag_finds_nothing(synthesize, {**EVERYTHING, **DRILLS}, capfd)


def test_cfn_lint_finds_nothing(drilling: Synthesized) -> None:
    cfn_lint_finds_nothing(drilling)


def test_its_resources_are_the_reviewed_ones(drilling: Synthesized) -> None:
    """`UPDATE_SNAPSHOTS=1` takes over a change that is meant, as in test_snapshot.py."""
    names = ("Drills", "AlarmsHopsUnproven", "AlarmsDrillsStopped", "GatewayAlias")
    found = {name: one for name, one in masked(drilling.template)["Resources"].items() if name.startswith(names)}
    if os.environ.get("UPDATE_SNAPSHOTS"):
        SNAPSHOT.write_text(json.dumps(found, indent=2, sort_keys=True) + "\n")
    assert found == json.loads(SNAPSHOT.read_text())


@pytest.mark.parametrize("region", [FIRST, SECOND])
def test_a_stage_in_two_regions_drills_in_both_each_with_its_own_seal(
    region: str, synthesize: Callable[..., Synthesized]
) -> None:
    stage = synthesize(region=region, **BOTH, **DRILLS)
    assert stage.only("AWS::Events::Rule")["State"] == "ENABLED"
    secrets = [one["Properties"] for one in stage.of("AWS::SecretsManager::Secret").values()]
    (seal,) = (one for one in secrets if one["Name"] == "fallback-router-prod/drill-seal")
    assert "ReplicaRegions" not in seal
