"""The providers' keys in AWS Secrets Manager: one secret per provider, `PREFIX/PROVIDER`.

A key is in this process's memory only: never in the environment, a log, a metric or an exception's text.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import TYPE_CHECKING, Protocol

import boto3
from aws_lambda_powertools.utilities.parameters import SecretsProvider
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError
from botocore.config import Config
from botocore.exceptions import ClientError

from ..routing.mapping import key_in, secret_name, secret_providers, unresolved, wanted_names
from ..routing.types import Deployment

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager.client import SecretsManagerClient

logger = logging.getLogger("litellm_fallback_router")

MAX_AGE = 300
"""Seconds that a key is used before it is read again."""
RETRY = 30.0
"""Seconds before a secret that is empty, missing or out of reach is looked for again."""
READ_TIMEOUT = 4.0
"""Seconds that a start, or a request after a 401, waits for Secrets Manager."""
RECENT = 120.0
"""Seconds in which a request may still be on its way with the key from before a change."""


class FirstKeys(Protocol):
    """Where a key is looked for before Secrets Manager."""

    def missing(self, deployment: Deployment) -> str | None: ...

    def resolve(self, deployment: Deployment) -> str | None: ...


@dataclass(frozen=True, slots=True)
class _Secret:
    """A secret as it was last read. Times are Unix seconds."""

    text: str = field(default="", repr=False)
    """Empty: there is none."""
    read_at: float = -math.inf
    """When the reading began."""
    due_at: float = -math.inf
    """When to read it again."""
    changed_at: float = -math.inf
    """Last time that one key took another's place."""
    trouble: str | None = "no answer yet"
    """Why the last reading gave nothing; None: it went well."""


class SecretKeys:
    """The `Keys` port: the environment's keys first, else the provider's secret.

    Nothing is read before `prefetch`: a snapshot that is taken of this process before it holds no key. After that
    a key that is due is read behind the requests, which go on with the one they have.
    """

    def __init__(
        self,
        first: FirstKeys,
        deployments: Iterable[Deployment],
        prefix: str,
        client: SecretsManagerClient | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`clock` gives Unix seconds: monotonic clocks stand still while a Lambda is frozen."""
        self._first = first
        self._prefix = prefix
        self._source = SecretsProvider(boto3_client=client or _client())
        self._clock = clock
        self._secrets: dict[str, _Secret] = {p: _Secret() for p in secret_providers(deployments)}
        self._started = False
        self._readers = ThreadPoolExecutor(max_workers=4, thread_name_prefix="secrets")
        self._reading: dict[str, Future[None]] = {}
        self._lock = Lock()

    def missing(self, deployment: Deployment) -> str | None:
        why = self._first.missing(deployment)
        if why is None or unresolved(deployment) or not wanted_names(deployment):
            return why
        if self._from_secret(deployment) is not None:
            return None
        return self._why_missing(deployment.provider)

    def resolve(self, deployment: Deployment) -> str | None:
        """The key to send; None where there is none, or none is needed."""
        key = self._first.resolve(deployment)
        if key is not None or self._first.missing(deployment) is None:
            return key
        return self._from_secret(deployment)

    async def refresh(self, deployment: Deployment) -> bool:
        """After a 401. True: the key is another one now, or was changed so recently that the refused one may be
        the one before."""
        provider, asked = deployment.provider, self._clock()
        if not wanted_names(deployment) or self._first.resolve(deployment) is not None:
            return False
        for _ in range(2):  # a reading that was under way may be older than the change: then one more
            if self._secrets[provider].read_at < asked:
                await asyncio.wait({asyncio.wrap_future(self._read_afresh(provider))}, timeout=READ_TIMEOUT / 2)
        return asked - self._secrets[provider].changed_at < RECENT

    def prefetch(self) -> None:
        """Read every secret afresh: at a start, and after a restore from a snapshot. Blocks `READ_TIMEOUT` at most."""
        self._started = True
        wait([self._read_afresh(provider) for provider in self._secrets], timeout=READ_TIMEOUT)

    def _from_secret(self, deployment: Deployment) -> str | None:
        secret = self._secrets.get(deployment.provider)
        if secret is None or not self._started:
            return None
        if self._clock() >= secret.due_at:
            self._read_afresh(deployment.provider)
        return key_in(secret.text, deployment)

    def _why_missing(self, provider: str) -> str:
        name = secret_name(self._prefix, provider)
        if not self._started:
            return f"secret {name} was not read yet: this environment's snapshot is still to be taken"
        trouble = self._secrets[provider].trouble
        if trouble is not None:
            return f"secret {name} could not be read ({trouble}); it is read again after {RETRY:.0f} s"
        return f"no key in secret {name}: run fallback-router secrets set {provider}"

    def _read_afresh(self, provider: str) -> Future[None]:
        """The reading under way, else a new one: concurrent requests share it."""
        with self._lock:
            reading = self._reading.get(provider)
            if reading is None or reading.done():
                reading = self._reading[provider] = self._readers.submit(self._read, provider)
            return reading

    def _read(self, provider: str) -> None:
        known, now = self._secrets[provider], self._clock()
        try:
            text = self._fetch(secret_name(self._prefix, provider))
        except GetParameterError as error:
            logger.warning("the secret of %s could not be read: %s", provider, _why(error))
            self._secrets[provider] = replace(known, due_at=now + RETRY, trouble=_why(error))
            return
        changed_at = now if known.text and text and text != known.text else known.changed_at
        self._secrets[provider] = _Secret(
            text, read_at=now, due_at=now + (MAX_AGE if text else RETRY), changed_at=changed_at, trouble=None
        )

    def _fetch(self, name: str) -> str:
        """The secret's text; empty where it holds nothing yet. Raises GetParameterError."""
        try:
            value = self._source.get(name, max_age=MAX_AGE, force_fetch=True)
        except GetParameterError as error:
            if _why(error) == "ResourceNotFoundException":
                return ""
            raise
        return value if isinstance(value, str) else ""


def write_secret(client: SecretsManagerClient, prefix: str, provider: str, key: str) -> None:
    """Put `key` where the gateway looks for it. Raises botocore's errors; the secret itself is made by the stack."""
    client.put_secret_value(SecretId=secret_name(prefix, provider), SecretString=key)


def read_secret(name: str, client: SecretsManagerClient | None = None) -> str:
    """The text of one secret, read now. Blocking; raises botocore's errors."""
    return (client or _client()).get_secret_value(SecretId=name)["SecretString"]


def _client() -> SecretsManagerClient:
    config = Config(connect_timeout=1, read_timeout=1.5, retries={"mode": "standard", "total_max_attempts": 2})
    return boto3.client("secretsmanager", config=config)


def _why(error: GetParameterError) -> str:
    """Name an error for the log. Powertools wraps what botocore raised, and keeps it only as the context."""
    cause = error.__context__
    return str(cause.response["Error"]["Code"]) if isinstance(cause, ClientError) else type(cause).__name__
