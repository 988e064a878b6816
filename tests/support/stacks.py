"""What commands look for of a deployed stage: the outputs of its stack, and its state table."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import boto3

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient


def make_stack(
    name: str, outputs: Mapping[str, str], *, plans: Mapping[str, str] | None = None, region: str | None = None
) -> None:
    """`plans`: ids of the usage plans, by name; each is an output of its own."""
    shown: dict[str, Any] = {key: {"Value": value} for key, value in outputs.items()}
    shown |= {f"UsagePlan{plan.title()}": {"Value": id, "Description": plan} for plan, id in (plans or {}).items()}
    template = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}, "Outputs": shown}
    boto3.client("cloudformation", region_name=region).create_stack(StackName=name, TemplateBody=json.dumps(template))


def make_state_table(client: DynamoDBClient, name: str) -> None:
    client.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
