"""A Router whose state, keys and metrics are where the environment says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import boto3
import pytest

from litellm_fallback_router.adapters.secrets_manager import write_secret
from litellm_fallback_router.bootstrap import build_router
from litellm_fallback_router.routing.accounts import Account, Reservation
from litellm_fallback_router.routing.callers import Period
from litellm_fallback_router.routing.errors import ConfigurationError, UnknownModelError
from litellm_fallback_router.settings import load_settings
from tests.support.scripted import question

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

ENVIRONMENT = {
    "ROUTER_STATE_TABLE": "gateway-state",
    "ROUTER_SECRETS_PREFIX": "gateway-dev",
    "ROUTER_SERVICE": "gateway-dev",
}


@pytest.fixture
def stack(dynamodb: DynamoDBClient, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    secrets = boto3.client("secretsmanager")
    secrets.create_secret(Name="gateway-dev/openai")
    write_secret(secrets, "gateway-dev", "openai", "sk-of-the-secret")


async def test_keys_come_from_secrets_and_circuits_from_the_table(stack: None, dynamodb: DynamoDBClient) -> None:
    dynamodb.put_item(
        TableName="gateway-state",
        Item={"pk": {"S": "drained"}, "deployments": {"SS": ["openai-gpt4o"]}},
    )
    router = build_router(load_settings(ENVIRONMENT))
    plan = await router.explain(question("openai-gpt4o"))
    drops = {drop.deployment: drop.code for drop in plan.dropped}
    assert drops["openai-gpt4o"] == "drained"
    assert drops["anthropic-claude-sonnet"] == "no_key"
    mini = await router.explain(question("openai-gpt4o-mini"))
    assert mini.candidates[0].deployment.id == "openai-gpt4o-mini"


async def test_no_key_is_read_where_a_snapshot_is_still_to_be_taken(stack: None) -> None:
    settings = load_settings(ENVIRONMENT | {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"})
    assert settings.snapshot
    plan = await build_router(settings, read_keys=False).explain(question("openai-gpt4o-mini"))
    assert "openai-gpt4o-mini" in {drop.deployment for drop in plan.dropped if drop.code == "no_key"}


async def test_a_request_that_fails_is_a_metric_and_an_event(stack: None, capsys: pytest.CaptureFixture[str]) -> None:
    router = build_router(load_settings(ENVIRONMENT))
    with pytest.raises(UnknownModelError, match="unknown model"):
        await router.complete(question("no-such-model"))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert any(line.get("Requests") == [1.0] for line in lines)


def test_a_missing_region_stops_the_start_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    with pytest.raises(ConfigurationError, match="AWS_DEFAULT_REGION: not set"):
        build_router(load_settings({"ROUTER_STATE_TABLE": "gateway-state"}))


async def test_what_requests_use_is_counted_in_the_state_table(stack: None, dynamodb: DynamoDBClient) -> None:
    router = build_router(load_settings(ENVIRONMENT))
    accounts = router._dependencies.accounts
    assert accounts is not None
    held = await accounts.reserve(Account("usd#stage", 100, Period.EVER), 40)
    assert isinstance(held, Reservation)
    held.settle(30)
    await router.flush()
    item = dynamodb.get_item(TableName="gateway-state", Key={"pk": {"S": "account#usd#stage@ever"}})["Item"]
    assert (item["spent"], item["taken"], item["leases"]) == ({"N": "30"}, {"N": "30"}, {"N": "0"})
