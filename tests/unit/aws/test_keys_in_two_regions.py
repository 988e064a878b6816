"""`fallback-router keys` of a stage that is in two Regions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest

from tests.support.commands import Run
from tests.support.key_hashes import hash_of
from tests.support.stacks import make_stack

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

REGIONS = ("us-east-1", "eu-west-1")
TABLE = "gateway-state"


def usage_keys(region: str) -> list[Any]:
    return list(boto3.client("apigateway", region_name=region).get_api_keys(includeValues=True)["items"])


def deploy(region: str, other: str, plan: str = "standard") -> str:
    plan_id = boto3.client("apigateway", region_name=region).create_usage_plan(name=plan)["id"]
    outputs = {"StateTableName": TABLE, "SecretsPrefix": "fallback-router-prod", "OtherRegions": other}
    make_stack("FallbackRouter-prod", outputs, plans={plan: plan_id}, region=region)
    return plan_id


@pytest.fixture
def plans(dynamodb: DynamoDBClient) -> dict[str, str]:
    return {region: deploy(region, other) for region, other in zip(REGIONS, reversed(REGIONS), strict=True)}


def test_a_new_key_is_throttled_by_the_same_value_in_both(run: Run, plans: dict[str, str]) -> None:
    code, _, err = run("keys", "create", "--plan", "standard")
    assert code == 0, err
    (first,), (second,) = usage_keys(REGIONS[0]), usage_keys(REGIONS[1])
    assert (first["name"], first["value"]) == (second["name"], second["value"])
    for region, plan_id in plans.items():
        client = boto3.client("apigateway", region_name=region)
        assert len(client.get_usage_plan_keys(usagePlanId=plan_id)["items"]) == 1


def test_a_revoked_key_is_gone_from_both(run: Run, plans: dict[str, str]) -> None:
    kept = run("keys", "create", "--plan", "standard")[1].strip()
    key = run("keys", "create", "--plan", "standard")[1].strip()
    assert run("keys", "revoke", hash_of(key)[:12])[0] == 0
    for region in REGIONS:
        assert [one["name"] for one in usage_keys(region)] == [f"FallbackRouter-prod-{hash_of(kept)[:12]}"]


def test_a_key_that_one_region_cannot_have_is_in_none(run: Run, dynamodb: DynamoDBClient) -> None:
    deploy(REGIONS[0], REGIONS[1])
    deploy(REGIONS[1], REGIONS[0], plan="other")
    code, _, err = run("keys", "create", "--plan", "standard")
    assert code == 1
    assert "no usage plan 'standard' in every Region" in err
    assert usage_keys(REGIONS[0]) == usage_keys(REGIONS[1]) == []
    assert dynamodb.scan(TableName=TABLE)["Items"] == []
