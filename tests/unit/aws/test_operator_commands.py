"""`fallback-router keys | secrets | circuits` against a deployed stack."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError

from litellm_fallback_router.adapters.api_gateway import UsageKeys
from litellm_fallback_router.adapters.dynamodb.circuit_table import CircuitTable
from litellm_fallback_router.adapters.dynamodb.table import TableBusyError
from tests.support.commands import Run
from tests.support.key_hashes import hash_of
from tests.support.stacks import make_stack

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

TABLE = "gateway-state"
STACK = "FallbackRouter-dev"


def deploy(name: str, plans: dict[str, str]) -> None:
    """A stack with the outputs that the commands look for."""
    outputs = {
        "StateTableName": TABLE,
        "SecretsPrefix": "fallback-router-dev",
        "Url": "https://abc123.execute-api.us-east-1.amazonaws.com/dev/",
    }
    make_stack(name, outputs, plans=plans)


@pytest.fixture
def plan_id(dynamodb: DynamoDBClient) -> str:
    """The usage plan of a deployed gateway."""
    boto3.client("secretsmanager").create_secret(Name="fallback-router-dev/openai")
    plan_id = boto3.client("apigateway").create_usage_plan(name="standard")["id"]
    deploy(STACK, {"standard": plan_id})
    return plan_id


def records(dynamodb: DynamoDBClient) -> list[dict[str, Any]]:
    return [dict(item) for item in dynamodb.scan(TableName=TABLE)["Items"] if item["pk"]["S"].startswith("key#")]


def usage_keys(plan_id: str) -> list[Any]:
    return list(boto3.client("apigateway").get_usage_plan_keys(usagePlanId=plan_id)["items"])


def test_a_new_key_is_printed_once_and_stored_as_a_hash_beside_its_usage_key(
    run: Run, plan_id: str, dynamodb: DynamoDBClient
) -> None:
    code, out, err = run("keys", "create", "--plan", "standard")
    key = out.strip()
    assert code == 0
    assert re.fullmatch(r"sk-router-[\w-]{43}", key)
    (item,) = records(dynamodb)
    assert item["pk"]["S"] == f"key#{hash_of(key)}"
    (usage_key,) = usage_keys(plan_id)
    assert item["usage_key_id"]["S"] == usage_key["id"]
    assert (
        item["usage_key"]["S"]
        == boto3.client("apigateway").get_api_key(apiKey=usage_key["id"], includeValue=True)["value"]
    )
    assert key not in json.dumps(item)
    assert key not in err
    assert item["id"]["S"] in err
    assert "expires_at" not in item


def test_a_key_can_be_made_to_expire(run: Run, plan_id: str, dynamodb: DynamoDBClient) -> None:
    assert run("keys", "create", "--plan", "standard", "--expires", "90d")[0] == 0
    (item,) = records(dynamodb)
    assert int(item["expires_at"]["N"]) == pytest.approx(time.time() + 90 * 86_400, abs=120)


@pytest.mark.parametrize("expires", ["yesterday", "0d", "1\u0663d", "2020-01-31", "2027-02-30"])
def test_an_expiry_that_makes_no_sense_is_refused(
    run: Run, plan_id: str, dynamodb: DynamoDBClient, expires: str
) -> None:
    assert run("keys", "create", "--plan", "standard", "--expires", expires)[0] == 2
    assert records(dynamodb) == []


def test_an_unknown_plan_is_refused_and_the_known_ones_are_named(
    run: Run, plan_id: str, dynamodb: DynamoDBClient
) -> None:
    code, _, err = run("keys", "create", "--plan", "gold")
    assert code == 1
    assert "no usage plan 'gold'; it has: standard" in err
    assert records(dynamodb) == []


def test_a_key_that_cannot_be_recorded_leaves_no_usage_key_behind(
    run: Run, plan_id: str, dynamodb: DynamoDBClient
) -> None:
    dynamodb.delete_table(TableName=TABLE)
    code, out, err = run("keys", "create", "--plan", "standard")
    assert (code, out) == (1, "")
    assert "ResourceNotFoundException" in err
    assert boto3.client("apigateway").get_api_keys()["items"] == []


def test_keys_are_listed_by_id_and_state(run: Run, plan_id: str, dynamodb: DynamoDBClient) -> None:
    keys = [run("keys", "create", "--plan", "standard")[1].strip() for _ in range(2)]
    first = hash_of(keys[0])[:12]
    assert run("keys", "revoke", first)[0] == 0
    code, out, _ = run("keys", "list")
    assert code == 0
    states = {line.split()[1]: line.split()[5] for line in out.splitlines() if "standard" in line}
    assert states == {first: "revoked", hash_of(keys[1])[:12]: "active"}
    assert not any(key in out for key in keys)


def test_revoking_takes_both_halves_and_may_be_repeated(run: Run, plan_id: str, dynamodb: DynamoDBClient) -> None:
    key_id = hash_of(run("keys", "create", "--plan", "standard")[1].strip())[:12]
    for _ in range(2):
        assert run("keys", "revoke", key_id)[0] == 0
    (item,) = records(dynamodb)
    assert "revoked_at" in item
    assert boto3.client("apigateway").get_api_keys()["items"] == []


def test_revoking_an_unknown_key_says_where_to_look(run: Run, plan_id: str) -> None:
    code, _, err = run("keys", "revoke", "0123456789ab")
    assert code == 1
    assert "fallback-router keys list" in err


def test_a_secret_is_read_from_a_pipe_and_not_shown(run: Run, plan_id: str) -> None:
    code, out, err = run("secrets", "set", "openai", stdin="sk-of-openai\n")
    assert code == 0
    assert "sk-of-openai" not in out + err
    value = boto3.client("secretsmanager").get_secret_value(SecretId="fallback-router-dev/openai")["SecretString"]
    assert value == "sk-of-openai"


@pytest.mark.parametrize("secret", ["", "two words", "{}", '{"OPENAI_API_KEY": ""}'])
def test_what_is_no_key_is_not_stored(run: Run, plan_id: str, secret: str) -> None:
    code, _, err = run("secrets", "set", "openai", stdin=secret)
    assert code == 1
    assert "that is no key" in err


def test_a_provider_without_a_secret_is_refused_with_the_likely_name(run: Run, plan_id: str) -> None:
    code, _, err = run("secrets", "set", "opneai", stdin="sk-of-openai")
    assert code == 1
    assert "there is no secret fallback-router-dev/opneai; did you mean 'openai'?" in err
    assert "sk-of-openai" not in err


def test_a_deployment_is_taken_out_of_service_and_brought_back(
    run: Run, plan_id: str, dynamodb: DynamoDBClient
) -> None:
    table = CircuitTable(dynamodb, TABLE, 60)
    table.open("bedrock-nova", 3, 1_790_000_000)
    assert run("circuits", "open", "openai-gpt4o")[0] == 0
    assert table.read([]).drained == {"openai-gpt4o"}
    out = run("circuits", "list")[1]
    assert re.search(r"openai-gpt4o +│ open, by an operator", out)
    assert re.search(r"bedrock-nova +│ open +│ 2026-09-21 14:13:20 UTC", out)
    assert re.search(r"bedrock-llama +│ closed", out)
    assert run("circuits", "close", "openai-gpt4o")[0] == 0
    assert run("circuits", "close", "bedrock-nova", "--table", TABLE)[0] == 0
    assert not re.search(r"│ open[ ,]", run("circuits", "list")[1])


def test_a_deployment_that_the_mapping_does_not_know_is_not_opened(
    run: Run, plan_id: str, dynamodb: DynamoDBClient
) -> None:
    code, _, err = run("circuits", "open", "openai-gpt4")
    assert code == 2
    assert "openai-gpt4o" in err
    assert CircuitTable(dynamodb, TABLE, 60).read([]).drained == frozenset()


def test_several_gateways_ask_for_a_choice(run: Run, plan_id: str) -> None:
    deploy("FallbackRouter-prod", {"standard": plan_id})
    boto3.client("cloudformation").create_stack(
        StackName="other", TemplateBody=json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})
    )
    code, _, err = run("keys", "list")
    assert code == 1
    assert "FallbackRouter-dev" in err
    assert "FallbackRouter-prod" in err
    assert "--stack" in err
    assert "other" not in err
    assert run("keys", "list", "--stack", STACK)[0] == 0


def test_no_gateway_says_what_to_do(run: Run, aws: None) -> None:
    assert "there is no gateway in Region eu-west-1" in run("keys", "list", "--region", "eu-west-1")[2]
    code, _, err = run("keys", "list", "--stack", "FallbackRouter-test")
    assert code == 1
    assert "no gateway stack named FallbackRouter-test" in err


def test_without_a_region_the_fix_is_told(run: Run, aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    code, _, err = run("circuits", "list")
    assert code == 1
    assert "add --region" in err


@pytest.fixture
def unreadable(run: Run, plan_id: str, dynamodb: DynamoDBClient) -> str:
    """Id of a key whose limits a newer version wrote, beside one that is well."""
    for name in ("newer", "well"):
        assert run("keys", "create", "--name", name)[0] == 0
    (item,) = (one for one in records(dynamodb) if "newer" in one["limits"]["S"])
    item["limits"] = {"S": '{"name":"newer","colour":"red"}'}
    dynamodb.put_item(TableName=TABLE, Item=item)
    return str(item["id"]["S"])


def test_a_key_that_this_version_cannot_read_hides_no_other_and_can_be_revoked(
    run: Run, unreadable: str, dynamodb: DynamoDBClient
) -> None:
    code, out, _ = run("keys", "list")
    assert code == 0
    assert "well" in out
    assert "cannot be read: colour: unknown field" in out
    assert run("keys", "revoke", "well")[0] == 0
    assert run("keys", "revoke", unreadable)[0] == 0
    assert all("revoked_at" in one for one in records(dynamodb))


def test_a_key_that_this_version_cannot_read_is_not_overwritten(
    run: Run, unreadable: str, dynamodb: DynamoDBClient
) -> None:
    before = records(dynamodb)
    code, _, err = run("keys", "set", unreadable, "--rpm", "5")
    assert code == 1
    assert "colour: unknown field" in err
    assert records(dynamodb) == before


def test_a_key_is_refused_even_where_its_usage_key_cannot_be_deleted_and_the_command_says_so(
    run: Run, plan_id: str, dynamodb: DynamoDBClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("keys", "create")[0] == 0
    (item,) = records(dynamodb)

    def lost(self: UsageKeys, key_id: str) -> None:
        raise EndpointConnectionError(endpoint_url="https://apigateway")

    monkeypatch.setattr(UsageKeys, "delete", lost)
    code, _, err = run("keys", "revoke", item["id"]["S"])
    assert code == 1
    assert "it is refused from now on" in err
    assert "revoked_at" in records(dynamodb)[0]


def test_a_busy_table_is_an_error_with_words(
    run: Run, plan_id: str, dynamodb: DynamoDBClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(self: CircuitTable, deployments: object) -> None:
        raise TableBusyError

    monkeypatch.setattr(CircuitTable, "read", busy)
    code, _, err = run("circuits", "list")
    assert code == 1
    assert "DynamoDB throttles" in err


def test_no_command_waits_for_aws_without_an_end(
    run: Run, plan_id: str, dynamodb: DynamoDBClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits: dict[str, tuple[float, int]] = {}
    connect = boto3.Session.client

    def connected(self: boto3.Session, service: Any, **options: Any) -> Any:
        client: Any = connect(self, service, **options)
        config = client.meta.config
        limits[service] = (config.connect_timeout + config.read_timeout, config.retries["total_max_attempts"])
        return client

    monkeypatch.setattr(boto3.Session, "client", connected)
    assert run("keys", "create", "--max-usd", "5/day", "--name", "it")[0] == 0
    for words in ("keys show it", "keys budget add it 1", "keys revoke it", "circuits list", "spend"):
        assert run(*words.split(), "--stack", STACK)[0] == 0, words
    assert run("secrets", "set", "openai", stdin="sk-new")[0] == 0
    for words in ("mapping history", "rollback", "drill --stack", "drill --verify --stack"):
        run(*words.split(), *([] if words.endswith("stack") else ["--stack"]), STACK)  # the stage has none of these
    assert set(limits) >= {"cloudformation", "apigateway", "dynamodb", "secretsmanager"}
    assert all(seconds <= 25 and tries <= 3 for seconds, tries in limits.values()), limits
