"""OpenAI's models at Azure, and Azure AI with those of others."""

from __future__ import annotations

from dataclasses import replace

from .anthropic import FINISH_REASONS as CLAUDES
from .claude import CLAUDE, claude_families
from .dialect import Dialect, Feature
from .google import GEMINI_FAMILY
from .openai import CHAT, FINISH_REASONS, GPT_5_2, GPT_5_4, reasoners
from .profile import OwnApi, Profile


def _at_azure(dialect: Dialect) -> Dialect:
    lacks = dialect.lacks | {"safety_identifier", "service_tier", "metadata", "verbosity"}
    # LiteLLM 1.106.2 (`AzureOpenAIGPT5Config`): of the models that reason these alone have been seen to give them.
    cannot = dialect.cannot if dialect in (CHAT, GPT_5_2, GPT_5_4) else dialect.cannot | {Feature.LOGPROBS}
    return replace(dialect, lacks=lacks, cannot=cannot, metadata_if_stored=False)


_SIGN_IN = frozenset({"azure_ad_token", "client_secret", "azure_password"})
_KEYS = ("AZURE_API_KEY", "AZURE_OPENAI_API_KEY")

AZURE = Profile(
    dialect=_at_azure(CHAT),
    families=(*claude_families(), *reasoners(_at_azure)),
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
