"""Providers that differ from the default in one or two facts. Source of the variables: LiteLLM 1.106
(`litellm_core_utils/get_llm_provider_logic.py`).
"""

from __future__ import annotations

from collections.abc import Mapping

from .claude import CLAUDE_BY_DATA, claude_families
from .google import BY_DATA
from .profile import Profile

_KEY_VARIABLES: Mapping[str, tuple[str, ...]] = {
    "ai21_chat": ("AI21_API_KEY",),
    "apertis": ("STIMA_API_KEY",),
    "cometapi": ("COMETAPI_KEY",),
    "datarobot": ("DATAROBOT_API_TOKEN",),
    "fireworks_ai": ("FIREWORKS_AI_API_KEY", "FIREWORKS_API_KEY"),
    "friendliai": ("FRIENDLI_TOKEN", "FRIENDLIAI_API_KEY"),
    "huggingface": ("HF_TOKEN", "HUGGINGFACE_API_KEY"),
    "lambda_ai": ("LAMBDA_API_KEY",),
    "meta_llama": ("LLAMA_API_KEY",),
    "nano-gpt": ("NANOGPT_API_KEY",),
    "perplexity": ("PERPLEXITYAI_API_KEY", "PERPLEXITY_API_KEY"),
    "replicate": ("REPLICATE_API_KEY", "REPLICATE_API_TOKEN"),
    "scaleway": ("SCW_SECRET_KEY",),
    "scx-ai": ("SCX_API_KEY",),
    "tensormesh": ("TENSORMESH_INFERENCE_API_KEY",),
    "text-completion-codestral": ("CODESTRAL_API_KEY",),
    "text-completion-inception": ("INCEPTION_API_KEY",),
    "together_ai": ("TOGETHERAI_API_KEY", "TOGETHER_API_KEY"),
    "veniceai": ("VENICE_AI_API_KEY",),
    "volcengine": ("VOLCENGINE_API_KEY", "ARK_API_KEY"),
    "watsonx": ("WATSONX_APIKEY", "WATSONX_API_KEY"),
    "watsonx_text": ("WATSONX_APIKEY", "WATSONX_API_KEY"),
}
_READ_BY_CLASS = frozenset(
    {"amazon_nova", "codestral", "cometapi", "compactifai", "edenai", "fireworks_ai", "groq", "mistral", "nadir"}
    | {"perplexity", "xai"}
)
_ELSEWHERE = frozenset({"datarobot", "huggingface", "watsonx"})
_STATES_PRICES = frozenset({"xai"})
"""xAI in `cost_in_usd_ticks`, which LiteLLM's class converts."""


def _profile(name: str) -> Profile:
    return Profile(
        key_variables=_KEY_VARIABLES.get(name, ()),
        read_by_class=name in _READ_BY_CLASS,
        asked_elsewhere=name in _ELSEWHERE,
        states_prices=name in _STATES_PRICES,
    )


OTHERS = {
    **{name: _profile(name) for name in sorted(_KEY_VARIABLES.keys() | _READ_BY_CLASS | _ELSEWHERE)},
    "openai_like": Profile(placeholder_key=True),
    "snowflake": Profile(dialect=BY_DATA, families=claude_families(CLAUDE_BY_DATA), key_variables=("SNOWFLAKE_JWT",)),
}
