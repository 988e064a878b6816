"""The models, chains and strategies that ship. Data only; `ROUTER_CONFIG` names a file that replaces it.

`docs/mapping.md` describes every field. Keys are references, resolved when a call needs them.
"""

from __future__ import annotations

from typing import Any

_OPENAI_KEY = "os.environ/OPENAI_API_KEY"
_ANTHROPIC_KEY = "os.environ/ANTHROPIC_API_KEY"

ROUTER_STYLE_MAPPING: dict[str, Any] = {
    "model_list": [
        {
            "model_name": "openai-gpt4o",
            "litellm_provider": "openai",
            "params": {"model": "gpt-4o", "api_key": _OPENAI_KEY},
        },
        {
            "model_name": "openai-gpt4o-mini",
            "litellm_provider": "openai",
            "params": {"model": "gpt-4o-mini", "api_key": _OPENAI_KEY},
        },
        {
            "model_name": "anthropic-claude-sonnet",
            "litellm_provider": "anthropic",
            "params": {"model": "claude-sonnet-4-6", "api_key": _ANTHROPIC_KEY},
        },
        {
            "model_name": "anthropic-claude-haiku",
            "litellm_provider": "anthropic",
            "params": {"model": "claude-haiku-4-5", "api_key": _ANTHROPIC_KEY},
        },
        {
            "model_name": "bedrock-claude-sonnet",
            "litellm_provider": "bedrock",
            "params": {"model": "us.anthropic.claude-sonnet-4-6", "region": "us-east-1"},
        },
        {
            "model_name": "bedrock-claude-sonnet-west",
            "litellm_provider": "bedrock",
            "params": {"model": "us.anthropic.claude-sonnet-4-6", "region": "us-west-2"},
        },
        {
            "model_name": "bedrock-claude-haiku",
            "litellm_provider": "bedrock",
            "params": {"model": "us.anthropic.claude-haiku-4-5-20251001-v1:0", "region": "us-east-1"},
        },
        {
            "model_name": "bedrock-nova",
            "litellm_provider": "bedrock",
            "params": {"model": "us.amazon.nova-2-lite-v1:0", "region": "us-east-1"},
        },
        {
            "model_name": "bedrock-llama",
            "litellm_provider": "bedrock",
            "params": {
                "model": "us.meta.llama3-3-70b-instruct-v1:0",
                "region": "us-west-2",
                # The price map leaves these two open. Llama 3.3 70B takes text only (Meta's model card), and
                # is not among the models of Bedrock's structured outputs.
                "model_info": {"images": False, "json_schema": False},
            },
        },
    ],
    # A chain goes on through the fallbacks of its fallbacks: openai-gpt4o ends in bedrock-llama, four models later.
    "fallbacks": {
        "openai-gpt4o": ["anthropic-claude-sonnet"],
        "anthropic-claude-sonnet": ["bedrock-claude-sonnet"],
        "bedrock-claude-sonnet": ["bedrock-claude-sonnet-west"],
        "bedrock-claude-sonnet-west": ["bedrock-llama"],
        "openai-gpt4o-mini": ["anthropic-claude-haiku"],
        "anthropic-claude-haiku": ["bedrock-claude-haiku"],
        "bedrock-claude-haiku": ["bedrock-nova"],
        "bedrock-nova": ["bedrock-llama"],
    },
    "strategies": {
        "cost-optimized": ["bedrock-claude-haiku", "openai-gpt4o-mini", "anthropic-claude-sonnet"],
        "performance-optimized": ["openai-gpt4o-mini", "bedrock-claude-sonnet"],
        "multi-region-bedrock": ["bedrock-claude-sonnet", "bedrock-claude-sonnet-west", "bedrock-llama"],
    },
    "settings": {},
}
