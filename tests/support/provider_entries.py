"""An entry of a mapping for each way in which LiteLLM sends, without an address."""

from __future__ import annotations

from typing import Any

KEY = "key-4711"
HEADER = "operators-header-4711"
PLACES: dict[str, dict[str, Any]] = {
    "openai": {"litellm_provider": "openai", "params": {"model": "gpt-4o", "api_key": KEY}},
    "anthropic": {"litellm_provider": "anthropic", "params": {"model": "claude-haiku-4-5", "api_key": KEY}},
    "azure": {"litellm_provider": "azure", "params": {"model": "gpt-4o", "api_key": KEY, "api_version": "2024-10-21"}},
    **{
        provider: {"litellm_provider": provider, "params": {"model": model, "api_key": KEY}}
        for provider, model in (
            ("hosted_vllm", "llama"),
            ("mistral", "mistral-large-latest"),
            ("deepseek", "deepseek-chat"),
            ("groq", "llama-3.3-70b-versatile"),
            ("openrouter", "openai/gpt-4o"),
            ("cohere_chat", "command-r"),
            ("gemini", "gemini-2.5-flash"),
            ("ollama_chat", "llama3"),
            ("ollama", "llama3"),
            ("databricks", "dbrx"),
        )
    },
}
"""One of each way in which LiteLLM sends: OpenAI's client, Azure's, its own HTTP clients."""
BEDROCK = {
    "aws_access_key_id": "AKID",
    "aws_secret_access_key": "secret",
    "region": "us-east-1",
    "extra_headers": {"x-team": HEADER},
}
