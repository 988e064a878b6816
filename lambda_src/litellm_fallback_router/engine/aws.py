"""AWS credentials, found off the event loop and kept for a while, and Signature Version 4.

Source: AWS, "Signature Version 4 for API requests"; botocore makes it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from ..routing.types import Deployment
from .loading import litellm

KEPT_SECONDS = 60.0
"""Then botocore is called again, which renews credentials that expire within minutes."""
WAYS_TO_SIGN_IN = (
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
    "aws_session_name",
    "aws_profile_name",
    "aws_role_name",
    "aws_web_identity_token",
    "aws_sts_endpoint",
    "aws_external_id",
    "aws_session_tags",
)
"""Parameters of a deployment that are credentials, or lead to them."""


class Credentials:
    """Those of one deployment."""

    def __init__(self, deployment: Deployment, region: str) -> None:
        self._named = {name: deployment.extra[name] for name in WAYS_TO_SIGN_IN if name in deployment.extra}
        self._region = region
        self._kept: Any = None
        self._renewed = -KEPT_SECONDS

    async def get(self) -> Any:
        """botocore's frozen credentials. Raises what botocore and LiteLLM raise where there are none."""
        now = asyncio.get_running_loop().time()
        if self._kept is not None and now < self._renewed + KEPT_SECONDS:
            return self._kept
        before, self._renewed = self._renewed, now  # others go on with those there are
        try:
            self._kept = await asyncio.to_thread(self._find)
        except BaseException:
            self._renewed = before
            raise
        return self._kept

    def _find(self) -> Any:
        from botocore.exceptions import NoCredentialsError  # noqa: PLC0415 - heavy, and loaded with LiteLLM

        aws = litellm().llms.bedrock.base_aws_llm.BaseAWSLLM()
        found = aws.get_credentials(**self._named, aws_region_name=self._region)
        if found is None:
            raise NoCredentialsError
        return found.get_frozen_credentials()


def signed(
    credentials: Any, region: str, url: str, headers: Mapping[str, str], body: bytes, *, service: str = "bedrock"
) -> dict[str, str]:
    """The headers with which that POST to a service of AWS is signed, and the others, which are not."""
    from botocore.auth import SigV4Auth  # noqa: PLC0415 - heavy, and loaded with LiteLLM
    from botocore.awsrequest import AWSRequest  # noqa: PLC0415

    request = AWSRequest("POST", url, data=body, headers={"content-type": "application/json"})
    SigV4Auth(credentials, service, region).add_auth(request)
    return {**request.headers, **headers}
