"""Which deployments may take their key from a secret, and which key in it is theirs. One secret per provider."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from ..types import Deployment
from .deployments import REFERENCE
from .provider_names import AWS_PROVIDERS, GOOGLE_PROVIDERS, KEYLESS_PROVIDERS, is_foreign_server, key_variables

USABLE = re.compile(r"[!-~]+")
"""A key is sent in a header: printable ASCII without spaces."""


def secret_name(prefix: str, provider: str) -> str:
    """What the provider's secret is called in Secrets Manager."""
    return f"{prefix}/{provider}"


def secret_providers(deployments: Iterable[Deployment]) -> list[str]:
    """The providers whose key may come from a secret, in the mapping's order."""
    return list(dict.fromkeys(d.provider for d in deployments if wanted_names(d)))


def wanted_names(deployment: Deployment) -> tuple[str, ...]:
    """The names the key goes by, the likeliest first; none where no secret can help: a literal key, AWS and
    Google credentials, servers that take no key."""
    if deployment.api_key is not None:
        is_reference = deployment.api_key.startswith(REFERENCE)
        return (deployment.api_key.removeprefix(REFERENCE),) if is_reference else ()
    provider = deployment.provider
    if provider in AWS_PROVIDERS | GOOGLE_PROVIDERS | KEYLESS_PROVIDERS:
        return ()
    return () if is_foreign_server(provider, deployment.api_base) else key_variables(provider)


def key_in(secret: str, deployment: Deployment) -> str | None:
    """The deployment's key in its provider's secret; None where it is not there.

    A secret is the bare key, or a JSON object of names and keys, as the Secrets Manager console writes it.
    """
    names = wanted_names(deployment)
    keys = _named(secret)
    for name in names:
        if key := keys.get(name):
            return key
    # A key without a name of ours is the provider's own. It must not go to another company's server.
    own = not is_foreign_server(deployment.provider, deployment.api_base)
    usual = own or not set(names).isdisjoint(key_variables(deployment.provider))
    return next(iter(keys.values())) if names and usual and len(keys) == 1 else None


def holds_a_key(secret: str) -> bool:
    """Whether a secret with this text is of any use."""
    return bool(_named(secret))


def _named(secret: str) -> dict[str, str]:
    given: dict[str, object] = {"": secret}
    if secret.lstrip().startswith("{"):
        try:
            given = json.loads(secret)
        except ValueError:
            return {}
    stripped = {name: key.strip() for name, key in given.items() if isinstance(key, str)}
    return {name: key for name, key in stripped.items() if USABLE.fullmatch(key)}
