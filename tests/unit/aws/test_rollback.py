"""`fallback-router rollback` against a deployed stack."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from infra.function import ALIAS
from litellm_fallback_router import operations
from litellm_fallback_router.adapters import lambda_versions
from litellm_fallback_router.adapters.lambda_versions import FunctionVersions, stop_rollout
from tests.support.commands import Run
from tests.support.lambda_function import NAME, alias, function, publish, served
from tests.support.stacks import make_stack

STACK = "FallbackRouter-prod"


def deploy(**more: str) -> None:
    outputs = {"StateTableName": "state", "SecretsPrefix": "fallback-router-prod", "FunctionName": NAME, **more}
    make_stack(STACK, outputs)


@pytest.fixture
def stage(aws: None) -> None:
    """Deployed three times."""
    function(versions=3)
    deploy()
    alias("3")


def test_the_alias_is_the_stacks() -> None:
    assert lambda_versions.ALIAS == ALIAS


def test_callers_get_the_version_before_and_are_told_how_to_go_on(run: Run, stage: None) -> None:
    code, out, _ = run("rollback")
    assert code == 0
    assert served()["FunctionVersion"] == "2"
    assert "callers get version 2 instead of 3" in out
    assert "fallback-router rollback --to 3" in out


def test_show_changes_nothing(run: Run, stage: None) -> None:
    code, out, _ = run("rollback", "--show")
    assert code == 0
    assert served()["FunctionVersion"] == "3"
    rows = [line.split() for line in out.splitlines() if line.startswith("│ ")]
    assert [row[1] for row in rows] == ["3", "2", "1"]
    assert "100%" in rows[0]


def test_a_version_can_be_named(run: Run, stage: None) -> None:
    assert run("rollback", "--to", "1")[0] == 0
    assert served()["FunctionVersion"] == "1"


def test_a_version_that_was_rolled_back_is_passed_over_after_the_next_deployment(run: Run, stage: None) -> None:
    assert run("rollback")[0] == 0
    publish("# mended")
    boto3.client("lambda").update_alias(FunctionName=NAME, Name="live", FunctionVersion="4")
    code, out, _ = run("rollback")
    assert code == 0
    assert "rolled back" in out
    assert served()["FunctionVersion"] == "2"


def test_weights_of_a_rollout_that_nobody_is_at_are_taken_off(run: Run, aws: None) -> None:
    function(versions=3)
    deploy()
    alias("2", {"3": 0.1})
    assert run("rollback")[0] == 0
    assert served()["FunctionVersion"] == "1"
    assert not served().get("RoutingConfig", {}).get("AdditionalVersionWeights")


@pytest.mark.parametrize(
    ("versions", "arguments", "said"),
    [
        (1, (), r"no version before 1: FallbackRouter-prod keeps them once it is deployed with -c rollout=canary"),
        (3, ("--to", "9"), "has no version 9; it has: 3, 2, 1"),
        (3, ("--to", "3"), "version 3 is the one that callers get already"),
    ],
    ids=["the first", "unknown", "current"],
)
def test_what_cannot_be_is_said_and_nothing_is_changed(
    run: Run, aws: None, versions: int, arguments: tuple[str, ...], said: str
) -> None:
    function(versions=versions)
    deploy()
    alias(str(versions))
    code, _, err = run("rollback", *arguments)
    assert code == 1
    assert said in err
    assert served()["FunctionVersion"] == str(versions)


def test_where_a_version_does_not_become_ready_nothing_is_changed_and_the_next_step_is_told(
    run: Run, stage: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FunctionVersions, "wake", lambda *_: False)
    code, _, err = run("rollback")
    assert code == 1
    assert "nothing was changed: name another one of `fallback-router rollback --show` with --to" in err
    assert served()["FunctionVersion"] == "3"


def test_a_stack_that_names_no_function_says_so(run: Run, aws: None) -> None:
    deploy(FunctionName="")
    code, _, err = run("rollback")
    assert code == 1
    assert "deploy it once more" in err


def test_a_rollout_under_way_is_stopped_and_left_to_codedeploy(
    run: Run, aws: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    function(versions=3)
    deploy(RolloutApplication="router", RolloutGroup="group")
    alias("2", {"3": 0.1})
    asked: list[tuple[str, str]] = []

    def stopped(_: Any, application: str, group: str) -> str:
        asked.append((application, group))
        return "d-123"

    monkeypatch.setattr(operations, "stop_rollout", stopped)
    code, out, _ = run("rollback")
    assert code == 0
    assert asked == [("router", "group")]
    assert "stopped the rollout d-123" in out
    assert served()["FunctionVersion"] == "2"
    assert served()["RoutingConfig"]["AdditionalVersionWeights"] == {"3": 0.1}


def test_a_version_that_is_named_while_a_rollout_is_stopped_is_told_how_to_be_had(
    run: Run, aws: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    function(versions=3)
    deploy(RolloutApplication="router", RolloutGroup="group")
    alias("3")
    monkeypatch.setattr(operations, "stop_rollout", lambda *_: "d-123")
    code, out, _ = run("rollback", "--to", "1")
    assert code == 0
    assert "once callers are back: fallback-router rollback --to 1" in out
    assert served()["FunctionVersion"] == "3"


def test_the_other_region_is_named(run: Run, aws: None) -> None:
    function(versions=2)
    deploy(OtherRegions="eu-west-1")
    alias("2")
    code, out, _ = run("rollback")
    assert code == 0
    assert "the stage in eu-west-1 has versions of its own: do the same with --region eu-west-1" in out


@pytest.mark.parametrize("under_way", [["d-123"], []], ids=["one", "none"])
def test_a_rollout_is_stopped_with_its_rollback(aws: None, under_way: list[str]) -> None:
    client: Any = boto3.client("codedeploy")
    with Stubber(client) as stub:
        stub.add_response(
            "list_deployments",
            {"deployments": under_way},
            {
                "applicationName": "router",
                "deploymentGroupName": "group",
                "includeOnlyStatuses": ["Created", "Queued", "InProgress", "Baking", "Ready"],
            },
        )
        if under_way:
            stub.add_response(
                "stop_deployment", {"status": "Pending"}, {"deploymentId": "d-123", "autoRollbackEnabled": True}
            )
        assert stop_rollout(client, "router", "group") == (under_way[0] if under_way else None)
        stub.assert_no_pending_responses()


class Sleeper:
    """A version in these states, one after the other."""

    def __init__(self, *states: str) -> None:
        self._states = list(states)
        self.invoked = 0

    def get_function_configuration(self, **_: str) -> dict[str, str]:
        return {"State": self._states.pop(0) if len(self._states) > 1 else self._states[0]}

    def invoke(self, **_: Any) -> None:
        self.invoked += 1


@pytest.mark.parametrize(
    ("states", "ready", "invoked", "polls"),
    [
        (("Active",), True, 0, 0),
        (("Inactive", "Pending", "Active"), True, 1, 2),
        (("Pending", "Failed"), False, 0, 1),
        (("Inactive",), False, 1, 36),
    ],
    ids=["awake", "asleep", "broken", "never"],
)
def test_a_version_that_sleeps_is_woken_and_waited_for_within_bounds(
    states: tuple[str, ...], ready: bool, invoked: int, polls: int
) -> None:
    slept: list[float] = []
    client = Sleeper(*states)
    assert FunctionVersions(client, NAME, sleep=slept.append).wake("1") is ready
    assert (client.invoked, len(slept)) == (invoked, polls)
