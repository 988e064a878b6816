"""Instructions among the messages of a body of Anthropic's, which only newer models take.

Sources: Anthropic, "Mid-conversation system messages" and "Per-message effort"; LiteLLM's price map
(`supports_mid_conversation_system`) for the models: since Opus 4.8 and the fifth generation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..report import Report

_WITHOUT = re.compile(r"claude-(instant|v?[123]\b|(sonnet|haiku)-4|opus-4(?!-[89]))")
_OF_MESSAGES = {"role", "content"}
EFFORT_BETAS = ("mid-conversation-output-config-", "per-turn-control-")
"""How betas begin that let a message have an effort. The second is Claude Code's."""


def fit_instructions(model: str, body: dict[str, Any], report: Report) -> None:
    """Changes `body`: where the model has one place for instructions, the others are appended to them there."""
    instructions = [message for message in body["messages"] if message["role"] == "system"]
    if not instructions or _WITHOUT.search(model) is None:
        return
    report.say("system messages moved to the front")
    body["messages"] = [message for message in body["messages"] if message["role"] != "system"]
    moved = [block for message in instructions for block in _texts(message, report)]
    if moved:
        body["system"] = [*_as_blocks(body.get("system")), *moved]


def without_efforts(body: dict[str, Any], report: Report) -> None:
    """Changes `body`: where messages can have no effort of their own, they have none."""
    messages = body["messages"]
    if not any("output_config" in message for message in messages):
        return
    report.say("messages output_config dropped")
    left = [{name: value for name, value in message.items() if name != "output_config"} for message in messages]
    body["messages"] = [message for message in left if message["role"] != "system" or message["content"]]


def _texts(message: Mapping[str, Any], report: Report) -> list[Any]:
    for name in message.keys() - _OF_MESSAGES:
        report.say(f"messages {name} dropped")
    blocks = _as_blocks(message["content"])
    for block in blocks:
        if block["type"] != "text":
            report.say(f"messages {block['type']} dropped")
    return [block for block in blocks if block["type"] == "text"]


def _as_blocks(content: Any) -> list[Any]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    return list(content or ())
