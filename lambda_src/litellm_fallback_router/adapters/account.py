"""Reads what an AWS account has and allows in one Region, before the gateway is deployed. Blocking; raises botocore's
errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config

BOOTSTRAP = "/cdk-bootstrap/hnb659fds/version"
"""Where `cdk bootstrap` leaves its version. Source: AWS CDK developer guide, "Bootstrap your environment"."""
SHORT = Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 3, "mode": "standard"})
"""Nobody waits longer than a minute and a quarter for one answer."""


@dataclass(frozen=True, slots=True)
class Concurrency:
    """Requests that Lambda works on at the same time, in the account and Region."""

    limit: int
    unreserved: int
    """What no function has reserved for itself."""


class Account:
    def __init__(self, session: boto3.Session) -> None:
        self._session = session

    def caller(self) -> str:
        """ARN of the caller that the credentials belong to."""
        return str(self._client("sts").get_caller_identity()["Arn"])

    def concurrency(self) -> Concurrency:
        limits = self._client("lambda").get_account_settings()["AccountLimit"]
        return Concurrency(limits["ConcurrentExecutions"], limits["UnreservedConcurrentExecutions"])

    def has_layer(self, arn: str) -> bool:
        """Whether that version of a layer is there, and offered to this account."""
        functions = self._client("lambda")
        try:
            functions.get_layer_version_by_arn(Arn=arn)
        except functions.exceptions.ResourceNotFoundException:
            return False
        return True

    def log_role(self) -> str | None:
        """ARN of the role by which API Gateway writes logs: one for the account and Region; None: there is none."""
        return self._client("apigateway").get_account().get("cloudwatchRoleArn") or None

    def bootstrap_version(self) -> int | None:
        """Version of CDK's own stack; None: CDK was never set up here."""
        parameters = self._client("ssm")
        try:
            return int(parameters.get_parameter(Name=BOOTSTRAP)["Parameter"]["Value"])
        except parameters.exceptions.ParameterNotFound:
            return None

    def _client(self, service: Any) -> Any:
        return self._session.client(service, config=SHORT)
