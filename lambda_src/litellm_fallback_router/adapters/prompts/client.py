"""Reads a prompt with Bedrock's GetPrompt. Blocking: for a thread.

boto3 rather than HTTP by hand: it finds the credentials, endpoints and error names of every partition, and a prompt
is read so seldom that its own cost does not count.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from ...routing.mapping import DRAFT

Read = Callable[[str, str], Mapping[str, Any]]
"""Id or ARN, and version -> GetPrompt's answer. Raises PromptMissingError, PromptUnreachableError."""

TRIES = 2
PAUSE = 0.1
"""Seconds between them."""
TRANSIENT = frozenset({"ThrottlingException", "InternalServerException", "ServiceUnavailableException"})
MISSING = frozenset({"ResourceNotFoundException", "ValidationException"})
_FIXES = {"AccessDeniedException": "allow the gateway's role bedrock:GetPrompt, and kms:Decrypt if it has a key"}


class PromptMissingError(Exception):
    """There is no such prompt, or no such version of it."""


class PromptUnreachableError(Exception):
    """Bedrock did not say. The text is fit for a log: an error's name, and the fix where there is one."""


def reader(region: str | None, **server: Any) -> Read:
    """Reads in `region`, or the process's own; `server` is boto3's `endpoint_url` and credentials where another takes
    Bedrock's place. Raises botocore's NoRegionError."""
    client = boto3.client(
        "bedrock-agent",
        region_name=region,
        **server,
        config=Config(connect_timeout=1, read_timeout=1.5, retries={"mode": "standard", "total_max_attempts": 1}),
    )

    def read(identifier: str, version: str) -> Mapping[str, Any]:
        asked = {"promptIdentifier": identifier}
        if version != DRAFT:
            asked["promptVersion"] = version
        for tries in range(1, TRIES + 1):
            try:
                answer: Mapping[str, Any] = client.get_prompt(**asked)
            except ClientError as error:
                code = str(error.response["Error"]["Code"])
                if code in MISSING:
                    raise PromptMissingError from error
                if tries == TRIES or code not in TRANSIENT:
                    fix = _FIXES.get(code)
                    raise PromptUnreachableError(f"{code}: {fix}" if fix else code) from error
            except BotoCoreError as error:
                if tries == TRIES or not isinstance(error, HTTPClientError):
                    raise PromptUnreachableError(type(error).__name__) from error
            else:
                return answer
            time.sleep(PAUSE)
        raise AssertionError("the last try returns or raises")

    return read
