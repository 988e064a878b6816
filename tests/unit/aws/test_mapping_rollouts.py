"""Mappings of a stage in AppConfig as its operator moves them, by botocore's own model of AppConfig and CloudWatch."""

from __future__ import annotations

import io
import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.response import StreamingBody
from botocore.stub import ANY, Stubber

from litellm_fallback_router.adapters import appconfig_rollouts
from litellm_fallback_router.adapters.appconfig_rollouts import MappingRollouts, Place, Pushed
from litellm_fallback_router.commands import mapping
from litellm_fallback_router.commands.mapping import _at_once, _user
from tests.support.commands import Run

PLACE = Place.of("app1234/env1234/pro1234/ste1234/all1234")
ENVIRONMENT = {"ApplicationId": "app1234", "EnvironmentId": "env1234"}
PROFILE = {"ApplicationId": "app1234", "ConfigurationProfileId": "pro1234"}
ALARM = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:Errors"
MAPPING = {"model_list": [{"model_name": "chät"}]}
PACKED = '{"model_list":[{"model_name":"chät"}]}'.encode()


@dataclass
class Aws:
    rollouts: MappingRollouts
    appconfig: Stubber
    cloudwatch: Stubber
    pause: Callable[[], None] = lambda: None

    def monitors(self, *, state: str | None, enabled: bool = True) -> None:
        """The stage watches an alarm in that state; None: it watches none. `enabled`: whether it does something."""
        watched = [] if state is None else [{"AlarmArn": ALARM}]
        self.appconfig.add_response("get_environment", {"Monitors": watched}, ENVIRONMENT)
        if state is not None:
            answer = {"MetricAlarms": [{"AlarmName": "Errors", "StateValue": state, "ActionsEnabled": enabled}]}
            self.cloudwatch.add_response("describe_alarms", answer, {"AlarmNames": ["Errors"]})

    def begins(self, strategy: str) -> None:
        wanted = {
            **ENVIRONMENT,
            "ConfigurationProfileId": "pro1234",
            "ConfigurationVersion": "7",
            "DeploymentStrategyId": strategy,
            "Description": "by me",
        }
        self.appconfig.add_response("start_deployment", deployment(3, "DEPLOYING", 20), wanted)


def deployment(number: int, state: str, percent: float, version: str = "7") -> dict[str, Any]:
    return {
        "DeploymentNumber": number,
        "ConfigurationVersion": version,
        "State": state,
        "PercentageComplete": percent,
    }


@pytest.fixture
def aws() -> Iterator[Aws]:
    keys = {"region_name": "us-east-1", "aws_access_key_id": "test", "aws_secret_access_key": "test"}
    appconfig: Any = boto3.client("appconfig", **keys)  # type: ignore[call-overload]
    cloudwatch: Any = boto3.client("cloudwatch", **keys)  # type: ignore[call-overload]
    with Stubber(appconfig) as one, Stubber(cloudwatch) as other:
        rollouts = MappingRollouts(appconfig, cloudwatch, PLACE, pause=lambda seconds: made.pause())
        made = Aws(rollouts, one, other)
        yield made
        one.assert_no_pending_responses()
        other.assert_no_pending_responses()


def created(aws: Aws) -> None:
    wanted = {**PROFILE, "Content": PACKED, "ContentType": "application/json", "Description": "by me"}
    aws.appconfig.add_response("create_hosted_configuration_version", {"VersionNumber": 7}, wanted)


def test_a_new_version_is_validated_before_its_number_is_given(aws: Aws) -> None:
    created(aws)
    aws.appconfig.add_response("validate_configuration", {}, {**PROFILE, "ConfigurationVersion": "7"})
    assert aws.rollouts.add(MAPPING, "by me") == "7"


def test_a_version_that_the_validator_refuses_is_deleted_and_the_refusal_passes(aws: Aws) -> None:
    created(aws)
    aws.appconfig.add_client_error("validate_configuration", "BadRequestException", "no model_list")
    aws.appconfig.add_response("delete_hosted_configuration_version", {}, {**PROFILE, "VersionNumber": 7})
    with pytest.raises(ClientError, match="no model_list"):
        aws.rollouts.add(MAPPING, "by me")


def test_a_rollout_in_steps_is_begun_and_left_to_appconfig(aws: Aws) -> None:
    aws.begins("ste1234")
    pushed = aws.rollouts.roll_out("7", "by me")
    assert (pushed.number, pushed.version, pushed.in_progress) == (3, "7", True)


def test_at_once_waits_until_everyone_has_it(aws: Aws) -> None:
    aws.begins("all1234")
    for state in ("VALIDATING", "DEPLOYING", "COMPLETE"):
        aws.appconfig.add_response("get_deployment", deployment(3, state, 100), {**ENVIRONMENT, "DeploymentNumber": 3})
    pushed = aws.rollouts.roll_out_at_once("7", "by me", [])
    assert (pushed.state, pushed.percent, pushed.in_progress) == ("COMPLETE", 100, False)


