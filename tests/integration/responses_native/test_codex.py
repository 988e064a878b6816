"""What Codex sends, answered by OpenAI and by Claude."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from local.simulator import Fault, SimulatorControl
from tests.support.gateway import Gateway
from tests.support.responses_native import (
    QUESTION,
    sent,
)


def codex(**more: Any) -> dict[str, Any]:
    """What Codex 0.171 sends first, in short."""
    command = {"type": "object", "properties": {"cmd": {"type": "string"}}, "required": ["cmd"]}
    agents = {"type": "function", "name": "close_agent", "strict": False, "parameters": {"type": "object"}}

    def says(role: str, name: str, text: str) -> dict[str, Any]:
        content = [{"type": "input_text", "text": text}]
        return {"type": "message", "id": name, "role": role, "content": content}

    return {
        "stream": True,
        "input": [
            says("developer", "msg_c030a2d4-09ac-5e9e-9ff4-4c95b1a96693", "You are a coding agent."),
            says("user", "msg_01a227a2-c048-7dd1-a71d-8581c251ab62", "<environment_context>"),
            says("user", "msg_01a227a2-c04f-7240-aac8-c4cab322a24b", QUESTION),
        ],
        "tools": [
            {"type": "function", "name": "exec_command", "strict": False, "parameters": command},
            {"type": "namespace", "name": "multi_agent_v1", "description": "Sub-agents.", "tools": [agents]},
            *more.pop("tools", ()),
        ],
        "tool_choice": "auto",
        "parallel_tool_calls": True,
        "reasoning": {"summary": "auto"},
        "store": False,
        "include": ["reasoning.encrypted_content"],
        "prompt_cache_key": "01a227a2",
        "client_metadata": {"x-codex-installation-id": "9babd23c"},
        "router": {"explain": True},
        **more,
    }


def ended(gateway: Gateway, body: dict[str, Any]) -> dict[str, Any]:
    answer = httpx.post(f"{gateway.url}/v1/responses", json=body, timeout=30)
    assert answer.status_code == 200, answer.text
    last = json.loads(answer.text.strip().split("data: ")[-1])
    assert last["type"] == "response.completed"
    response: dict[str, Any] = last["response"]
    return response


def test_codex_is_answered_by_openai_with_all_its_tools(gateway: Gateway, simulator: SimulatorControl) -> None:
    simulator.reset()
    search = {"type": "web_search", "external_web_access": True}
    response = ended(gateway, codex(model="thinker", tools=[search]))
    assert response["router"]["attempts"][0]["adjusted"] == []
    assert sent(simulator, "gpt-5.4")["client_metadata"] == {"x-codex-installation-id": "9babd23c"}
    assert [tool["type"] for tool in sent(simulator, "gpt-5.4")["tools"]] == ["function", "namespace", "web_search"]


def test_codex_is_answered_by_claude_without_its_search(gateway: Gateway, simulator: SimulatorControl) -> None:
    simulator.reset()
    response = ended(gateway, codex(model="claude"))
    told = response["router"]["attempts"][0]["adjusted"]
    assert {
        "client_metadata dropped",
        "tools[1] sent as tools named multi_agent_v1__...",
        "tools[1].description dropped",
    } <= set(told)
    names = [tool["name"] for tool in sent(simulator, "claude-sonnet-4-6")["tools"]]
    assert names == ["exec_command", "multi_agent_v1__close_agent"]


@pytest.mark.parametrize(
    "agent", ["codex_exec/0.171.0 (Debian 12; x86_64)", "codex_cli_rs/0.171.0", "codex_vscode/0.171.0"]
)
def test_codex_does_not_ask_an_exhausted_chain_again(gateway: Gateway, simulator: SimulatorControl, agent: str) -> None:
    simulator.reset()
    for model in ("gpt-4o", "claude-sonnet-4-6"):
        simulator.inject(Fault(kind="model_not_found"), model=model)
    body = {"model": "plain", "input": QUESTION, "stream": True}
    answer = httpx.post(f"{gateway.url}/v1/responses", json=body, headers={"user-agent": agent}, timeout=30)
    assert (answer.status_code, answer.headers["x-router-status"]) == (400, "502")
    assert "failed" in answer.json()["error"]["message"]
    assert httpx.post(f"{gateway.url}/v1/responses", json=body, timeout=30).status_code == 502
