"""`fallback-router drill --stack` and `chains --stack` on a stack in memory. What a drill does there: `make e2e`."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import boto3
import pytest

from litellm_fallback_router.adapters.dynamodb.drill_reports import TableReports
from litellm_fallback_router.drill import Hop, Proof, Report, keep, sealed
from litellm_fallback_router.drill.asking import Answer
from tests.support.commands import Run
from tests.support.stacks import make_stack

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

TABLE, STACK, SECRET, KEY = "gateway-state", "FallbackRouter-dev", "fallback-router-dev/drill-seal", b"k" * 64


def deploy(**more: str) -> None:
    outputs = {"StateTableName": TABLE, "SecretsPrefix": "fallback-router-dev", "FunctionName": "gateway", **more}
    make_stack(STACK, outputs)


@pytest.fixture
def reports(dynamodb: DynamoDBClient) -> TableReports:
    """Of a stage that drills."""
    deploy(DrillSecret=SECRET)
    boto3.client("secretsmanager").create_secret(Name=SECRET, SecretString=KEY.decode())
    return TableReports(dynamodb, TABLE, "us-east-1")


def report(hours: float) -> Report:
    at = int(time.time() - hours * 3600)
    hop = Hop("openai-gpt4o", 1, "openai-gpt4o", (Answer("whole", "proven", answered_by="openai-gpt4o"),))
    proofs = {"openai-gpt4o": Proof(at, "openai:gpt-4o")}
    return Report(at, "fallback-router-dev", "m" * 64, 1.5, 0.25, 0.001, (hop,), (), {}, proofs)


def test_a_stage_that_does_not_drill_is_told_how_it_would(run: Run, dynamodb: DynamoDBClient) -> None:
    deploy()
    for command in (["drill"], ["drill", "--verify"], ["chains"]):
        code, _, err = run(*command, "--stack", STACK)
        assert (code, "-c drill='rate(1 day)'" in err) == (1, True), err


def test_chains_says_when_the_stage_proved_each_deployment(run: Run, reports: TableReports) -> None:
    assert keep(report(hours=5), None, reports, KEY)
    code, out, _ = run("chains", "--stack", STACK, "--json")
    assert code == 0
    (chain,) = [one for one in json.loads(out) if one["name"] == "openai-gpt4o"]
    assert chain["proven_hours_ago"]["openai-gpt4o"] == pytest.approx(5, abs=0.1)
    assert chain["proven_hours_ago"]["anthropic-claude-sonnet"] is None
    assert "5 h ago" in run("chains", "--price", "--stack", STACK)[1]


def test_verify_sees_a_report_that_the_seals_key_did_not_seal(run: Run, reports: TableReports) -> None:
    assert "no reports yet" in run("drill", "--verify", "--stack", STACK)[1]
    first = keep(report(hours=2), None, reports, KEY)
    assert first is not None
    code, out, _ = run("drill", "--verify", "--stack", STACK)
    assert (code, out.strip()) == (0, f"1 reports in a row, each as it was sealed; the newest is {first.digest}")
    assert reports.add(sealed(replace(report(hours=1), cost_usd=0.0), first, b"another key"))
    code, _, err = run("drill", "--verify", "--stack", STACK)
    assert (code, "was sealed with another key" in err) == (1, True)
    code, out, err = run("chains", "--stack", STACK)
    assert (code, "is not used" in err) == (0, True)
    assert "1 h ago" not in out


@pytest.mark.parametrize(
    "arguments", [["--region", "us-east-1"], ["--stack", STACK, "--simulate"], ["--stack", STACK, "--reports", "here"]]
)
def test_options_that_do_not_go_together_are_wrong_usage(run: Run, arguments: list[str]) -> None:
    assert run("drill", *arguments)[0] == 2
