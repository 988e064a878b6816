"""The DynamoDB client, and what can go wrong with the table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient


class TableBusyError(Exception):
    """DynamoDB answered only a part of what was asked: it is throttling."""


TABLE_ERRORS = (BotoCoreError, ClientError, TableBusyError)
"""Everything that makes the table unusable for a while; anything else is a bug."""


def impatient_client() -> DynamoDBClient:
    """For work beside a request: no retries, half a second to connect and as much to answer.

    A request itself waits less (`Availability.WAIT`), but a first connection that takes longer is used by the next.
    """
    config = Config(
        connect_timeout=0.5, read_timeout=0.5, retries={"mode": "standard", "total_max_attempts": 1}, tcp_keepalive=True
    )
    return boto3.client("dynamodb", config=config)
