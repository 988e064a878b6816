"""What `fallback-router smoke` finds of the stage itself: its door, its streaming, its metrics and its alarms."""

from __future__ import annotations

import json

import boto3
import pytest
from moto.backends import get_backend

from local.simulator import SimulatorControl
from tests.support.staged import DEPLOYMENTS, Staged

pytestmark = pytest.mark.timeout(180)
EMAIL = "ops@example.com"


def test_stream_that_a_proxy_collects_is_no_stream(staged: Staged) -> None:
    staged.door.collects = True
    code, found = staged.checks("--wait", "0")
    assert code == 1
    assert found["streaming"]["status"] == "failed"
    assert "in one piece" in found["streaming"]["seen"]
    assert "proxy" in found["streaming"]["fix"]


@pytest.mark.parametrize("staged", ["buffered"], indirect=True)
def test_buffered_stage_says_that_it_does_not_stream(staged: Staged) -> None:
    staged.door.collects = True
    _, found = staged.checks("--wait", "0")
    assert found["streaming"]["status"] == "warning"
    assert "response_mode=buffered" in found["streaming"]["seen"]


def test_answers_too_short_to_tell_are_a_warning(staged: Staged, simulator: SimulatorControl) -> None:
    simulator.settings(chunk_delay=0.0)
    _, found = staged.checks("--wait", "0")
    assert found["streaming"]["status"] == "warning"


def test_door_that_is_open_to_everybody_fails(staged: Staged) -> None:
    staged.door.open = True
    code, found = staged.checks("--wait", "0")
    assert code == 1
    assert found["the door, without a key"]["status"] == "failed"


def test_door_that_cannot_be_reached_fails_and_asks_nobody(staged: Staged) -> None:
    code, out, _ = staged.run("smoke", "--json", "--config", str(staged.config), "--url", "http://127.0.0.1:9/dev/")
    found = {one["name"]: one for one in json.loads(out)["checks"]}
    assert code == 1
    assert found["the door"]["status"] == "failed"
    assert "the output Url, or --url" in found["the door"]["fix"]
    assert DEPLOYMENTS.isdisjoint(found)
    assert staged.no_key_is_left()


def test_metrics_that_do_not_arrive_in_time_fail(staged: Staged, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.support.emf.values_of", lambda line: iter(()))
    code, found = staged.checks("--wait", "0")
    assert code == 1
    assert found["metrics"]["status"] == "failed"
    assert "0 of 18 requests" in found["metrics"]["seen"]
    assert "log level back to INFO" in found["metrics"]["fix"]


def test_subscriber_who_has_not_confirmed_hears_nothing(staged: Staged) -> None:
    """moto confirms everybody at once; SNS has this word in the place of an ARN until then."""
    boto3.client("sns").subscribe(TopicArn=staged.topic, Protocol="email", Endpoint=EMAIL)
    (subscription,) = get_backend("sns")["123456789012"]["us-east-1"].subscriptions.values()
    subscription.arn = "PendingConfirmation"
    code, found = staged.checks("--wait", "0")
    assert code == 1
    assert found["alarms"]["status"] == "failed"
    assert f"{EMAIL} has not confirmed" in found["alarms"]["seen"]
