"""The providers' keys: a literal in the mapping, a reference, or the provider's usual environment variable."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from litellm_fallback_router.providers import SignIn, is_foreign_server, key_variables
from litellm_fallback_router.routing.mapping import (
    REFERENCE,
    USABLE,
    unresolved,
    wanted_names,
)
from litellm_fallback_router.routing.types import Deployment

_AWS_BEARER = "AWS_BEARER_TOKEN_BEDROCK"
_AWS_FILES = (("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials"), ("AWS_CONFIG_FILE", ".aws/config"))


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
        if deployment.profile.sign_in is not SignIn.KEY:
            return None
        if is_foreign_server(provider, deployment.api_base):
            return None
        return next((key for name in key_variables(provider) if (key := self._read_key(name))), None)

    def _spoiled(self, deployment: Deployment) -> str | None:
        """The variable of a key that no header takes."""
        names = wanted_names(deployment)
        if deployment.profile.sign_in is SignIn.AWS and deployment.api_key is None:
            names = (_AWS_BEARER,)  # it comes before all other ways to sign in
        return next((name for name in names if self._read(name) and not self._read_key(name)), None)

    def _needs_none(self, deployment: Deployment) -> bool:
        """True where the call is signed without a key of the mapping's, or goes unsigned."""
        profile = deployment.profile
        if deployment.api_key:
            return False
        if not profile.sign_in_params.isdisjoint(deployment.extra) or any(map(self._read, profile.sign_in_variables)):
            return True
        if profile.sign_in is SignIn.AWS:
            return self._has_aws()
        return profile.sign_in is SignIn.NONE or is_foreign_server(deployment.provider, deployment.api_base)

    def _has_aws(self) -> bool:
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
    return deployment.profile.sign_in_help or key_variables(deployment.provider)[0]
