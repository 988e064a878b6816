"""How a model's name is read: whose it is, and how LiteLLM writes it. Source: LiteLLM 1.106
(`litellm_core_utils/get_llm_provider_logic.py`).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches

from ...providers import PROFILES, Profile, canonical_name, known_providers, provider_profile

_REGION = re.compile(r"[a-z]{2}(-gov|-iso[a-z]?)?-[a-z]+-\d")
_PROFILE = re.compile(r"(global|[a-z]{2}-gov|[a-z]{2}|apac)\.(.+)")


@dataclass(frozen=True, slots=True)
class Target:
    """Where a mapping entry points."""

    provider: str
    model: str
    """The provider's own model id."""
    litellm_model: str
    region: str | None = None
    """The Region inside the name: `bedrock/us-west-2/...`."""


def is_aws_region(text: str) -> bool:
    """True for text in the form of an AWS Region's name, such as `eu-west-1`."""
    return _REGION.fullmatch(text) is not None


def split_profile(model: str) -> tuple[str, str] | None:
    """`eu.amazon.nova-lite-v1:0` -> `eu` and the model's own id; None where it is no inference profile's."""
    found = _PROFILE.fullmatch(model)
    return (found[1], found[2]) if found else None


def check_provider(provider: str) -> None:
    """Raises ValueError with the fix where the provider is unknown."""
    known = known_providers()
    if canonical_name(provider) not in known:
        raise ValueError(f"unknown provider '{provider}'{did_you_mean(provider, known)}")


def target(name: str, provider: str | None) -> Target:
    """Split `openai/gpt-4o`, `bedrock/us-west-2/us.amazon.nova-2-lite-v1:0` or a bare model id.

    Raises ValueError with the fix where the provider is unknown or ambiguous.
    """
    prefix, _, rest = name.partition("/")
    provider = provider and canonical_name(provider)
    prefix = canonical_name(prefix) if rest else prefix
    if provider is None:
        provider = prefix if rest and prefix in known_providers() else _provider_of(name)
    else:
        check_provider(provider)
    model = rest if rest and prefix == provider else name
    profile = provider_profile(provider)
    if profile.usual_route is not None:
        return _routed(provider, profile, profile.usual_route, model)
    return Target(provider, model, f"{provider}/{model}")


def behind(provider: str, model: str, base_model: str | None) -> tuple[str, str]:
    """Provider and model of what a deployment really is: `base_model`, where its own name is not a model's."""
    if base_model is None:
        return provider, model
    try:
        known = target(base_model, None)
    except ValueError:
        return provider, base_model
    return known.provider, known.model


def names_another_provider(name: str, provider: str | None) -> str | None:
    """The provider in `anthropic/claude-...` where `litellm_provider` is another one that sells only its own."""
    prefix, _, rest = name.partition("/")
    if not rest or prefix == provider or prefix not in known_providers():
        return None
    if provider is None or not (profile := provider_profile(provider)).sells_only_own or prefix in profile.routes:
        return None
    return prefix


def did_you_mean(word: str, known: Collection[str]) -> str:
    """`; did you mean 'openai'?`, or nothing where no known word is close."""
    close = get_close_matches(word, known, n=1) or get_close_matches(word.lower(), known, n=1)
    return f"; did you mean '{close[0]}'?" if close else ""


def _provider_of(name: str) -> str:
    for provider, profile in PROFILES.items():
        if profile.bare_names is not None and profile.bare_names.match(name):
            return provider
    prefix, _, rest = name.partition("/")
    hint = did_you_mean(prefix, known_providers()) if rest else ""
    raise ValueError(f"cannot tell the provider{hint or '; add litellm_provider, or write provider/model'}")


def _routed(provider: str, profile: Profile, route: str, name: str) -> Target:
    """`route`: where the name has none."""
    region = None
    while True:
        first, _, rest = name.partition("/")
        if rest and first in profile.routes:
            route = first
        elif rest and is_aws_region(first):
            region = first
        else:
            return Target(provider, name, f"{provider}/{route}/{name}", region)
        name = rest
