"""Who may call: a Lambda authorizer for API Gateway, TOKEN and REQUEST alike. One file, so that it starts in no time.

`Authorization: Bearer KEY` (or, on the paths of clients that have other headers, `x-api-key` and `api-key`) -> the
record of that key in the state table (`adapters/dynamodb/items.py` has its shape) -> a policy for the API's stage, and
the usage-plan key that throttles and meters this caller.

A key that is unknown, revoked or expired is denied, of which infra/api_errors.py makes a 401. To the function that is
no error: its errors, which an alarm counts, are the times when the table could not be asked, and then every caller gets
a 503. Access fails closed. API Gateway remembers the answer about a bearer key for a minute. Where a key may stand in
one of several headers it asks here for every request, since it could only wait for all of them; so the record is kept
here for as long.

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
PLAIN = re.compile(r"[!-~]{1,256}")
PLAIN_HEADERS = ("x-api-key", "api-key")
"""Where the clients of Anthropic and of Azure OpenAI put a key."""
REMEMBERED_SECONDS = 60
MOST_REMEMBERED = 1000
"""Records; when there are more, all are read again."""

logger = logging.getLogger("authorizer")
logger.setLevel(logging.INFO)
_table = os.environ["ROUTER_STATE_TABLE"]
_dynamodb = boto3.client(
    "dynamodb",
    # Three seconds at worst, inside the function's own limit.
    config=Config(connect_timeout=0.5, read_timeout=1, retries={"mode": "standard", "total_max_attempts": 2}),
)
_kept: dict[bytes, tuple[float, dict[str, Any]]] = {}
"""Digest of a key -> when its record was read (monotonic seconds), and the record. Unknown keys are not kept."""


class Refused(Exception):
    """`key_id`: whose key it is, if anyone's."""

    def __init__(self, why: str, key_id: str = "-") -> None:
        super().__init__(why)
        self.key_id = key_id


class KeysOutOfReachError(Exception):
    """API Gateway answers every error with AUTHORIZER_FAILURE."""


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Raises KeysOutOfReachError."""
    try:
        key = _key(event)
        record = _valid(_read(key) if event["type"] == "TOKEN" else _kept_record(key))
    except Refused as refused:
        logger.info("refused: %s, key %s", refused, refused.key_id)
        return _answer(event, "Deny", refused.key_id)
    key_id, plan = record["id"]["S"], record["plan"]["S"]
    return {
        **_answer(event, "Allow", key_id),
        "usageIdentifierKey": record["usage_key"]["S"],
        "context": {"key_id": key_id, "plan": plan, **_limits(record)},
    }


def _limits(record: dict[str, Any]) -> dict[str, str]:
    """What the key may do, as the record has it: one line of JSON. API Gateway takes texts, numbers and booleans in a
    context, and fails a call for anything else."""
    return {"limits": record["limits"]["S"]} if "limits" in record else {}


def _answer(event: dict[str, Any], effect: str, principal: str) -> dict[str, Any]:
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": _stage(event["methodArn"])}
    return {"principalId": principal, "policyDocument": {"Version": "2012-10-17", "Statement": [statement]}}


def _key(event: dict[str, Any]) -> str:
    token = event.get("authorizationToken")
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    token = headers.get("authorization") if token is None else token
    if isinstance(token, str) and (sent := BEARER.fullmatch(token)):
        return sent[1]
    for name in PLAIN_HEADERS:
        if isinstance(plain := headers.get(name), str) and PLAIN.fullmatch(plain):
            return plain
    raise Refused("no key")


def _kept_record(key: str) -> dict[str, Any]:
    """The record of `key`, at most a minute old."""
    digest, now = hashlib.sha256(key.encode()).digest(), time.monotonic()
    kept = _kept.get(digest)
    if kept is None or now - kept[0] >= REMEMBERED_SECONDS:
        if len(_kept) >= MOST_REMEMBERED:
            _kept.clear()
        kept = _kept[digest] = (now, _read(key))
    return kept[1]


def _read(key: str) -> dict[str, Any]:
    name = f"key#{hashlib.sha256(key.encode()).hexdigest()}"
    try:
        # Consistent: a revocation counts from the moment it is written.
        response = _dynamodb.get_item(TableName=_table, Key={"pk": {"S": name}}, ConsistentRead=True)
    except (BotoCoreError, ClientError) as error:
        logger.error("the key table could not be read: %s", type(error).__name__)  # noqa: TRY400 - no text of others
        raise KeysOutOfReachError("the key table could not be read") from None
    if "Item" not in response:
        raise Refused("unknown")
    return dict(response["Item"])


def _valid(record: dict[str, Any]) -> dict[str, Any]:
    if "revoked_at" in record:
        raise Refused("revoked", record["id"]["S"])
    if "expires_at" in record and int(record["expires_at"]["N"]) <= time.time():
        raise Refused("expired", record["id"]["S"])
    return record


def _stage(method_arn: str) -> str:
    """Every method of the API's stage, since API Gateway uses the answer for the caller's other requests too."""
    api, stage, *_ = method_arn.split("/")
    return f"{api}/{stage}/*"
