"""The providers' keys: a literal in the mapping, a reference, or the provider's usual environment variable."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from litellm_fallback_router.routing.mapping import (
    AWS_PROVIDERS,
    GOOGLE_PROVIDERS,
    KEYLESS_PROVIDERS,
    REFERENCE,
    USABLE,
    is_foreign_server,
    key_variables,
    unresolved,
    wanted_names,
)
from litellm_fallback_router.routing.types import Deployment

_AWS_BEARER = "AWS_BEARER_TOKEN_BEDROCK"
_AWS_VARIABLES = (
    # Where botocore's credential chain looks, short of asking the network: EC2's metadata service is not
    # asked, so an instance role counts only with a ~/.aws/config.
    _AWS_BEARER,
    "AWS_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_LAMBDA_FUNCTION_NAME",
)
_AWS_FILES = (("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials"), ("AWS_CONFIG_FILE", ".aws/config"))
_AWS_SIGN_IN = ("aws_access_key_id", "aws_profile_name", "aws_role_name", "aws_web_identity_token")
_AZURE_SIGN_IN = ("azure_ad_token", "client_secret", "azure_password")
_GOOGLE_SIGN_IN = ("vertex_credentials", "vertex_project")
_GOOGLE_VARIABLES = ("GOOGLE_APPLICATION_CREDENTIALS", "VERTEXAI_PROJECT")


class EnvironmentKeys:
    """Keys from the environment, read at each call. `lookup` reads one variable; an empty one is missing."""

    def __init__(self, lookup: Callable[[str], str | None], home: Path | None = None) -> None:
        self._lookup = lookup
        self._home = home or Path("~")

    def missing(self, deployment: Deployment) -> str | None:
        if variables := unresolved(deployment):
            return f"incomplete: set {', '.join(variables)} and start again"
        if self.resolve(deployment) is not None:
            return None
        if (spoiled := self._spoiled(deployment)) is not None:
            return f"no key: {spoiled} is set, but not to printable ASCII without spaces, as a key is sent in a header"
        return None if self._needs_none(deployment) else f"no key: set {_variable(deployment)}"

    async def refresh(self, deployment: Deployment) -> bool:
        return False

    def resolve(self, deployment: Deployment) -> str | None:
        """The key to send; None where there is none, or none is needed (AWS and Google sign with other
        credentials, a server of one's own may take no key)."""
        if deployment.api_key:
            return self._dereferenced(deployment.api_key)
        provider = deployment.provider
        if provider in AWS_PROVIDERS | GOOGLE_PROVIDERS | KEYLESS_PROVIDERS:
            return None
        if is_foreign_server(provider, deployment.api_base):
            return None
        return next((key for name in key_variables(provider) if (key := self._read_key(name))), None)

    def _spoiled(self, deployment: Deployment) -> str | None:
        """The variable of a key that no header takes."""
        names = wanted_names(deployment)
        if deployment.provider in AWS_PROVIDERS and deployment.api_key is None:
            names = (_AWS_BEARER,)  # it comes before all other ways to sign in
        return next((name for name in names if self._read(name) and not self._read_key(name)), None)

    def _needs_none(self, deployment: Deployment) -> bool:
        """True where the call is signed without a key of the mapping's, or goes unsigned."""
        provider, extra = deployment.provider, deployment.extra
        if deployment.api_key:
            return False
        if provider in AWS_PROVIDERS:
            return self._has_aws(extra)
        if provider in GOOGLE_PROVIDERS:
            return not extra.keys().isdisjoint(_GOOGLE_SIGN_IN) or any(map(self._read, _GOOGLE_VARIABLES))
        if provider.startswith("azure") and not extra.keys().isdisjoint(_AZURE_SIGN_IN):
            return True
        return provider in KEYLESS_PROVIDERS or is_foreign_server(provider, deployment.api_base)

    def _has_aws(self, extra: Mapping[str, Any]) -> bool:
        if not extra.keys().isdisjoint(_AWS_SIGN_IN) or any(map(self._read, _AWS_VARIABLES)):
            return True
        if self._read("AWS_ACCESS_KEY_ID") and self._read("AWS_SECRET_ACCESS_KEY"):
            return True
        files = (Path(self._read(name) or self._home / usual) for name, usual in _AWS_FILES)
        return any(map(_exists, files))

    def _dereferenced(self, value: str) -> str | None:
        return self._read_key(value.removeprefix(REFERENCE)) if value.startswith(REFERENCE) else value

    def _read_key(self, name: str) -> str | None:
        key = self._read(name)
        return key if key and USABLE.fullmatch(key) else None

    def _read(self, name: str) -> str | None:
        return (self._lookup(name) or "").strip() or None


def _exists(file: Path) -> bool:
    try:
        return file.expanduser().is_file()
    except RuntimeError:  # no home directory, as in some containers
        return False


def _variable(deployment: Deployment) -> str:
    """The variable to set to give the deployment a key."""
    if deployment.api_key:
        return deployment.api_key.removeprefix(REFERENCE)
    if deployment.provider in AWS_PROVIDERS:
        return "AWS_BEARER_TOKEN_BEDROCK, or AWS credentials (AWS_PROFILE, or AWS_ACCESS_KEY_ID and its secret)"
    if deployment.provider in GOOGLE_PROVIDERS:
        return _GOOGLE_VARIABLES[0]
    return key_variables(deployment.provider)[0]
