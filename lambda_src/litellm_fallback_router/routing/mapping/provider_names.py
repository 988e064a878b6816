"""What providers are called, how a model's name is written for LiteLLM, and which variable holds a key.

Source: LiteLLM 1.106 (`types/utils.py` LlmProviders, `llms/openai_like/providers.json`,
`litellm_core_utils/get_llm_provider_logic.py`, `llms/bedrock/common_utils.py`). A test compares the list.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from urllib.parse import urlsplit

_PROVIDER_NAMES = """
    a2a a2a_agent abliteration ai21 ai21_chat aihubmix aiml aiohttp_openai amazon_nova anthropic
    anthropic_text apertis assemblyai auto_router aws_polly aws_textract azure azure_ai azure_speech
    azure_text baseten bedrock bedrock_mantle black_forest_labs bytez cerebras charity_engine chatgpt
    chutes clarifai cloudflare codestral cognition cohere cohere_chat cometapi compactifai cortecs
    crusoe cursor custom custom_openai darkbloom dashscope databricks datarobot deepgram deepinfra
    deepseek docker_model_runner dotprompt edenai elevenlabs empiriolabs empower fal_ai featherless_ai
    fireworks_ai friendliai galadriel gdc gemini gigachat github github_copilot gmi gradient_ai groq
    helicone heroku hosted_vllm huggingface humanloop hyperbolic inception infinity jina_ai lambda_ai
    langflow langfuse langgraph lemonade libertai litellm_agent litellm_proxy llamafile llamagate
    lm_studio manus maritalk meta meta_llama milvus minimax mistral modelscope mongodb moonshot morph
    nadir nano-gpt nebius neosantara nlp_cloud novita nscale nvidia_nim nvidia_riva oci ollama
    ollama_chat oobabooga openai openai_like openrouter ovhcloud parasail perplexity petals pg_vector
    pinstripes poe predibase prism publicai qwen_ai_platform qwencloud ragflow recraft reducto reka
    replicate runwayml s3_vectors sagemaker sagemaker_chat sagemaker_nova sail sambanova sap sarvam
    scaleway scx-ai snowflake soniox stability strands_decider synthetic tencent tensormesh
    text-completion-codestral text-completion-inception text-completion-openai together_ai topaz
    transcribe triton typesafe v0 valkey veniceai vercel_ai_gateway vertex_ai vertex_ai_beta vllm
    volcengine voyage wandb watsonx watsonx_text xai xiaomi_mimo xinference zai
"""
PROVIDERS = frozenset(_PROVIDER_NAMES.split())

AWS_PROVIDERS = frozenset({"bedrock", "sagemaker", "sagemaker_chat", "sagemaker_nova"})
GOOGLE_PROVIDERS = frozenset({"vertex_ai", "vertex_ai_beta"})
_KEYLESS_NAMES = """
    ollama ollama_chat vllm hosted_vllm lm_studio llamafile xinference docker_model_runner lemonade oobabooga
    petals triton infinity custom oci github_copilot chatgpt auto_router gdc
"""
KEYLESS_PROVIDERS = frozenset(_KEYLESS_NAMES.split())
"""Servers people run themselves, and providers whose sign-in LiteLLM does without a key."""

_KEY_VARIABLES: dict[str, tuple[str, ...]] = {
    "ai21_chat": ("AI21_API_KEY",),
    "apertis": ("STIMA_API_KEY",),
    "azure": ("AZURE_API_KEY", "AZURE_OPENAI_API_KEY"),
    "azure_text": ("AZURE_API_KEY", "AZURE_OPENAI_API_KEY"),
    "cohere": ("COHERE_API_KEY", "CO_API_KEY"),
    "cohere_chat": ("COHERE_API_KEY", "CO_API_KEY"),
    "cometapi": ("COMETAPI_KEY",),
    "datarobot": ("DATAROBOT_API_TOKEN",),
    "fireworks_ai": ("FIREWORKS_AI_API_KEY", "FIREWORKS_API_KEY"),
    "friendliai": ("FRIENDLI_TOKEN", "FRIENDLIAI_API_KEY"),
    "gemini": ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    "huggingface": ("HF_TOKEN", "HUGGINGFACE_API_KEY"),
    "lambda_ai": ("LAMBDA_API_KEY",),
    "meta_llama": ("LLAMA_API_KEY",),
    "nano-gpt": ("NANOGPT_API_KEY",),
    "perplexity": ("PERPLEXITYAI_API_KEY", "PERPLEXITY_API_KEY"),
    "replicate": ("REPLICATE_API_KEY", "REPLICATE_API_TOKEN"),
    "scaleway": ("SCW_SECRET_KEY",),
    "scx-ai": ("SCX_API_KEY",),
    "snowflake": ("SNOWFLAKE_JWT",),
    "tensormesh": ("TENSORMESH_INFERENCE_API_KEY",),
    "text-completion-codestral": ("CODESTRAL_API_KEY",),
    "text-completion-inception": ("INCEPTION_API_KEY",),
    "text-completion-openai": ("OPENAI_API_KEY",),
    "together_ai": ("TOGETHERAI_API_KEY", "TOGETHER_API_KEY"),
    "veniceai": ("VENICE_AI_API_KEY",),
    "volcengine": ("VOLCENGINE_API_KEY", "ARK_API_KEY"),
    "watsonx": ("WATSONX_APIKEY", "WATSONX_API_KEY"),
    "watsonx_text": ("WATSONX_APIKEY", "WATSONX_API_KEY"),
}
_OPENAI_SERVERS = frozenset({"hosted_vllm", "lm_studio"})
_OWN_DOMAINS = {"openai": "openai.com", "anthropic": "anthropic.com"}
_ROUTE_NAMES = """
    converse converse_like invoke claude_platform agent agentcore async_invoke openai mantle chat_completions
