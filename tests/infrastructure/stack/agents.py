"""A stack with AgentCore in front of the router, as tests look at it."""

from __future__ import annotations

from typing import Any

from tests.infrastructure.stack.templates import ACCOUNT, Synthesized, flat

AGENT = f"arn:aws:iam::{ACCOUNT}:role/agents/support-agent"
USER = f"arn:aws:iam::{ACCOUNT}:user/alice"
CALLS_AS = f"arn:aws:sts::{ACCOUNT}:assumed-role/support-agent"
TABLE: dict[str, Any] = {
    "allow": {
        "support": {"principals": [AGENT], "models": ["cost-optimized", "bedrock-nova"], "max_tokens": 1024},
        "people": {"principals": [USER], "models": ["openai-gpt4o"], "tools": ["ask", "chat_completion"]},
    }
}


def policies(synthesized: Synthesized) -> dict[str, dict[str, Any]]:
    """Name -> properties."""
    found = synthesized.of("AWS::BedrockAgentCore::Policy").values()
    return {one["Properties"]["Name"]: flat(one["Properties"]) for one in found}


def shown_tools(synthesized: Synthesized) -> list[dict[str, Any]]:
    target = synthesized.only("AWS::BedrockAgentCore::GatewayTarget")
    shown: list[dict[str, Any]] = target["TargetConfiguration"]["Mcp"]["Lambda"]["ToolSchema"]["InlinePayload"]
    return shown
