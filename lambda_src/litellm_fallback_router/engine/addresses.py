"""A deployment's address in OpenAI's format, and LiteLLM's class for its peculiarities."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from ..providers import Profile
from ..routing.types import Deployment
from .loading import chat_config, litellm

NO_KEY = "none"
"""Sent to servers that an operator runs, which take any key, or none."""


@dataclass(frozen=True, slots=True)
class Address:
    """A deployment's address in OpenAI's format, as LiteLLM has it."""

    model: str
    key: str | None
    """Of the environment."""
    base: str | None
    url: str
    config: Any
    """LiteLLM's object for the provider's format."""
    by_class: bool = False
    """It reads the answers, too."""


def address_of(deployment: Deployment) -> Address | None:
    """None where LiteLLM's class for the provider differs from OpenAI's in more than how a request is written, where
    it goes, and what an answer holds beside text."""
    library = litellm()
    if deployment.profile.asked_elsewhere or deployment.provider not in _providers():
        return None
    own = library.OpenAIGPTConfig
    try:
        model, _, key, base = library.get_llm_provider(model=deployment.litellm_model, api_base=deployment.api_base)
        config = chat_config(model, deployment.provider)
        if not isinstance(config, own | library.OpenAIConfig) or type(config).sign_request is not own.sign_request:
            return None
        by_class = not _reads_openais(type(config))
        if by_class and not deployment.profile.read_by_class:
            return None
        base = base or _usual_base(deployment.profile, config)
        if base is None and type(config).get_complete_url is own.get_complete_url:
            # OpenAI's own address is no other provider's.
            return None
        version = {"api_version": deployment.extra.get("api_version")}
        url = below(base, lambda place: str(config.get_complete_url(place, None, model, {}, version)))
    except Exception:  # noqa: BLE001 - what it lacks to place a provider is an error of its public call
        return None
    return Address(model, key, base, url, config, by_class=by_class)


def goes_by_responses(provider: str, model: str, base: str | None, params: Mapping[str, Any]) -> bool:
    """Whether LiteLLM's public call asks the model by OpenAI's Responses API."""
    info, _ = litellm().main.responses_api_bridge_check(
        model=model,
        custom_llm_provider=provider,
        tools=params.get("tools"),
        reasoning_effort=params.get("reasoning_effort"),
        api_base=base,
    )
    return str(info.get("mode")) == "responses"


def key_for(deployment: Deployment, key: str | None) -> str | None:
    """The key; without one `NO_KEY` where the mapping names the server (`api_base`), else None."""
    return key or (NO_KEY if deployment.api_base is not None else None)


def below(base: str | None, complete: Callable[[str | None], str]) -> str:
    """The URL that `complete` makes of an address. A query of the address, as some gateways want, comes last."""
    place, _, query = (base or "").partition("?")
    url = complete(place.rstrip("/") or None)
    if not query:
        return url
    return f"{url}{'&' if '?' in url else '?'}{query}"


@cache
def _providers() -> frozenset[str]:
    """Those that LiteLLM has a name for."""
    return frozenset(one.value for one in litellm().LlmProviders)


def _reads_openais(config: Any) -> bool:
    """True for a class that takes answers and streams for OpenAI's own."""
    library = litellm()
    own, like = library.OpenAIGPTConfig, library.OpenAILikeChatConfig
    if config.get_model_response_iterator is not own.get_model_response_iterator:
        return False
    return config.transform_response in (own.transform_response, like.transform_response)


def _usual_base(profile: Profile, config: Any) -> str | None:
    if profile.address_in_litellm:
        base: str | None = config.get_api_base()
        return base
    if profile.base_variable is None:
        return None
    return litellm().secret_managers.main.get_secret_str(profile.base_variable) or profile.usual_base
