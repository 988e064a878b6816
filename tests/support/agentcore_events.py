"""Calls of tools as AgentCore Gateway makes them.

Source: AgentCore developer guide, "AWS Lambda function targets", "Lambda function input format".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

EVENTS = Path(__file__).resolve().parents[1] / "events" / "agentcore"
"""Files `{"event": ..., "client_context": ...}`."""


def client_context(tool: str) -> dict[str, Any]:
    """`tool`: its full name, `TARGET___TOOL`."""
    return {
        "custom": {
            "bedrockAgentCoreMessageVersion": "1.0",
            "bedrockAgentCoreAwsRequestId": "0b1f8f2e-7c41-4a3e-9f0e-2b6a4d1c8e77",
            "bedrockAgentCoreMcpMessageId": "1",
            "bedrockAgentCoreGatewayId": "fallback-router-dev-a1b2c3d4e5",
            "bedrockAgentCoreTargetId": "A1B2C3D4E5",
            "bedrockAgentCoreToolName": tool,
        }
    }


@dataclass
class LambdaCall:
    """Lambda's context object, as its Python runtime makes it."""

    tool: str = "router___ask"
    seconds: float = 60.0
    aws_request_id: str = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"
    client_context: Any = field(init=False)

    def __post_init__(self) -> None:
        self.client_context = SimpleNamespace(**client_context(self.tool), env=None, client=None)

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1000)
