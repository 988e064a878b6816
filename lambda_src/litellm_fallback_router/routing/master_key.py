"""How LiteLLM's `config.yaml` says who may call. Left unread, it would turn a closed proxy into an open gateway."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from .errors import ConfigurationError
from .litellm_config import recognises

REFERENCE = "os.environ/"
_PATH = "general_settings.master_key"
_OTHER_WAYS = ("custom_auth", "enable_jwt_auth", "enable_oauth2_auth", "enable_oauth2_proxy_auth")
"""Source: LiteLLM 1.106, `proxy/proxy_server.py` and `proxy/_types.py` (`ConfigGeneralSettings`)."""


def master_key(mapping: Any, lookup: Callable[[str], str | None]) -> str | None:
    """The key that callers of this config send; None: it asks for none.

    Raises ConfigurationError where it asks for one that is not there.
    """
    general = mapping.get("general_settings") if recognises(mapping) else None
    if not isinstance(general, Mapping) or "master_key" not in general:
        return None
    key = general["master_key"]
    if isinstance(key, str) and key.startswith(REFERENCE):
        name = key.removeprefix(REFERENCE)
        if not (key := (lookup(name) or "").strip()):
            raise ConfigurationError([f"{_PATH}: the environment has no {name}; set it, or remove {_PATH}"])
    if not isinstance(key, str) or not re.fullmatch(r"[!-~]+", key):
        raise ConfigurationError([f"{_PATH}: must be a key in printable ASCII without spaces; set one, or remove it"])
    return key


def other_ways(mapping: Any) -> list[str]:
    """What asks callers for something else, which nobody asks for here."""
    general = mapping.get("general_settings") if recognises(mapping) else None
    return [name for name in _OTHER_WAYS if general.get(name)] if isinstance(general, Mapping) else []
