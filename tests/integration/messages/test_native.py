"""Bodies that Claude is sent as they came, and what is left out of them."""

from __future__ import annotations

from typing import Any

import anthropic
import pytest
from anthropic import Anthropic

from local.simulator import SimulatorControl
from tests.support.messages_events import WEATHER, streamed
from tests.support.three_providers import PARIS


def test_claude_is_sent_the_body_as_it_came(client: Anthropic, simulator: SimulatorControl) -> None:
    body: dict[str, Any] = {
        "max_tokens": 300,
        "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
        "messages": PARIS,
        "tools": [{**WEATHER, "eager_input_streaming": True}],
        "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
        "metadata": {"user_id": "u1"},
        "service_tier": "standard_only",
    }
    betas = {"anthropic-beta": "context-1m-2025-08-07,interleaved-thinking-2025-05-14"}
    client.messages.create(model="anthropic", extra_headers=betas, extra_query={"beta": "true"}, **body)
    (sent,) = simulator.requests()
    assert sent.body == {"model": "claude-sonnet-4-6", **body}
    assert sent.headers["anthropic-beta"] == betas["anthropic-beta"]


def test_server_tools_are_asked_of_claude_alone(client: Anthropic, simulator: SimulatorControl) -> None:
    search: Any = {"type": "web_search_20250305", "name": "web_search"}
    answer = client.messages.create(model="thrifty", max_tokens=100, messages=PARIS, tools=[search])
    assert answer.model == "claude-sonnet-4-6"
    assert simulator.requests()[0].body["tools"] == [search]
    with pytest.raises(anthropic.BadRequestError, match=r"tools\[0\] \(web_search_20250305\)"):
        client.messages.create(
            model="llama", max_tokens=100, messages=PARIS, tools=[search], extra_body={"router": {"fallback": False}}
        )


def test_what_claude_did_not_sign_never_reaches_it(client: Anthropic, simulator: SimulatorControl) -> None:
    foreign = {"type": "thinking", "thinking": "hm", "signature": "fallback-router:gpt-5.4"}
    said: Any = {"role": "assistant", "content": [foreign, {"type": "text", "text": "Yes?"}]}
    answer = client.messages.create(
        model="anthropic", max_tokens=100, messages=[*PARIS, said, *PARIS], extra_body={"router": {"explain": True}}
    )
    assert simulator.requests()[0].body["messages"][1]["content"] == [{"type": "text", "text": "Yes?"}]
    assert (answer.model_extra or {})["router"]["attempts"][0]["adjusted"] == ["thinking blocks dropped"]


def test_betas_of_the_account_are_dropped_and_said(client: Anthropic, simulator: SimulatorControl) -> None:
    betas = {"anthropic-beta": "admin-user-sign-out-2026-10-08, context-1m-2025-08-07"}
    answer = client.messages.create(
        model="anthropic",
        max_tokens=10,
        messages=PARIS,
        extra_headers=betas,
        extra_body={"router": {"explain": True}},
    )
    assert simulator.requests()[0].headers["anthropic-beta"] == "context-1m-2025-08-07"
    assert (answer.model_extra or {})["router"]["attempts"][0]["adjusted"] == ["anthropic-beta dropped"]


@pytest.mark.parametrize("stream", [False, True])
def test_bedrocks_claude_is_invoked_with_the_body_as_it_came(
    *, client: Anthropic, simulator: SimulatorControl, stream: bool
) -> None:
    body: dict[str, Any] = {
        "max_tokens": 2000,
        "messages": PARIS,
        "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        "tools": [WEATHER],
        "thinking": {"type": "adaptive"},
        "output_config": {"effort": "low"},
        "metadata": {"user_id": "u1"},
    }
    betas = {"anthropic-beta": "context-1m-2025-08-07,claude-code-20250219"}
    with_router = {"router": {"explain": True}}
    if stream:
        asked: dict[str, Any] = {"model": "bedrock", "extra_headers": betas, "extra_body": with_router, **body}
        events = streamed(client, **asked)
        assert events[0].message.id.startswith("msg_01")
        told = events[-2].model_extra["router"]
    else:
        answer = client.messages.create(model="bedrock", extra_headers=betas, extra_body=with_router, **body)
        assert answer.id.startswith("msg_01")
        told = (answer.model_extra or {})["router"]
    (sent,) = simulator.requests()
    assert sent.path.endswith("/invoke-with-response-stream" if stream else "/invoke")
    version = {"anthropic_version": "bedrock-2023-05-31", "anthropic_beta": ["context-1m-2025-08-07"]}
    assert sent.body == {**version, **body}
    assert told["attempts"][0]["adjusted"] == ["anthropic-beta dropped"]
    assert told["cost_usd"] > 0
