"""A stage's own drills, as its function does them: the simulator answers, AWS is in memory."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from litellm_fallback_router.adapters.dynamodb.drill_reports import TableReports
from litellm_fallback_router.bootstrap import load
from litellm_fallback_router.drill import Order, check_seals, sealed
from litellm_fallback_router.settings import load_settings
from litellm_fallback_router.stage_drills import KEEPING_SECONDS, answer_to
from local.simulator import Fault, SimulatorControl
from tests.support.stacks import make_state_table

TABLE, SECRET, KEY, REGION = "gateway-state", "fallback-router-dev/drill-seal", "k" * 64, "us-east-1"
MAPPING = {
    "model_list": [
        {"model_name": "a", "params": {"model": "openai/gpt-4o"}},
        {"model_name": "b", "params": {"model": "openai/gpt-4o-mini"}},
    ]
}
WAYS = 3


@pytest.fixture(autouse=True)
def _aws(monkeypatch: pytest.MonkeyPatch, simulator: SimulatorControl) -> Iterator[None]:
    simulator.reset()
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("AWS_REGION", REGION)
    with mock_aws():
        make_state_table(boto3.client("dynamodb"), TABLE)
        boto3.client("secretsmanager").create_secret(Name=SECRET, SecretString=KEY)
        yield
    simulator.reset()


def drilled(simulator: SimulatorControl, order: Order | None = None, seconds: float = 60.0) -> dict[str, Any]:
    """What whoever invoked the function is told."""
    settings = load_settings(
        {
            "ROUTER_STATE_TABLE": TABLE,
            "ROUTER_DRILL_SECRET": SECRET,
            "ROUTER_SERVICE": "fallback-router-dev",
            "ROUTER_SIMULATOR_URL": simulator.url,
        }
    )
    return asyncio.run(answer_to(order or Order(), load(settings, MAPPING), settings, seconds))


def reports() -> TableReports:
    return TableReports(boto3.client("dynamodb"), TABLE, REGION)


def metrics(capsys: pytest.CaptureFixture[str]) -> dict[str, float]:
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "HopsUnproven" in line]
    (line,) = [line for line in lines if "_aws" in line]
    return {name: line[name][0] for name in ("HopsUnproven", "HoursSinceProven")}


def test_a_drill_is_kept_sealed_behind_the_last_and_says_in_metrics_what_is_proven(
    simulator: SimulatorControl, capsys: pytest.CaptureFixture[str]
) -> None:
    first, found = drilled(simulator), metrics(capsys)
    assert first["well"] is True
    assert found["HopsUnproven"] == 0
    assert found["HoursSinceProven"] < 1
    second = drilled(simulator)
    kept = reports().all()
    assert [one.digest for one in kept] == [first["digest"], second["digest"]]
    assert check_seals(kept, KEY.encode()) == 2
    assert {hop.verdict for one in kept for hop in one.hops} == {"proven"}


def test_a_hop_that_no_drill_proved_counts_and_one_that_was_proven_before_does_not_yet(
    simulator: SimulatorControl, capsys: pytest.CaptureFixture[str]
) -> None:
    drilled(simulator, Order(chains=("a",)))
    assert metrics(capsys) == {"HopsUnproven": 1, "HoursSinceProven": 168}
    simulator.inject(Fault(kind="wrong_key"), model="gpt-4o")
    assert drilled(simulator)["well"] is False
    assert metrics(capsys)["HopsUnproven"] == 0
    last = reports().last()
    assert last is not None
    assert {(one.deployment, one.subject) for one in last.findings} == {("a", "key")}


def test_a_drill_begins_with_what_has_been_unproven_the_longest(simulator: SimulatorControl) -> None:
    drilled(simulator, Order(chains=("a",)))
    simulator.clear_requests()
    drilled(simulator)
    assert [one.model for one in simulator.requests()][:4].count("gpt-4o-mini") == WAYS


def test_a_drill_without_time_asks_nobody_and_says_so(simulator: SimulatorControl) -> None:
    assert drilled(simulator, seconds=KEEPING_SECONDS + 1)["well"] is False
    assert simulator.requests() == []
    last = reports().last()
    assert last is not None
    assert {answer.code for hop in last.hops for answer in hop.answers} == {"time"}


def test_nobody_can_spend_more_than_the_stage_allows(simulator: SimulatorControl) -> None:
    for asked, allowed in ((50.0, 0.25), (0.1, 0.1)):
        drilled(simulator, Order(max_usd=asked))
        last = reports().last()
        assert last is not None
        assert last.max_usd == allowed


def test_proofs_of_a_forged_report_do_not_count_and_the_place_stays_visible(
    simulator: SimulatorControl, capsys: pytest.CaptureFixture[str]
) -> None:
    drilled(simulator)
    honest = reports().last()
    assert honest is not None
    assert reports().add(sealed(replace(honest, cost_usd=0.0), honest, b"another key"))
    capsys.readouterr()
    drilled(simulator, Order(chains=("b",)))
    assert metrics(capsys)["HopsUnproven"] == 1
    kept = reports().all()
    assert kept[2].previous == kept[1].digest
    assert check_seals([kept[2]], KEY.encode()) == 1


def test_what_cannot_be_done_is_told_and_nothing_is_kept(simulator: SimulatorControl) -> None:
    assert "'c'" in drilled(simulator, Order(chains=("c",)))["error"]
    boto3.client("secretsmanager").delete_secret(SecretId=SECRET, ForceDeleteWithoutRecovery=True)
    assert "ResourceNotFoundException" in drilled(simulator)["error"]
    assert simulator.requests() == []
    assert reports().last() is None
