"""`fallback-router preflight` and `smoke` on a local AWS, around a deployment: the first part of `make e2e`.

Three things API Gateway and CloudWatch do and MiniStack does not are done here, outside of the product: the plan's key
comes from the authorizer (`rest_door`), metrics come out of log lines (`extracted`), and models are offered that the
mapping does not name (a mapping of its own). It does not stream either, so the stage is a buffered one and says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.deployed import Deployed
from tests.support.emf import extracted
from tests.support.rest_door import RestDoor, rest_door

pytestmark = pytest.mark.timeout(420)

BY_KEY = {"openai-gpt4o", "openai-gpt4o-mini", "anthropic-claude-sonnet", "anthropic-claude-haiku"}
BY_ROLE = {
    *("bedrock-claude-sonnet", "bedrock-claude-sonnet-west", "bedrock-claude-haiku"),
    *("bedrock-nova", "bedrock-llama"),
}
AROUND = {"a key of its own", "the door", "the door, without a key", "the mapping", "state table", "metrics"}
OFFERED, UNSUBSCRIBED = "us.amazon.nova-lite-v1:0", "us.anthropic.claude-3-haiku-20240307-v1:0"
Checks = Mapping[str, Mapping[str, str]]


@contextmanager
def door_before(stage: Deployed) -> Iterator[RestDoor]:
    with rest_door(stage.url, stage.usage_key) as door, extracted(stage.events, stage.aws.client("cloudwatch")):
        yield door


def smoke(stage: Deployed, door: RestDoor) -> tuple[int, Checks]:
    done = stage.run("smoke", "--json", "--config", str(stage.mapping), "--url", door.url, "--wait", "60")
    assert done.stdout, done.stderr
    return done.returncode, {one["name"]: one for one in json.loads(done.stdout)["checks"]}


def of_status(checks: Checks, status: str) -> set[str]:
    return {name for name, one in checks.items() if one["status"] == status}


def preflight(stage: Deployed, config: Path, env: Mapping[str, str] | None = None) -> tuple[int, Checks]:
    done = stage.run("preflight", "--json", "--config", str(config), env=env)
    assert done.stdout, done.stderr
    return done.returncode, {one["name"]: one for one in json.loads(done.stdout)["checks"]}


def test_smoke_says_what_a_new_stage_lacks(fresh: Deployed) -> None:
    with door_before(fresh) as door:
        code, checks = smoke(fresh, door)
    assert code == 1
    assert of_status(checks, "failed") == BY_KEY | {"alarms"}
    assert of_status(checks, "ok") == BY_ROLE | AROUND
    assert "fallback-router secrets set openai" in checks["openai-gpt4o"]["fix"]
    assert "fallback-router secrets set anthropic" in checks["anthropic-claude-haiku"]["fix"]
    assert fresh.outputs["AlarmTopicArn"] in checks["alarms"]["fix"]


def test_preflight_sees_what_the_account_has(stored: tuple[Deployed, float], tmp_path: Path) -> None:
    stage, _ = stored
    config = tmp_path / "mapping.json"
    models = [
        {"model_name": name, "litellm_provider": "bedrock", "params": {"model": name}}
        for name in (OFFERED, UNSUBSCRIBED)
    ]
    config.write_text(json.dumps({"model_list": models}))
    code, checks = preflight(stage, config)
    assert code == 1
    assert of_status(checks, "failed") == {f"{UNSUBSCRIBED} in us-east-1"}
    assert of_status(checks, "warning") == set()
    assert "made by a stack of this gateway" in checks["API Gateway's log role"]["seen"]


def test_preflight_names_the_permissions_that_are_missing(stored: tuple[Deployed, float]) -> None:
    stage, _ = stored
    iam = stage.aws.client("iam")
    iam.create_user(UserName="visitor")
    key = iam.create_access_key(UserName="visitor")["AccessKey"]
    visitor = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
    code, checks = preflight(stage, stage.mapping, visitor)
    assert code == 0
    # MiniStack lets everybody ask for the quota.
    assert of_status(checks, "ok") == {"SnapStart", "Lambda's concurrency"}
    fixes = " ".join(checks[name]["fix"] for name in of_status(checks, "warning"))
    for permission in ("ssm:GetParameter", "lambda:GetLayerVersion", "apigateway:GET", "bedrock:ListFoundationModels"):
        assert f"grant {permission}" in fixes


def test_smoke_is_well_once_that_is_mended(deployed: Deployed) -> None:
    queue = deployed.aws.client("sqs").create_queue(QueueName="pager")["QueueUrl"]
    asked: Any = deployed.aws.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    topic, endpoint = deployed.outputs["AlarmTopicArn"], asked["Attributes"]["QueueArn"]
    deployed.aws.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=endpoint)
    with door_before(deployed) as door:
        code, checks = smoke(deployed, door)
    assert {name: one for name, one in checks.items() if one["status"] == "failed"} == {}
    assert code == 0
    assert of_status(checks, "warning") == {"streaming"}
    assert "response_mode=buffered" in checks["streaming"]["seen"]
    assert "revoked" in deployed.command("keys", "list")
