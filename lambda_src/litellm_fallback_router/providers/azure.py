"""OpenAI's models at Azure, and Azure AI with those of others."""

from __future__ import annotations

from dataclasses import replace

from .anthropic import FINISH_REASONS as CLAUDES
from .claude import CLAUDE, claude_families
from .google import GEMINI_FAMILY
from .openai import CHAT, FINISH_REASONS
from .profile import OwnApi, Profile

_DIALECT = replace(
    CHAT, lacks=CHAT.lacks | {"safety_identifier", "service_tier", "metadata", "verbosity"}, metadata_if_stored=False
)
_SIGN_IN = frozenset({"azure_ad_token", "client_secret", "azure_password"})
_KEYS = ("AZURE_API_KEY", "AZURE_OPENAI_API_KEY")

AZURE = Profile(
    dialect=_DIALECT,
    finish_reasons=FINISH_REASONS,
    key_variables=_KEYS,
    sign_in_params=_SIGN_IN,
    priced_as="openai",
    caches_by_itself=True,
    own_api=OwnApi.AZURE,
    telemetry_name="azure.ai.openai",
    embedders=("",),
)
"""Its finish reasons are OpenAI's (Azure OpenAI REST API reference)."""
AZURE_TEXT = Profile(key_variables=_KEYS, sign_in_params=_SIGN_IN, priced_as="openai")
AZURE_AI = Profile(
    read_by_class=True, families=(*claude_families(CLAUDE, CLAUDES), GEMINI_FAMILY), sign_in_params=_SIGN_IN
)
AZURE_SPEECH = Profile(sign_in_params=_SIGN_IN)
