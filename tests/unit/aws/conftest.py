"""AWS in memory: every AWS call of these tests ends in moto, never on a network."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Literal

import boto3
import pytest
from botocore.config import Config
from moto import mock_aws

from tests.support.commands import Run, command_runner
from tests.support.stacks import make_state_table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

TABLE = "gateway-state"


@pytest.fixture(autouse=True)
def _own_loggers() -> Iterator[None]:
    """Powertools sets a logger up once, for good; each test wants one that writes to its own stdout."""
    package = logging.getLogger("litellm_fallback_router")
    handlers, level = package.handlers, package.level
    yield
    package.handlers, package.propagate = handlers, True
    package.setLevel(level)
    logging.Logger.manager.loggerDict.pop("gateway-dev", None)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    with mock_aws():
        yield


@pytest.fixture
def dynamodb(aws: None) -> DynamoDBClient:
    """The state table, as the stack makes it."""
    client = boto3.client("dynamodb")
    make_state_table(client, TABLE)
    return client


@asynccontextmanager
async def silent_client(service: Literal["dynamodb", "secretsmanager"]) -> AsyncIterator[Any]:
    """A client of an endpoint that takes every connection and answers none."""
    endpoint = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    async with endpoint:
        yield boto3.client(
            service,
            region_name="us-east-1",
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
            endpoint_url=f"http://127.0.0.1:{endpoint.sockets[0].getsockname()[1]}",
            config=Config(read_timeout=3, retries={"total_max_attempts": 1}),
        )


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return command_runner(monkeypatch, capsys)
