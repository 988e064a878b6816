"""The mapping of a stage as AWS AppConfig has it: read through Powertools, which holds the session.

Source: AWS AppConfig user guide, "Retrieving feature flags and configuration data"; API reference,
`GetLatestConfiguration`.
"""

from __future__ import annotations

import json
from typing import Any

import boto3
from aws_lambda_powertools.utilities.parameters import AppConfigProvider
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError
from botocore.config import Config
from botocore.exceptions import ClientError

from ..routing.errors import ConfigurationError

SHORTEST_POLL = 15
"""Seconds that AppConfig is told to expect between two readings at least; the smallest that it takes."""


class FeedLostError(Exception):
    """AppConfig could not be read. The text says why, in one word."""


class MappingFeed:
    """One session with AppConfig. Its token is good for one reading, so no two processes may share one: whoever is
    restored from a snapshot needs another."""

    def __init__(self, place: str, client: Any = None) -> None:
        """`place`: `APPLICATION/ENVIRONMENT/PROFILE`, ids or names. Raises botocore's NoRegionError."""
        self._application, self._environment, self._profile = place.split("/")
        self._client = client or _client()
        self._session = self._new_session()

    def latest(self) -> bytes | None:
        """What is deployed to this session now; None: nothing. Blocks, some seconds at worst. Raises FeedLostError."""
        try:
            value = self._session.get(
                self._profile, force_fetch=True, RequiredMinimumPollIntervalInSeconds=SHORTEST_POLL
            )
        except GetParameterError as error:
            # A token that was used up in a reading that failed is no good any more.
            self._session = self._new_session()
            cause = error.__context__
            if isinstance(cause, KeyError) or _code(cause) == "ResourceNotFoundException":
                return None
            raise FeedLostError(_code(cause) or type(cause).__name__) from error
        return value if isinstance(value, bytes) else str(value).encode()

    def _new_session(self) -> AppConfigProvider:
        return AppConfigProvider(self._environment, self._application, boto3_client=self._client)


def mapping_in(content: bytes) -> Any:
    """A mapping, not yet checked. Raises ConfigurationError."""
    try:
        mapping = json.loads(content)
    except ValueError as error:
        where = f" at line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise ConfigurationError([f"the mapping in AppConfig is no JSON{where}"]) from None
    except RecursionError:
        raise ConfigurationError(["the mapping in AppConfig is nested too deeply"]) from None
    if mapping is None:
        # Where a Router is built, None means the package's own.
        raise ConfigurationError(["the mapping in AppConfig is empty"])
    return mapping


def _client() -> Any:
    config = Config(connect_timeout=1, read_timeout=1.5, retries={"mode": "standard", "total_max_attempts": 2})
    return boto3.client("appconfigdata", config=config)


def _code(error: BaseException | None) -> str:
    return str(error.response["Error"].get("Code")) if isinstance(error, ClientError) else ""
