"""What is known of each provider. A new provider is a module with its `Profile` and a line in `PROFILES`; one without
is taken for a server with OpenAI's API and a key.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from urllib.parse import urlsplit

from .anthropic import ANTHROPIC
from .azure import AZURE, AZURE_AI, AZURE_SPEECH, AZURE_TEXT
from .bedrock import AWS, BEDROCK, MANTLE, PROFILE_REGIONS, SIMULATED_CREDENTIALS
from .claude import claude_families
from .cohere import COHERE
from .dialect import PENALTIES, UNKNOWN, Dialect, Feature, Parts
from .finish_reasons import OPENAI_REASONS, FinishReasons
from .google import GEMINI, VERTEX
from .local import LOCAL
from .names import LITELLM_PROVIDERS
from .openai import COMPLETIONS, OPENAI
from .openrouter import OPENROUTER
from .others import OTHERS
from .profile import Family, Override, OwnApi, Processing, Profile, SignIn, Simulator, merged

__all__ = [
    "LITELLM_PROVIDERS",
    "OPENAI_REASONS",
    "PENALTIES",
    "PROFILES",
    "PROFILE_REGIONS",
    "SIMULATED_CREDENTIALS",
    "Dialect",
    "Family",
    "Feature",
    "FinishReasons",
    "Override",
    "OwnApi",
    "Parts",
    "Processing",
    "Profile",
    "SignIn",
    "Simulator",
    "canonical_name",
    "is_foreign_server",
    "key_variables",
    "known_providers",
    "merged",
    "processes_itself",
    "profile_of",
    "provider_profile",
    "speaks_openai",
]

PROFILES: dict[str, Profile] = {
    "anthropic": ANTHROPIC,
    "azure": AZURE,
    "azure_ai": AZURE_AI,
    "azure_speech": AZURE_SPEECH,
    "azure_text": AZURE_TEXT,
    "bedrock": BEDROCK,
    "bedrock_mantle": MANTLE,
    "cohere": COHERE,
    "cohere_chat": COHERE,
    "gemini": GEMINI,
    "openai": OPENAI,
    "openrouter": OPENROUTER,
    "sagemaker": AWS,
    "sagemaker_chat": AWS,
    "sagemaker_nova": AWS,
    "text-completion-openai": COMPLETIONS,
    "vertex_ai": VERTEX,
    "vertex_ai_beta": replace(VERTEX, priced_as="vertex_ai"),
    **LOCAL,
    **OTHERS,
}
_DEFAULT = Profile()
_CLAUDE_EVERYWHERE = claude_families()
_MOST = 1024
"""Merged profiles that are kept; a mapping has fewer deployments."""


def provider_profile(provider: str) -> Profile:
    """Look up what is known of a provider, for any of its models."""
    return PROFILES.get(provider, _DEFAULT)


@lru_cache(maxsize=_MOST)
def profile_of(provider: str, model: str, *, compatible: bool = False, own_address: bool = True) -> Profile:
    """Look up what is known of a model at a provider: computed once, then kept.

    Args:
        provider: LiteLLM's name of the provider.
        model: The provider's own model id.
        compatible: Another server than the provider's has OpenAI's API there: nothing is assumed of what it takes.
        own_address: The mapping names no address (`api_base`).

    Returns:
        The provider's profile, merged with that of the first family the model belongs to.
    """
    profile = provider_profile(provider)
    families = _CLAUDE_EVERYWHERE if profile.families is None else profile.families
    override = next((one.override for one in families if one.pattern.search(model)), Override())
    profile = merged(profile, override)
    if not own_address:
        profile = merged(profile, profile.elsewhere)
    return merged(profile, Override(dialect=UNKNOWN)) if compatible else profile


def known_providers() -> frozenset[str]:
    """The names a mapping may have for a provider."""
    return LITELLM_PROVIDERS | PROFILES.keys()


def canonical_name(provider: str) -> str:
    """LiteLLM's usual name of a provider that it has several for (`bedrock_converse`)."""
    return next((name for name, one in PROFILES.items() if provider in one.aliases), provider)


def key_variables(provider: str) -> tuple[str, ...]:
    """The environment variables that usually hold the provider's key; the first is the one to recommend."""
    usual = provider.upper().replace("-", "_") + "_API_KEY"
    return provider_profile(provider).key_variables or (usual,)


def is_foreign_server(provider: str, api_base: str | None) -> bool:
    """True where `api_base` is not the provider's own (vLLM behind `openai/...`): it needs no key, and the
    provider's key must never be sent to it unasked."""
    return _is_outside(provider_profile(provider).own_domain, api_base)


def processes_itself(provider: str, api_base: str | None) -> bool:
    """Say who processes a deployment's prompts.

    Args:
        provider: LiteLLM's name of the provider.
        api_base: The address in the mapping, if any.

    Returns:
        True where prompts go to the provider's own endpoints, whose places it documents.
    """
    profile = provider_profile(provider)
    domain = profile.processing_domain or profile.own_domain
    return profile.processing is not None and not _is_outside(domain, api_base)


def speaks_openai(provider: str, api_base: str | None) -> bool:
    """Decide whether a deployment is another server than OpenAI's own with OpenAI's API.

    Args:
        provider: LiteLLM's name of the provider.
        api_base: The address in the mapping, if any.

    Returns:
        True for such a server.
    """
    profile = provider_profile(provider)
    return profile.openai_server or (profile.openai_format_elsewhere and is_foreign_server(provider, api_base))


def _is_outside(domain: str | None, api_base: str | None) -> bool:
    if api_base is None or domain is None:
        return False
    host = urlsplit(api_base).hostname or ""
    return host != domain and not host.endswith("." + domain)
