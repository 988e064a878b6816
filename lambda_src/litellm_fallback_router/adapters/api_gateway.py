"""The keys by which API Gateway throttles and meters callers. Callers never see them. Blocking."""

from __future__ import annotations

import math
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_apigateway.client import APIGatewayClient


class UsageKeys:
    """Raises botocore's errors."""

    def __init__(self, client: APIGatewayClient) -> None:
        self._client = client

    def create(self, name: str, plan_id: str, value: str | None = None) -> tuple[str, str]:
        """API Gateway's id of a new key on the usage plan, and the key's value, a random one unless given. All or
        nothing."""
        value = value or secrets.token_urlsafe(32)
        key_id = self._client.create_api_key(name=name, enabled=True, value=value)["id"]
        try:
            self._client.create_usage_plan_key(usagePlanId=plan_id, keyId=key_id, keyType="API_KEY")
        except (BotoCoreError, ClientError):
            self.delete(key_id)
            raise
        return key_id, value

    def rate_of(self, plan_id: str) -> float:
        """Requests a second that a usage plan allows each key; infinite where it sets no limit."""
        return self._client.get_usage_plan(usagePlanId=plan_id).get("throttle", {}).get("rateLimit", math.inf)

    def delete_named(self, name: str) -> None:
        """Delete the key of that name, whose id nobody knows. Harmless where it is gone already."""
        pages = self._client.get_paginator("get_api_keys").paginate(nameQuery=name)
        for key_id in [one["id"] for page in pages for one in page["items"] if one.get("name") == name]:
            self.delete(key_id)

    def delete(self, key_id: str) -> None:
        """Harmless where it is gone already."""
        with suppress(self._client.exceptions.NotFoundException):
            self._client.delete_api_key(apiKey=key_id)
