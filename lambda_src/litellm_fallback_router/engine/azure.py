"""Azure OpenAI: OpenAI's format at an address with the deployment's name in it, and with keys of its own.

Sources: Microsoft, "Azure OpenAI REST API reference" and "API version lifecycle".
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode

from ..routing.types import Deployment
from .addresses import Address, below
from .loading import chat_config, litellm
from .openai import CHAT, OpenAIFormat

VERSION = "api-version"
"""Name of the parameter of an address."""

SIGN_INS = ("tenant_id", "client_id", "azure_username", "azure_ad_token_provider")
"""Parameters of a deployment with which LiteLLM first fetches a token from Microsoft."""
SIGN_IN_VARIABLES = ("AZURE_CLIENT_ID", "AZURE_USERNAME")
NEWEST = frozenset({"v1", "latest", "preview"})
"""Versions of the API whose address has neither a version nor a deployment's name in it."""
MARKS = ("o_series/", "gpt5_series/")
"""LiteLLM's, for what kind of model it is; no part of the deployment's name."""


def azure_format(deployment: Deployment) -> AzureFormat | None:
    """None where LiteLLM's public call sends another request first, or makes a stream of a whole answer."""
    library, extra = litellm(), deployment.extra
    read = library.secret_managers.main.get_secret_str
    token = extra.get("azure_ad_token") or read("AZURE_AD_TOKEN")
    elsewhere = any(extra.get(name) for name in SIGN_INS) or any(read(name) for name in SIGN_IN_VARIABLES)
    if elsewhere or str(token).startswith("oidc/"):
        return None
    base = deployment.api_base or read("AZURE_API_BASE")
    model, *_ = library.get_llm_provider(model=deployment.litellm_model)
    known_as = deployment.base_model or model
    config = chat_config(known_as, "azure")
    if base is None or "gateway.ai.cloudflare.com" in base or config.should_fake_stream(known_as, stream=True):
        return None
    base, _, query = base.partition("?")
    base = _root(base)
    named = dict(parse_qsl(query))
    version = str(
        extra.get("api_version")
        or named.pop(VERSION, None)
        or read("AZURE_API_VERSION")
        or library.AZURE_DEFAULT_API_VERSION
    )
    url = below(f"{base}?{urlencode(named)}", lambda place: _url(place or "", model, version))
    return AzureFormat(deployment, Address(model, None, base, url, config), version, token)


class AzureFormat(OpenAIFormat):
    """One deployment of Azure's. Its requests have a key, or else a token of Microsoft's Entra."""

    def __init__(self, deployment: Deployment, at: Address, version: str, token: str | None) -> None:
        super().__init__(deployment, at, api_version=version)
        self._token = token
        self._bearer = version in NEWEST

    def _key_of(self, key: str | None) -> str | None:
        return key or self._token

    def _signed(self, messages: list[Any], optional: dict[str, Any], key: str) -> dict[str, str]:
        # A key that is none comes from nowhere else than the token.
        bearer = self._bearer or key == self._token
        return {"authorization": f"Bearer {key}"} if bearer else {"api-key": key}


def _root(base: str) -> str:
    """The resource's address, or a deployment's, of one that Azure's pages show: the whole of a "target URI", or what
    OpenAI's clients are given."""
    for tail in (CHAT, "/openai/v1", "/openai"):
        base = base.rstrip("/").removesuffix(tail)
    return base


def _url(base: str, model: str, version: str) -> str:
    if version in NEWEST:
        return f"{base}/openai/v1{CHAT}"
    for mark in MARKS:
        model = model.removeprefix(mark)
    place = base if "/openai/deployments" in base else f"{base}/openai/deployments/{model}"
    return f"{place}{CHAT}?{VERSION}={version}"
