"""How callers come to a new version, and how an alarm takes it back."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from infra.stage import load_stage
from tests.infrastructure.stack.templates import Synthesized, flat, listed

SHIFTING = {"AWS::CodeDeploy::Application", "AWS::CodeDeploy::DeploymentGroup", "Custom::VersionKeeper"}


@pytest.mark.parametrize(
    ("context", "shift", "keeps"),
    [
        ({}, None, False),
        ({"stage": "prod"}, "canary", True),
        ({"rollout": "linear"}, "linear", True),
        ({"stage": "prod", "rollout": "all-at-once"}, None, True),
    ],
    ids=["dev", "prod", "dev, linear", "prod, at once"],
)
def test_a_stage_shifts_and_keeps_versions_as_it_says(context: dict[str, str], shift: str | None, keeps: bool) -> None:
    stage = load_stage(context)
    assert (stage.shift, stage.keeps_versions) == (shift, keeps)


def test_a_stage_without_a_rollout_has_nothing_of_it(dev: Synthesized) -> None:
    assert not SHIFTING & {one["Type"] for one in dev.template["Resources"].values()}
    (alias,) = dev.of("AWS::Lambda::Alias").values()
    assert "UpdatePolicy" not in alias
    (version,) = dev.of("AWS::Lambda::Version").values()
    assert version.get("DeletionPolicy", "Delete") == "Delete"  # it would keep costing its snapshot


def test_a_canary_moves_the_alias_and_goes_back_at_an_alarm(prod: Synthesized) -> None:
    group = prod.only("AWS::CodeDeploy::DeploymentGroup")
    assert flat(group["DeploymentConfigName"]) == "CodeDeployDefault.LambdaCanary10Percent15Minutes"
    assert set(group["AutoRollbackConfiguration"]["Events"]) == {
        "DEPLOYMENT_FAILURE",
        "DEPLOYMENT_STOP_ON_ALARM",
        "DEPLOYMENT_STOP_ON_REQUEST",
    }
    watched = [alarm["Name"]["Ref"].removeprefix("Alarms")[:-8] for alarm in group["AlarmConfiguration"]["Alarms"]]
    assert watched == ["Errors", "ChainsExhausted", "ApiErrors", "NewVersion"]
    assert group["AlarmConfiguration"]["Enabled"] is True
    (alias,) = prod.of("AWS::Lambda::Alias").values()
    (group_id,) = prod.of("AWS::CodeDeploy::DeploymentGroup")
    assert alias["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]["DeploymentGroupName"] == {"Ref": group_id}


def test_an_alarm_rings_for_crashes_of_the_very_version_that_is_deployed(prod: Synthesized) -> None:
    alarms = prod.of("AWS::CloudWatch::Alarm").items()
    (alarm,) = (one["Properties"] for name, one in alarms if name.startswith("AlarmsNewVersion"))
    (version,) = prod.of("AWS::Lambda::Version")
    (function,) = (name for name in prod.of("AWS::Lambda::Function") if name.startswith("Gateway"))
    assert {one["Name"]: flat(one["Value"]) for one in alarm["Dimensions"]} == {
        "ExecutedVersion": f"<{version}.Version>",
        "FunctionName": f"<{function}>",
        "Resource": f"<{function}>:live",
    }


def test_no_watched_alarm_depends_on_what_is_being_moved(prod: Synthesized) -> None:
    """CloudFormation makes the alarms, then the group, then moves the alias; a circle would not deploy."""
    (alias,) = prod.of("AWS::Lambda::Alias")
    alarms = prod.of("AWS::CloudWatch::Alarm")
    watched = prod.only("AWS::CodeDeploy::DeploymentGroup")["AlarmConfiguration"]["Alarms"]
    assert len(watched) == 4
    for alarm in watched:
        assert alias not in str(alarms[alarm["Name"]["Ref"]])


def test_a_linear_rollout_takes_twenty_minutes(synthesize: Callable[..., Synthesized]) -> None:
    group = synthesize(rollout="linear").only("AWS::CodeDeploy::DeploymentGroup")
    assert flat(group["DeploymentConfigName"]) == "CodeDeployDefault.LambdaLinear10PercentEvery2Minutes"


def test_earlier_versions_stay_but_not_one_whose_deployment_failed(prod: Synthesized) -> None:
    """Lambda publishes nothing for code that its newest version has: a failed version that stayed would make every
    further try fail."""
    (version,) = prod.of("AWS::Lambda::Version").values()
    assert version["DeletionPolicy"] == "RetainExceptOnCreate"


def test_the_keeper_tidies_once_callers_are_moved_and_can_delete_versions_only(prod: Synthesized) -> None:
    (run,) = prod.of("Custom::VersionKeeper").values()
    (alias,) = prod.of("AWS::Lambda::Alias")
    (version,) = prod.of("AWS::Lambda::Version")
    assert alias in run["DependsOn"]
    assert any(name.startswith("VersionKeeperRoleDefaultPolicy") for name in run["DependsOn"])
    assert flat(run["Properties"]["Version"]) == f"<{version}.Version>"
    (function,) = (name for name in prod.of("AWS::Lambda::Function") if name.startswith("Gateway"))
    allowed = {
        (action, resource)
        for statement in prod.statements("VersionKeeper")
        for action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
        if action.startswith("lambda:")
    }
    assert allowed == {
        ("lambda:ListVersionsByFunction", f"<{function}.Arn>"),
        ("lambda:GetAlias", f"<{function}.Arn>"),
        ("lambda:DeleteFunction", f"<{function}.Arn>:*"),
    }