"""
_BEDROCK_ROUTES = frozenset(_ROUTE_NAMES.split())
_REGION = re.compile(r"[a-z]{2}(-gov|-iso[a-z]?)?-[a-z]+-\d")
_PROFILE = re.compile(r"(global|[a-z]{2}-gov|[a-z]{2}|apac)\.(.+)")
_BARE_NAMES = (
    (re.compile(r"(gpt-|chatgpt-|text-embedding-(3-|ada-)|o[1-9](-|$))"), "openai"),
    (re.compile(r"claude-"), "anthropic"),
    (re.compile(r"arn:aws[a-z-]*:bedrock:"), "bedrock"),
    (re.compile(r"([a-z-]+\.)?(ai21|amazon|anthropic|cohere|deepseek|meta|mistral|openai|qwen)\."), "bedrock"),
)


@dataclass(frozen=True, slots=True)
class Target:
    """Where a mapping entry points."""

    provider: str
    model: str
    """The provider's own model id."""
    litellm_model: str
    region: str | None = None
    """The Region inside the name: `bedrock/us-west-2/...`."""


def key_variables(provider: str) -> tuple[str, ...]:
    """The environment variables that usually hold the provider's key; the first is the one to recommend."""
    usual = provider.upper().replace("-", "_") + "_API_KEY"
    return _KEY_VARIABLES.get(provider, (usual,))


def is_foreign_server(provider: str, api_base: str | None) -> bool:
    """True where `api_base` is not the provider's own (vLLM behind `openai/...`): it needs no key, and the
    provider's key must never be sent to it unasked."""
    domain = _OWN_DOMAINS.get(provider)
    if api_base is None or domain is None:
        return False
    host = urlsplit(api_base).hostname or ""
    return host != domain and not host.endswith("." + domain)


def speaks_openai(provider: str, api_base: str | None) -> bool:
    """True for another server than OpenAI's own that speaks its API."""
    return is_foreign_server(provider, api_base) if provider == "openai" else provider in _OPENAI_SERVERS


def is_aws_region(text: str) -> bool:
    return _REGION.fullmatch(text) is not None


def split_profile(model: str) -> tuple[str, str] | None:
    """`eu.amazon.nova-lite-v1:0` -> `eu` and the model's own id; None where it is no inference profile's."""
    found = _PROFILE.fullmatch(model)
    return (found[1], found[2]) if found else None


def check_provider(provider: str) -> None:
    """Raises ValueError with the fix where the provider is unknown."""
    if provider not in PROVIDERS and provider != "bedrock_converse":
        raise ValueError(f"unknown provider '{provider}'{did_you_mean(provider, PROVIDERS)}")


def target(name: str, provider: str | None) -> Target:
    """Split `openai/gpt-4o`, `bedrock/us-west-2/us.amazon.nova-2-lite-v1:0` or a bare model id.

    Raises ValueError with the fix where the provider is unknown or cannot be told.
    """
    prefix, _, rest = name.partition("/")
    if provider == "bedrock_converse":
        provider = "bedrock"
    if prefix == "bedrock_converse" and rest:
        prefix = "bedrock"
    if provider is None:
        provider = prefix if rest and prefix in PROVIDERS else _provider_of(name)
    else:
        check_provider(provider)
    model = rest if rest and prefix == provider else name
    if provider == "bedrock":
        return _bedrock_target(model)
    return Target(provider, model, f"{provider}/{model}")


def names_another_provider(name: str, provider: str | None) -> str | None:
    """The provider in `anthropic/claude-...` where `litellm_provider` is another one that sells only its own."""
    prefix, _, rest = name.partition("/")
    if not rest or prefix == provider or prefix not in PROVIDERS:
        return None
    if provider == "bedrock" and prefix in _BEDROCK_ROUTES:
        return None
    return prefix if provider in {"openai", "anthropic", "bedrock"} else None


def did_you_mean(word: str, known: frozenset[str] | list[str]) -> str:
    """`; did you mean 'openai'?`, or nothing where no known word is close."""
    close = get_close_matches(word, known, n=1) or get_close_matches(word.lower(), known, n=1)
    return f"; did you mean '{close[0]}'?" if close else ""


def _provider_of(name: str) -> str:
    for pattern, provider in _BARE_NAMES:
        if pattern.match(name):
            return provider
    prefix, _, rest = name.partition("/")
    hint = did_you_mean(prefix, PROVIDERS) if rest else ""
    raise ValueError(f"cannot tell the provider{hint or '; add litellm_provider, or write provider/model'}")


def _bedrock_target(name: str) -> Target:
    route, region = "converse", None
    while True:
        first, _, rest = name.partition("/")
        if rest and first in _BEDROCK_ROUTES:
            route = first
        elif rest and is_aws_region(first):
            region = first
        else:
            return Target("bedrock", name, f"bedrock/{route}/{name}", region)
        name = rest