@pytest.mark.parametrize("refused", [False, True])
def test_at_once_silences_the_alarm_that_rings_for_as_long_as_it_takes(refused: bool, aws: Aws) -> None:
    aws.cloudwatch.add_response("disable_alarm_actions", {}, {"AlarmNames": ["Errors"]})
    if refused:
        aws.appconfig.add_client_error("start_deployment", "ConflictException")
    else:
        aws.begins("all1234")
        aws.appconfig.add_response("get_deployment", deployment(3, "COMPLETE", 100), ANY_OF_IT)
    aws.cloudwatch.add_response("enable_alarm_actions", {}, {"AlarmNames": ["Errors"]})
    if refused:
        with pytest.raises(ClientError, match="ConflictException"):
            aws.rollouts.roll_out_at_once("7", "by me", ["Errors"])
    else:
        aws.rollouts.roll_out_at_once("7", "by me", ["Errors"])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_to_end_the_command_leaves_no_alarm_silenced(
    number: signal.Signals, aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    aws.monitors(state="ALARM")
    aws.cloudwatch.add_response("disable_alarm_actions", {}, {"AlarmNames": ["Errors"]})
    aws.begins("all1234")
    aws.cloudwatch.add_response("enable_alarm_actions", {}, {"AlarmNames": ["Errors"]})
    aws.pause = lambda: os.kill(os.getpid(), number)
    with pytest.raises((SystemExit, KeyboardInterrupt)):
        _at_once(aws.rollouts, "7", "by me")
    assert "aws cloudwatch enable-alarm-actions --alarm-names Errors" in capsys.readouterr().err


ANY_OF_IT = {"ApplicationId": ANY, "EnvironmentId": ANY, "DeploymentNumber": ANY}


@pytest.mark.parametrize(("state", "ringing"), [("OK", []), ("ALARM", ["Errors"]), ("INSUFFICIENT_DATA", ["Errors"])])
def test_an_alarm_that_is_not_well_would_take_a_rollout_back(state: str, ringing: list[str], aws: Aws) -> None:
    aws.monitors(state=state)
    assert aws.rollouts.ringing() == ringing


def test_an_alarm_whose_actions_an_operator_disabled_takes_nothing_back(aws: Aws) -> None:
    aws.monitors(state="ALARM", enabled=False)
    assert aws.rollouts.ringing() == []


def test_a_stage_without_alarms_has_none_that_rings(aws: Aws) -> None:
    aws.monitors(state=None)
    assert aws.rollouts.ringing() == []


@pytest.mark.parametrize("state", ["VALIDATING", "DEPLOYING", "BAKING", "COMPLETE"])
def test_a_rollout_is_taken_back_even_if_it_has_ended_since_it_was_read(state: str, aws: Aws) -> None:
    wanted = {**ENVIRONMENT, "DeploymentNumber": 3, "AllowRevert": True}
    aws.appconfig.add_response("stop_deployment", deployment(3, "REVERTED", 100), wanted)
    back = aws.rollouts.take_back(Pushed(3, "7", state, 20.0, None))
    assert (back.is_going, back.in_progress) == (True, False)


def test_the_newest_rollout_that_has_reached_everyone_is_in_force(aws: Aws) -> None:
    rollouts = [
        deployment(1, "COMPLETE", 100, "1"),
        deployment(4, "DEPLOYING", 20, "4"),
        deployment(3, "ROLLED_BACK", 20, "3"),
        deployment(2, "COMPLETE", 100, "2"),
    ]
    for _ in range(2):
        aws.appconfig.add_response("list_deployments", {"Items": rollouts})
    assert [one.number for one in aws.rollouts.history()] == [4, 3, 2, 1]
    in_force = aws.rollouts.in_force()
    assert in_force is not None
    assert in_force.version == "2"


def test_none_is_in_force_where_the_only_one_was_taken_back(aws: Aws) -> None:
    aws.appconfig.add_response("list_deployments", {"Items": [deployment(1, "REVERTED", 100, "1")]})
    assert aws.rollouts.in_force() is None


def test_a_mapping_is_read_as_it_was_pushed(aws: Aws) -> None:
    body = StreamingBody(io.BytesIO(PACKED), len(PACKED))
    aws.appconfig.add_response("get_hosted_configuration_version", {"Content": body}, {**PROFILE, "VersionNumber": 7})
    assert aws.rollouts.mapping("7") == MAPPING == json.loads(PACKED)


def test_a_user_without_a_name_can_push(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 4_294_000_000)
    assert _user() == "a user without a name"


@pytest.mark.parametrize(("state", "code"), [("COMPLETE", 0), ("ROLLED_BACK", 1), ("DEPLOYING", 1)])
def test_going_back_to_a_version_fails_where_not_everyone_gets_it(
    state: str, code: int, aws: Aws, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def rollouts(stack: str | None, region: str | None) -> Iterator[tuple[MappingRollouts, tuple[str, ...]]]:
        yield aws.rollouts, ()

    monkeypatch.setattr(mapping, "_rollouts", rollouts)
    listed = {"Items": [deployment(2, "COMPLETE", 100, "2")]}
    for _ in range(2):
        aws.appconfig.add_response("list_deployments", listed)
    aws.monitors(state=None)
    aws.appconfig.add_response("start_deployment", deployment(3, state, 100, "1"))
    if state == "ROLLED_BACK":
        aws.appconfig.add_response("list_deployments", listed)
    monkeypatch.setattr(appconfig_rollouts, "AT_ONCE_SECONDS", 0.0)
    assert run("mapping", "rollback", "--to", "1")[0] == code
