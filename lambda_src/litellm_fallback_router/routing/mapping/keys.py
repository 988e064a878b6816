"""Keys: what callers of a LiteLLM `config.yaml` send, and which deployments may take theirs from a secret.

Left unread, `master_key` would turn a closed proxy into an open gateway. There is one secret per provider.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ...providers import SignIn, is_foreign_server, key_variables
from ..errors import ConfigurationError
from ..types import Deployment
from .deployments import REFERENCE
from .litellm_config import is_litellm_config

USABLE = re.compile(r"[!-~]+")
"""A key is sent in a header: printable ASCII without spaces."""


def secret_name(prefix: str, provider: str) -> str:
    """The name in Secrets Manager, under `prefix`, of the secret with the keys of `provider`."""
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
    if deployment.profile.sign_in is not SignIn.KEY:
        return ()
    return () if is_foreign_server(provider, deployment.api_base) else key_variables(provider)


def key_in(secret: str, deployment: Deployment) -> str | None:
    """Find a deployment's key in its provider's secret.

    Args:
        secret: The bare key, or a JSON object of names and keys, as the Secrets Manager console writes it.
        deployment: The deployment that the key is for.

    Returns:
        The key; None where the secret does not hold it.
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


_PATH = "general_settings.master_key"
_USUAL = "LITELLM_MASTER_KEY"
"""Where LiteLLM looks for one that its config does not name. Source: LiteLLM 1.106, `proxy/proxy_server.py`."""
_OTHER_WAYS = ("custom_auth", "enable_jwt_auth", "enable_oauth2_auth", "enable_oauth2_proxy_auth")
"""Source: LiteLLM 1.106, `proxy/proxy_server.py` and `proxy/_types.py` (`ConfigGeneralSettings`)."""


def master_key(mapping: Any, lookup: Callable[[str], str | None]) -> str | None:
    """Find the key that callers of a LiteLLM config send.

    Args:
        mapping: The config, or a mapping of the router's own form.
        lookup: Gives an environment variable's value, or None.

    Returns:
        The key; None: the config has none.

    Raises:
        ConfigurationError: The config refers to a key that is not there.
    """
    if not is_litellm_config(mapping):
        return None
    general = mapping.get("general_settings") or {}
    if not isinstance(general, Mapping):
        raise ConfigurationError(["general_settings: must be an object, such as {master_key: KEY}"])
    if "master_key" not in general:
        return _usual(lookup)
    key = general["master_key"]
    if isinstance(key, str) and key.startswith(REFERENCE):
        name = key.removeprefix(REFERENCE)
        if not (key := (lookup(name) or "").strip()):
            raise ConfigurationError([f"{_PATH}: the environment has no {name}; set it, or remove {_PATH}"])
    if not isinstance(key, str) or not re.fullmatch(r"[!-~]+", key):
        raise ConfigurationError([f"{_PATH}: must be a key in printable ASCII without spaces; set one, or remove it"])
    return key


def _usual(lookup: Callable[[str], str | None]) -> str | None:
    if (said := lookup(_USUAL)) is None:
        return None
    if not re.fullmatch(r"[!-~]+", key := said.strip()):
        raise ConfigurationError([f"{_USUAL}: must be a key in printable ASCII without spaces; set one, or unset it"])
    return key


def other_ways(mapping: Any) -> list[str]:
    """Paths in the config of other ways to authenticate callers, which this gateway does not have."""
    if not is_litellm_config(mapping):
        return []
    general = mapping.get("general_settings")
    ways = [name for name in _OTHER_WAYS if general.get(name)] if isinstance(general, Mapping) else []
    # Other files may name a key, and are not read.
    return [*(f"general_settings.{way}" for way in ways), *(["include"] if mapping.get("include") else [])]
