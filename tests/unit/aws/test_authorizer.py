"""The authorizer, as API Gateway calls it."""

from __future__ import annotations

import importlib.util
import json
import time
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from litellm_fallback_router.adapters.dynamodb.items import KeyRecord
from litellm_fallback_router.adapters.dynamodb.key_records import KeyRecords
from litellm_fallback_router.routing.callers import Budget, CallerKey, Priority
from litellm_fallback_router.routing.key_fields import as_text, from_text
from tests.support.key_hashes import hash_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

SOURCE = Path(__file__).parents[3] / "lambda_src" / "authorizer.py"
TABLE = "gateway-state"
METHOD = "arn:aws:execute-api:us-east-1:123456789012:abc123/dev/POST/v1/chat/completions"
KEY = "sk-router-0123456789"
RECORD = KeyRecord(
    key_hash=hash_of(KEY),
    id="0123456789ab",
    plan="standard",
    usage_key="the-value-that-the-usage-plan-knows",
    usage_key_id="u1",
    created_at=1_790_000_000,
)


def load(monkeypatch: pytest.MonkeyPatch, table: str = TABLE) -> ModuleType:
    monkeypatch.setenv("ROUTER_STATE_TABLE", table)
    spec = importlib.util.spec_from_file_location("authorizer", SOURCE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def authorizer(dynamodb: DynamoDBClient, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return load(monkeypatch)


@pytest.fixture
def records(dynamodb: DynamoDBClient) -> KeyRecords:
    return KeyRecords(dynamodb, TABLE)


def ask(authorizer: ModuleType, token: Any = f"Bearer {KEY}") -> dict[str, Any]:
    event = {"type": "TOKEN", "methodArn": METHOD, "authorizationToken": token}
    answer: dict[str, Any] = authorizer.handler(event, None)
    return answer


def refused(answer: dict[str, Any]) -> bool:
    """Denied for the whole stage, without a usage-plan key: API Gateway says ACCESS_DENIED, and so 401."""
    (statement,) = answer["policyDocument"]["Statement"]
    assert statement["Resource"] == "arn:aws:execute-api:us-east-1:123456789012:abc123/dev/*"
    return bool(statement["Effect"] == "Deny" and answer.keys() == {"principalId", "policyDocument"})


def test_a_known_key_may_use_every_method_of_the_stage_and_is_metered(
    authorizer: ModuleType, records: KeyRecords
) -> None:
    records.add(RECORD)
    answer = ask(authorizer)
    (statement,) = answer["policyDocument"]["Statement"]
    assert (statement["Effect"], statement["Action"]) == ("Allow", "execute-api:Invoke")
    assert statement["Resource"] == "arn:aws:execute-api:us-east-1:123456789012:abc123/dev/*"
    assert answer["usageIdentifierKey"] == RECORD.usage_key
    assert answer["principalId"] == RECORD.id
    assert answer["context"] == {"key_id": RECORD.id, "plan": "standard"}
    assert KEY not in json.dumps(answer)


@pytest.mark.parametrize("kind", ["TOKEN", "REQUEST"])
def test_what_a_key_may_do_is_handed_on_as_one_text(authorizer: ModuleType, records: KeyRecords, kind: str) -> None:
    key = CallerKey(RECORD.id, "Équipe", ("openai-*",), max_usd=Budget.parse("50/day"), priority=Priority.BATCH)
    records.add(replace(RECORD, limits=as_text(key)))
    answer = ask(authorizer) if kind == "TOKEN" else ask_with(authorizer, x_api_key=KEY)
    context = answer["context"]
    assert all(type(value) is str for value in context.values()), "API Gateway fails a call for lists and objects"
    assert from_text(RECORD.id, context["limits"]) == key
    assert json.dumps(answer).isascii()


@pytest.mark.parametrize(
    "token",
    [
        5,
        1.5,
        True,
        {},
        {"Bearer": KEY},
        [f"Bearer {KEY}"],
        [],
        f"Bearer {KEY}".encode(),
        None,
        "",
        "Bearer",
        "Bearer ",
        KEY,
        "Basic abc",
        "Bearer sk-unknown",
        f"Bearer {KEY} x",
        f"Bearer {'k' * 300}",
    ],
)
def test_anything_but_a_known_bearer_key_is_a_401(authorizer: ModuleType, records: KeyRecords, token: Any) -> None:
    records.add(RECORD)
    answer = ask(authorizer, token)
    assert refused(answer)
    assert answer["principalId"] == "-"


def test_a_revoked_key_is_a_401_at_once(authorizer: ModuleType, records: KeyRecords) -> None:
    records.add(RECORD)
    ask(authorizer)
    records.revoke(RECORD, at=int(time.time()))
    answer = ask(authorizer)
    assert refused(answer)
    assert answer["principalId"] == RECORD.id, "the access log says whose key it was"


def test_a_key_is_a_401_from_the_second_it_expires(authorizer: ModuleType, records: KeyRecords) -> None:
    late = replace(RECORD, key_hash=hash_of("sk-late"), expires_at=int(time.time()))
    early = replace(RECORD, key_hash=hash_of("sk-early"), expires_at=int(time.time()) + 3600)
    records.add(late)
    records.add(early)
    assert ask(authorizer, "Bearer sk-early")["principalId"] == RECORD.id
    assert refused(ask(authorizer, "Bearer sk-late"))


def test_while_the_table_is_out_of_reach_nobody_gets_in(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    authorizer = load(monkeypatch, table="no-such-table")
    with pytest.raises(authorizer.KeysOutOfReachError) as raised:
        ask(authorizer)
    assert KEY not in str(raised.value)


def ask_with(authorizer: ModuleType, **headers: Any) -> dict[str, Any]:
    event = {"type": "REQUEST", "methodArn": METHOD, "headers": {n.replace("_", "-"): v for n, v in headers.items()}}
    answer: dict[str, Any] = authorizer.handler(event, None)
    return answer


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": f"Bearer {KEY}"},
        {"authorization": f"Bearer {KEY}", "x_api_key": "another"},
        {"X_Api_Key": KEY},
        {"api_key": KEY},
        {"Authorization": "Basic abc", "x_api_key": KEY},
    ],
)
def test_a_key_is_found_in_any_header_that_clients_have(
    authorizer: ModuleType, records: KeyRecords, headers: dict[str, str]
) -> None:
    records.add(RECORD)
    answer = ask_with(authorizer, **headers)
    assert (answer["principalId"], answer["usageIdentifierKey"]) == (RECORD.id, RECORD.usage_key)


@pytest.mark.parametrize(
    "headers",
    [{}, {"x_api_key": "sk-unknown"}, {"x_api_key": f"Bearer {KEY}"}, {"x_api_key": ""}, {"cookie": KEY}],
)
def test_no_key_in_any_header_is_a_401(authorizer: ModuleType, records: KeyRecords, headers: dict[str, str]) -> None:
    records.add(RECORD)
    assert refused(ask_with(authorizer, **headers))
    assert refused(authorizer.handler({"type": "REQUEST", "methodArn": METHOD, "headers": None}, None))


def test_where_api_gateway_remembers_nothing_a_record_is_kept_for_a_minute(
    authorizer: ModuleType, records: KeyRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.monotonic()
    monkeypatch.setattr(authorizer.time, "monotonic", lambda: now)
    records.add(RECORD)
    ask_with(authorizer, x_api_key=KEY)
    records.revoke(RECORD, at=int(time.time()))
    now += authorizer.REMEMBERED_SECONDS - 1
    assert not refused(ask_with(authorizer, x_api_key=KEY)), "as API Gateway would"
    assert refused(ask(authorizer)), "what API Gateway remembers itself is read each time"
    now += 1
    assert refused(ask_with(authorizer, x_api_key=KEY))


def test_an_expiry_counts_for_a_kept_record_too(
    authorizer: ModuleType, records: KeyRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    wall = time.time()
    monkeypatch.setattr(authorizer.time, "time", lambda: wall)
    records.add(replace(RECORD, expires_at=int(wall) + 10))
    assert not refused(ask_with(authorizer, x_api_key=KEY))
    wall += 10
    assert refused(ask_with(authorizer, x_api_key=KEY))


def test_kept_records_are_bounded(authorizer: ModuleType, records: KeyRecords, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authorizer, "MOST_REMEMBERED", 3)
    for number in range(8):
        key = f"sk-{number}"
        records.add(replace(RECORD, key_hash=hash_of(key)))
        assert not refused(ask_with(authorizer, x_api_key=key))
        assert len(authorizer._kept) <= 3


def test_the_header_is_read_as_clients_write_it(authorizer: ModuleType, records: KeyRecords) -> None:
    records.add(RECORD)
    for token in (f"bearer {KEY}", f"BEARER  {KEY}", f"Bearer {KEY} "):
        assert ask(authorizer, token)["principalId"] == RECORD.id


def test_nothing_but_the_aws_sdk_is_imported() -> None:
    imported = {line.split()[1].partition(".")[0] for line in SOURCE.read_text().splitlines() if _imports(line)}
    assert imported <= {"__future__", "boto3", "botocore", "hashlib", "logging", "os", "re", "time", "typing"}


def _imports(line: str) -> bool:
    return line.startswith(("import ", "from "))
