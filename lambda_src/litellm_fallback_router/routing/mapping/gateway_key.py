"""How LiteLLM's `config.yaml` says who may call. Left unread, it would turn a closed proxy into an open gateway."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import ConfigurationError
from .litellm_config import is_litellm_config

REFERENCE = "os.environ/"
_PATH = "general_settings.master_key"
_USUAL = "LITELLM_MASTER_KEY"
"""Where LiteLLM looks for one that its config does not name. Source: LiteLLM 1.106, `proxy/proxy_server.py`."""
_OTHER_WAYS = ("custom_auth", "enable_jwt_auth", "enable_oauth2_auth", "enable_oauth2_proxy_auth")
"""Source: LiteLLM 1.106, `proxy/proxy_server.py` and `proxy/_types.py` (`ConfigGeneralSettings`)."""


def master_key(mapping: Any, lookup: Callable[[str], str | None]) -> str | None:
    """The key that callers of this config send; None: it asks for none.

    Raises ConfigurationError where it asks for one that is not there.
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
    """What asks callers for something else, or may: nobody asks for it here. Paths in the config."""
    if not is_litellm_config(mapping):
        return []
    general = mapping.get("general_settings")
    ways = [name for name in _OTHER_WAYS if general.get(name)] if isinstance(general, Mapping) else []
    # Other files may name a key, and are not read.
    return [*(f"general_settings.{way}" for way in ways), *(["include"] if mapping.get("include") else [])]
