"""`tools` and `tool_choice` as a chat has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ....routing.adaptation import ANTHROPICS_OWN
from ....routing.errors import shown
from ....routing.request import missing
from ..notes import Notes, text_of
from .content import CACHE, marked

_CHOICES = {"auto": "auto", "any": "required", "none": "none"}


def translated_tools(tools: Sequence[Mapping[str, Any]], notes: Notes) -> list[dict[str, Any]]:
    """The caller's own. What Anthropic runs, or has taught Claude the use of, is pinned. Raises InvalidRequestError."""
    made = []
    for index, tool in enumerate(tools):
        path = f"tools[{index}]"
        if tool.get("type") in (None, "custom"):
            made.append(_function(tool, path, notes))
        else:
            notes.pin(path, shown(str(tool["type"]))[:40])
    return made


def _function(tool: Mapping[str, Any], path: str, notes: Notes) -> dict[str, Any]:
    if tool.get("input_schema") is None:
        raise missing(f"{path}.input_schema")
    for name in sorted(ANTHROPICS_OWN & tool.keys()):
        if tool[name] not in (None, False, [], ["direct"]):
            notes.drop(f"{path}.{name}")
    known = {"type", "name", "description", "input_schema", "strict", CACHE, *ANTHROPICS_OWN}
    notes.drop_rest(tool, known, path)
    function = {"name": text_of(tool, "name", path), "parameters": tool["input_schema"]}
    for name in ("description", "strict"):
        if tool.get(name) is not None:
            function[name] = tool[name]
    return marked({"type": "function", "function": function}, tool)


def translated_choice(choice: Mapping[str, Any], notes: Notes) -> dict[str, Any]:
    """The parameters that it becomes. Raises InvalidRequestError."""
    notes.drop_rest(choice, ("type", "name", "disable_parallel_tool_use"), "tool_choice")
    made: dict[str, Any] = {}
    if choice["type"] != "tool":
        made["tool_choice"] = _CHOICES[choice["type"]]
    elif "name" not in choice:
        raise missing("tool_choice.name")
    else:
        made["tool_choice"] = {"type": "function", "function": {"name": choice["name"]}}
    if choice.get("disable_parallel_tool_use"):
        made["parallel_tool_calls"] = False
    return made
