"""The function that tidies old versions, as CloudFormation calls it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from infra import version_keeper
from tests.support.lambda_function import NAME, alias, function, published

CONTEXT = SimpleNamespace(log_stream_name="2026/11/29/[1]abc")


@pytest.fixture
def answers() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Where CloudFormation waits for the answer, and the answers."""
    heard: list[dict[str, Any]] = []

    class Door(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            assert self.headers["Content-Type"] == ""
            heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = HTTPServer(("127.0.0.1", 0), Door)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/answer", heard
    server.shutdown()
    thread.join(5)
    server.server_close()


def event(kind: str, url: str, name: str = NAME) -> dict[str, Any]:
    return {
        "RequestType": kind,
        "ResponseURL": url,
        "StackId": "stack",
        "RequestId": "request",
        "LogicalResourceId": "Run",
        "ResourceProperties": {"FunctionName": name, "Alias": "live", "Version": "5"},
    }


def test_the_newest_three_and_what_callers_get_are_kept(aws: None, answers: tuple[str, list[dict[str, Any]]]) -> None:
    url, heard = answers
    function(versions=6)
    alias("2", {"6": 0.1})
    version_keeper.handler(event("Update", url), CONTEXT)
    assert published() == ["2", "4", "5", "6"]
    assert heard == [
        {
            "StackId": "stack",
            "RequestId": "request",
            "LogicalResourceId": "Run",
            "Status": "SUCCESS",
            "PhysicalResourceId": CONTEXT.log_stream_name,
        }
    ]


@pytest.mark.parametrize("kind", ["Create", "Delete"])
def test_nothing_is_deleted_when_it_comes_or_goes(
    aws: None, answers: tuple[str, list[dict[str, Any]]], kind: str
) -> None:
    url, heard = answers
    function(versions=5)
    alias("5")
    version_keeper.handler(event(kind, url), CONTEXT)
    assert len(published()) == 5
    assert [one["Status"] for one in heard] == ["SUCCESS"]


def test_a_failure_fails_no_deployment_and_is_an_error_of_the_function(
    aws: None, answers: tuple[str, list[dict[str, Any]]]
) -> None:
    url, heard = answers
    with pytest.raises(ClientError):
        version_keeper.handler(event("Update", url, "no-such-function"), CONTEXT)
    assert [one["Status"] for one in heard] == ["SUCCESS"]


def test_the_function_itself_is_never_deleted(aws: None, answers: tuple[str, list[dict[str, Any]]]) -> None:
    url, _ = answers
    function(versions=1)
    alias("1")
    version_keeper.handler(event("Update", url), CONTEXT)
    assert boto3.client("lambda").get_function(FunctionName=NAME)["Configuration"]["FunctionName"] == NAME
