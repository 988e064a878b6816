"""Tool calls that a prompt dictates word for word, for clients that work in loops of tools.

    Then call Edit with {"path": "a.txt", "old": "1", "new": "2"} and call Read with {"path": "a.txt"}.

is one call a turn, in that order; after the last of them the model answers. Which comes next is counted from the calls
that stand in the conversation already.
"""

import json
import re
import secrets
from collections.abc import Mapping
from typing import Any

from local.simulator.conversation import Call, Text, Tool, ToolCall, Turn

_DICTATED = re.compile(r"\bcall ([\w.-]+) with (?=\{)")
_SEPARATOR = "__"  # between a server's or a namespace's name and a tool's own, where names are made of both


def next_dictated(call: Call) -> ToolCall | None:
    """The dictated call whose turn it is; None where nothing is dictated, all is done, or there is no such tool."""
    for at in range(len(call.turns) - 1, -1, -1):
        if dictated := _dictated_in(call.turns[at]):
            done = sum(isinstance(part, ToolCall) for turn in call.turns[at:] for part in turn.parts)
            if done >= len(dictated):
                return None
            name, arguments = dictated[done]
            tool = next((tool for tool in call.tools if _is_named(tool, name)), None)
            return ToolCall(secrets.token_hex(12), tool.name, arguments) if tool else None
    return None


def _dictated_in(turn: Turn) -> list[tuple[str, Mapping[str, Any]]]:
    if turn.role != "user":
        return []
    texts = [part.text for part in turn.parts if isinstance(part, Text)]
    return [found for text in texts for match in _DICTATED.finditer(text) if (found := _read(text, match))]


def _read(text: str, match: re.Match[str]) -> tuple[str, Mapping[str, Any]] | None:
    try:
        arguments, _ = json.JSONDecoder().raw_decode(text, match.end())
    except ValueError:
        return None  # prose with a brace in it
    return match[1], arguments


def _is_named(tool: Tool, name: str) -> bool:
    return tool.name == name or tool.name.endswith(f"{_SEPARATOR}{name}")
