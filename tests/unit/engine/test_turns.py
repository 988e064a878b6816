"""A large request is translated in steps, between which others run; an ordinary one in one go."""

from __future__ import annotations

import asyncio
import json
import math
from typing import Any

import pytest

from litellm_fallback_router.engine.converse import TOOLS_AT_ONCE
from litellm_fallback_router.engine.provider import format_of
from litellm_fallback_router.routing import turns
from litellm_fallback_router.routing.types import Deployment, Message

MODEL = "us.amazon.nova-pro-v1:0"
NOVA = Deployment("m", "m", "bedrock", MODEL, f"bedrock/converse/{MODEL}", "key", region="us-east-1")
FORMATS = {
    "openai": Deployment("m", "m", "openai", "gpt-5.4", "openai/gpt-5.4", "key"),
    "anthropic": Deployment("m", "m", "anthropic", "claude-sonnet-4-6", "anthropic/claude-sonnet-4-6", "key"),
    "bedrock": NOVA,
}
MESSAGES: list[Message] = [{"role": "user", "content": "Where?"}]


async def sent(deployment: Deployment, params: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """The body, and how often others had their turn until it was made."""
    by, taken = format_of(deployment), 0
    assert by is not None

    async def others() -> None:
        nonlocal taken
        while True:
            await asyncio.sleep(0)
            taken += 1

    waiting = asyncio.create_task(others())
    call = await by.call(MESSAGES, params, "key", stream=False)
    waiting.cancel()
    return json.loads(call.outgoing.body), taken


@pytest.mark.parametrize("name", FORMATS)
async def test_others_run_between_the_steps_of_a_large_request(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "LONG_STEP", -1.0)
    _, taken = await sent(FORMATS[name], {})
    assert taken >= 3 * turns.TURNS - 1, "its copy, its translation and its JSON are a step each"


@pytest.mark.parametrize("name", FORMATS)
async def test_an_ordinary_request_gives_up_no_turn(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "LONG_STEP", math.inf)
    _, taken = await sent(FORMATS[name], {})
    assert taken == 0


async def test_many_tools_of_bedrocks_are_translated_some_at_a_time_and_arrive_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(turns, "LONG_STEP", -1.0)
    schema = {"type": "object", "properties": {"kind": {"enum": ["town", None], "default": None}}, "required": ["kind"]}
    names = [f"tool{number}" for number in range(3 * TOOLS_AT_ONCE)]
    tools = [{"type": "function", "function": {"name": name, "parameters": schema}} for name in names]
    body, taken = await sent(NOVA, {"tools": tools})
    specs = [tool["toolSpec"] for tool in body["toolConfig"]["tools"]]
    assert [spec["name"] for spec in specs] == names
    assert all(spec["inputSchema"]["json"] == schema for spec in specs)
    assert taken >= 6 * turns.TURNS - 1
