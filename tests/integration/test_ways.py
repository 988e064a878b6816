"""docs/providers.md says how each provider is asked: here that is computed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from litellm_fallback_router.engine.loading import litellm
from litellm_fallback_router.engine.provider import format_of
from litellm_fallback_router.providers import LITELLM_PROVIDERS as PROVIDERS
from litellm_fallback_router.providers import provider_profile
from tests.support.scripted import deployment

PAGE = Path(__file__).resolve().parents[2] / "docs" / "providers.md"
ROW = re.compile(r"^\| ([^|]+?) \| ([^|]+?) \|$", re.MULTILINE)
ENGINE = {
    "OpenAIFormat": "in OpenAI's format",
    "AzureFormat": "at Azure's addresses, in OpenAI's format",
    "AnthropicFormat": "in Anthropic's format",
    "ConverseFormat": "by Converse",
    "MantleFormat": "at Bedrock's OpenAI-compatible endpoint",
    "CohereFormat": "by LiteLLM's class for it",
    "GeminiFormat": "by LiteLLM's class for it",
    "OllamaFormat": "by LiteLLM's class for it",
}
SIGNS_IN = "public call: asked elsewhere than its class says, or somebody is asked first"
NO_CLASS = "public call: LiteLLM has no class for chat there"
UNFINISHED = "public call: its class leaves signing in, sending or reading to other code of LiteLLM's"


def way_of(provider: str, route: str = "") -> str:
    model = f"{route}{'claude-sonnet-4-6' if provider == 'anthropic' else 'some-model'}"
    base = "http://127.0.0.1:9/v1"
    known = format_of(deployment(model, provider=provider, litellm_model=f"{provider}/{model}", api_base=base))
    if known is not None:
        return ENGINE[type(known).__name__]
    if provider_profile(provider).asked_elsewhere:
        return SIGNS_IN
    library = litellm()
    if provider not in {one.value for one in library.LlmProviders}:
        return NO_CLASS
    manager = library.utils.ProviderConfigManager
    try:
        config = manager.get_provider_chat_config(model=model, provider=library.LlmProviders(provider))
    except Exception:  # noqa: BLE001 - it looks for more than the name
        return UNFINISHED
    return NO_CLASS if config is None else UNFINISHED


def computed() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for provider in PROVIDERS - {"bedrock"}:
        found.setdefault(way_of(provider), set()).add(f"`{provider}`")
    found.setdefault(way_of("bedrock", "converse/"), set()).add("`bedrock` (Converse)")
    found.setdefault(way_of("bedrock", "invoke/"), set()).add("`bedrock` (other routes)")
    return found


def test_the_page_says_how_each_provider_is_asked() -> None:
    written = {way: set(providers.split(", ")) for way, providers in ROW.findall(PAGE.read_text()) if "`" in providers}
    assert written == computed()


@pytest.mark.parametrize("name", ["azure", "cohere_chat", "fireworks_ai", "gemini", "groq", "mistral", "ollama", "xai"])
def test_the_known_ones_are_asked_by_the_engine(name: str) -> None:
    assert not way_of(name).startswith("public call")
