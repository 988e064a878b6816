"""Who may call: a Lambda TOKEN authorizer for API Gateway. One file, so that it starts in no time.

`Authorization: Bearer KEY` -> the record of that key in the state table (`adapters/dynamodb/items.py` has its shape)
-> a policy for the API's stage, and the usage-plan key that throttles and meters this caller.

A key that is unknown, revoked or expired is refused with 401. So is every caller, with 500, while the table cannot be
asked: access fails closed. Nothing is remembered here; API Gateway remembers a permission as long as it was set up to.

Source: API Gateway developer guide, "Output from an API Gateway Lambda authorizer" and "Input to an API Gateway Lambda
authorizer".
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import time
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

BEARER = re.compile(r"bearer +([!-~]{1,256}) *", re.IGNORECASE)

logger = logging.getLogger("authorizer")
logger.setLevel(logging.INFO)
_table = os.environ["ROUTER_STATE_TABLE"]
_dynamodb = boto3.client(
    "dynamodb",
    # Three seconds at worst, inside the function's own limit.
    config=Config(connect_timeout=0.5, read_timeout=1, retries={"mode": "standard", "total_max_attempts": 2}),
)


class Unauthorized(Exception):
    """API Gateway answers 401 to exactly this text."""

    def __init__(self) -> None:
        super().__init__("Unauthorized")


class KeysOutOfReachError(Exception):
    """API Gateway answers 500 to any other error."""


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Raises Unauthorized or KeysOutOfReachError."""
    record = _record(_key(event))
    key_id, plan = record["id"]["S"], record["plan"]["S"]
    if "revoked_at" in record:
        raise _refused("revoked", key_id)
    if "expires_at" in record and int(record["expires_at"]["N"]) <= time.time():
        raise _refused("expired", key_id)
    return {
        "principalId": key_id,
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [{"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": _stage(event["methodArn"])}],
        },
        "usageIdentifierKey": record["usage_key"]["S"],
        "context": {"key_id": key_id, "plan": plan},
    }


def _key(event: dict[str, Any]) -> str:
    sent = BEARER.fullmatch(event.get("authorizationToken") or "")
    if sent is None:
        raise _refused("no bearer key")
    return sent[1]


def _record(key: str) -> dict[str, Any]:
    name = f"key#{hashlib.sha256(key.encode()).hexdigest()}"
    try:
        # Consistent: a revocation counts from the moment it is written.
        response = _dynamodb.get_item(TableName=_table, Key={"pk": {"S": name}}, ConsistentRead=True)
    except (BotoCoreError, ClientError) as error:
        logger.error("the key table could not be read: %s", type(error).__name__)  # noqa: TRY400 - no text of others
        raise KeysOutOfReachError("the key table could not be read") from None
    if "Item" not in response:
        raise _refused("unknown")
    return dict(response["Item"])


def _refused(why: str, key_id: str = "-") -> Unauthorized:
    logger.info("refused: %s, key %s", why, key_id)
    return Unauthorized()


def _stage(method_arn: str) -> str:
    """Every method of the API's stage, since API Gateway uses the answer for the caller's other requests too."""
    api, stage, *_ = method_arn.split("/")
    return f"{api}/{stage}/*"
