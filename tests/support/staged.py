"""A deployed stage for `fallback-router smoke`: the real gateway, AWS in memory, and API Gateway's door before it."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import boto3
from moto import mock_aws

from litellm_fallback_router.mapping import ROUTER_STYLE_MAPPING
from tests.support.commands import Run
from tests.support.emf import extracted, lines_of
from tests.support.gateway import Gateway
from tests.support.key_hashes import hash_of
from tests.support.rest_door import RestDoor, rest_door
from tests.support.stacks import make_stack, make_state_table

TABLE, STACK, SERVICE = "gateway-state", "FallbackRouter-dev", "fallback-router-dev"
DEPLOYMENTS = {entry["model_name"] for entry in ROUTER_STYLE_MAPPING["model_list"]}


def mapping_at(simulator_url: str) -> dict[str, Any]:
    mapping = copy.deepcopy(ROUTER_STYLE_MAPPING)
    mapping["settings"] = {"tries_per_deployment": 1, "tries_on_last": 1, "credential_block_seconds": 0.0}
    for entry in mapping["model_list"]:
        if entry["litellm_provider"] == "openai":
            entry["params"]["api_base"] = f"{simulator_url}/openai/v1"
    return mapping


@dataclass
class Staged:
    """A deployed stage, in memory but for its gateway."""

    door: RestDoor
    config: Path
    topic: str
    run: Run

    def smoke(self, *arguments: str) -> tuple[int, str, str]:
        return self.run("smoke", "--config", str(self.config), "--url", self.door.url, *arguments)

    def checks(self, *arguments: str) -> tuple[int, dict[str, dict[str, str]]]:
        code, out, err = self.smoke("--json", *arguments)
        assert out, err
        return code, {one["name"]: one for one in json.loads(out)["checks"]}

    def subscribe(self) -> None:
        queue = boto3.client("sqs").create_queue(QueueName="pager")["QueueUrl"]
        attributes = boto3.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        endpoint = attributes["Attributes"]["QueueArn"]
        boto3.client("sns").subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=endpoint)

    def no_key_is_left(self) -> bool:
        """Every key that was made is revoked in the table and gone from API Gateway, and there was one."""
        items = boto3.client("dynamodb").scan(TableName=TABLE)["Items"]
        keys = [item for item in items if item["pk"]["S"].startswith("key#")]
        return bool(keys) and all("revoked_at" in key for key in keys) and not usage_keys()


def usage_keys() -> list[Any]:
    return list(boto3.client("apigateway").get_api_keys()["items"])


def usage_key_of(key: str) -> str | None:
    found = boto3.client("dynamodb").get_item(TableName=TABLE, Key={"pk": {"S": f"key#{hash_of(key)}"}})
    item = found.get("Item")
    return None if item is None or "revoked_at" in item else item["usage_key"]["S"]


def deploy(plans: dict[str, str], topic: str, mode: str) -> None:
    outputs = {
        "StateTableName": TABLE,
        "SecretsPrefix": SERVICE,
        "Url": "https://abc123.execute-api.us-east-1.amazonaws.com/dev/",
        "AlarmTopicArn": topic,
        "ResponseMode": mode,
    }
    make_stack(STACK, outputs, plans=plans)


@contextmanager
def stage(gateway: Gateway, mapping: dict[str, Any], run: Run, folder: Path, mode: str = "stream") -> Iterator[Staged]:
    config = folder / "mapping.json"
    config.write_text(json.dumps(mapping))
    gateway.out.write_text("")  # it appends
    with mock_aws(), rest_door(gateway.url, usage_key_of) as door:
        make_state_table(boto3.client("dynamodb"), TABLE)
        api = boto3.client("apigateway")
        rates = {"trial": 1.0, "standard": 10.0}
        plans = {
            name: api.create_usage_plan(name=name, throttle={"rateLimit": rate, "burstLimit": 2})["id"]
            for name, rate in rates.items()
        }
        topic = boto3.client("sns").create_topic(Name="alarms")["TopicArn"]
        deploy(plans, topic, mode)
        with extracted(partial(lines_of, gateway.out), boto3.client("cloudwatch")):
            yield Staged(door, config, topic, run)
