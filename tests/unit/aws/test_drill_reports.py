"""The reports of a stage's drills, in its state table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from litellm_fallback_router.adapters.dynamodb.drill_reports import KEPT_DAYS, TableReports
from litellm_fallback_router.adapters.lambda_versions import ALIAS, invoked
from litellm_fallback_router.drill import Hop, Price, Proof, Report, SealError, check_seals, keep, sealed
from litellm_fallback_router.drill.asking import Answer

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

TABLE, REGION, NOW = "gateway-state", "us-east-1", 1_790_000_000
KEY = b"a key of the tests"


def report(at: int = NOW) -> Report:
    hop = Hop("a", 1, "a", (Answer("whole", "proven", seconds=0.4, cost_usd=0.001, answered_by="a"),))
    proofs = {"a": Proof(at, "openai:a")}
    return Report(at, "stage", "m" * 64, 1.5, 0.25, 0.001, (hop,), (), {"a": Price(1.0, 2.0, None)}, proofs)


@pytest.fixture
def reports(dynamodb: DynamoDBClient) -> TableReports:
    return TableReports(dynamodb, TABLE, REGION, lambda: NOW)


def filled(reports: TableReports, count: int) -> list[Report]:
    kept: list[Report] = []
    for number in range(count):
        one = keep(report(NOW + number), kept[-1] if kept else None, reports, KEY)
        assert one is not None
        kept.append(one)
    return kept


def item(dynamodb: DynamoDBClient, name: str) -> dict[str, Any]:
    return dict(dynamodb.get_item(TableName=TABLE, Key={"pk": {"S": f"drill#{REGION}#{name}"}})["Item"])


def test_reports_come_back_in_their_row_as_they_were_sealed(reports: TableReports) -> None:
    assert (reports.last(), reports.all()) == (None, [])
    kept = filled(reports, 3)
    assert reports.last() == kept[-1]
    assert reports.all() == kept
    assert check_seals(reports.all(), KEY) == 3


def test_each_report_ends_after_its_days(reports: TableReports, dynamodb: DynamoDBClient) -> None:
    filled(reports, 2)
    ends = {item(dynamodb, name)["ttl"]["N"] for name in ("00000001", "00000002", "newest")}
    assert ends == {str(NOW + KEPT_DAYS * 86_400)}


def test_reports_that_have_ended_leave_a_row_that_still_verifies(
    reports: TableReports, dynamodb: DynamoDBClient
) -> None:
    kept = filled(reports, 3)
    dynamodb.delete_item(TableName=TABLE, Key={"pk": {"S": f"drill#{REGION}#00000001"}})
    assert reports.all() == kept[1:]
    assert check_seals(reports.all(), KEY) == 2


def test_two_drills_at_once_never_make_the_row_fork(reports: TableReports) -> None:
    (first,) = filled(reports, 1)
    ours, theirs = (sealed(report(NOW + n), first, KEY) for n in (1, 2))
    assert reports.add(ours)
    assert not reports.add(theirs)
    assert keep(theirs, first, reports, KEY) is not None
    assert check_seals(reports.all(), KEY) == 3


def test_a_drill_that_ended_before_it_said_which_is_the_newest_is_found(
    reports: TableReports, dynamodb: DynamoDBClient
) -> None:
    filled(reports, 1)
    before = item(dynamodb, "newest")
    kept = filled_behind(reports)
    dynamodb.put_item(TableName=TABLE, Item=before)
    assert reports.last() == kept
    assert keep(report(NOW + 9), kept, reports, KEY) is not None
    assert check_seals(reports.all(), KEY) == 3


def filled_behind(reports: TableReports) -> Report:
    kept = keep(report(NOW + 1), reports.last(), reports, KEY)
    assert kept is not None
    return kept


def test_regions_have_rows_of_their_own(reports: TableReports, dynamodb: DynamoDBClient) -> None:
    filled(reports, 2)
    other = TableReports(dynamodb, TABLE, "eu-west-1", lambda: NOW)
    assert other.last() is None
    filled(other, 1)
    assert (len(reports.all()), len(other.all())) == (2, 1)


@pytest.mark.parametrize("value", [b"", b"\x1f\x8b\x08 no gzip", b"[]"])
def test_an_item_that_is_no_report_is_named(reports: TableReports, dynamodb: DynamoDBClient, value: bytes) -> None:
    filled(reports, 1)
    dynamodb.put_item(TableName=TABLE, Item={**item(dynamodb, "00000001"), "report": {"B": value}})
    with pytest.raises(SealError, match="item drill#us-east-1#00000001 of gateway-state"):
        reports.last()


def test_what_a_function_says_is_read_with_and_without_the_head_of_a_stream(aws: None) -> None:
    class Function:
        asked: dict[str, Any]

        def __init__(self, payload: bytes) -> None:
            self._payload = payload

        def invoke(self, **asked: Any) -> dict[str, Any]:
            self.asked = asked
            return {"Payload": self}

        def read(self) -> bytes:
            return self._payload

    whole, streamed = Function(b'{"digest": "d"}'), Function(b'{"statusCode": 200}' + b"\0" * 8 + b'{"digest": "d"}')
    assert invoked(whole, "f", {"a": 1}) == invoked(streamed, "f", {"a": 1}) == '{"digest": "d"}'
    assert whole.asked == {"FunctionName": "f", "Qualifier": ALIAS, "Payload": b'{"a": 1}'}
    assert len(invoked(Function(b"x" * 2000), "f", {})) == 500
