"""What several deployments are sent of one conversation."""

from __future__ import annotations

import random
from typing import Any

import pytest

from litellm_fallback_router.routing.adaptation.steps import Conversation, adapt
from litellm_fallback_router.routing.plan.health import Health
from litellm_fallback_router.routing.plan.planner import plan
from litellm_fallback_router.routing.request.features import MessageFeatures
from litellm_fallback_router.routing.types import ChatRequest, Message, ModelInfo
from tests.support.scripted import config_of, deployment

SONNET = "us.anthropic.claude-sonnet-4-6"
HERE = deployment("here", provider="bedrock", model=SONNET, region="us-east-1")
THERE = deployment("there", provider="bedrock", model=SONNET, region="us-west-2")
DIRECT = deployment("direct", provider="anthropic", model="claude-sonnet-4-6", info=ModelInfo(prefill=False))
CALL = {"id": "a.b", "type": "function", "function": {"name": "f", "arguments": "broken"}}
CALLED: list[Message] = [
    {"role": "user", "content": "x"},
    {"role": "assistant", "content": " ", "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "a.b", "content": ""},
]
TOOLS = {"tools": [{"type": "function", "function": {"name": "f"}}]}


def test_who_takes_the_same_is_sent_the_same_and_told_the_same() -> None:
    request = ChatRequest("here", CALLED, TOOLS)
    found = plan(request, config_of(HERE, THERE, DIRECT), Health(), random.Random(1)).candidates
    here, there, direct = found
    assert (here.messages, here.adjusted) == (there.messages, there.adjusted)
    assert here.messages is not there.messages
    assert direct.messages[1]["tool_calls"][0]["id"] != "a.b"
    assert "tool call ids changed" in set(direct.adjusted) - set(here.adjusted)


@pytest.mark.parametrize("mark", [{}, {"cache_control": {"type": "ephemeral"}}])
def test_shared_or_not_it_is_what_one_alone_would_get(mark: dict[str, Any]) -> None:
    parts = [{"type": "text", "text": word, **mark} for word in ("a", "b", "c", "d", "e")]
    request = ChatRequest("here", [{"role": "user", "content": parts}, *CALLED], TOOLS)
    features = MessageFeatures.of(request.messages)
    conversation = Conversation(request.messages, features)
    for place in (HERE, THERE, DIRECT, HERE):
        assert adapt(place, request, features, conversation) == adapt(place, request, features)
