"""Tools that come and go in the course of a conversation, which a chat offers from its beginning to its end: those that
are there in the end.

Source: Anthropic's SDK (2.12), `beta_request_tool_addition_block_param.py`, `beta_request_tool_removal_block_param.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ....routing.errors import shown
from ....routing.request import wrong_type
from ..notes import Notes, text_of

KINDS = frozenset({"tool_addition", "tool_removal"})


class ToolChanges:
    """Gathers the changes of one conversation, in order."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._defined: list[Mapping[str, Any]] = []
        self._gone: set[str] = set()

    def add(self, block: Mapping[str, Any], path: str) -> None:
        """Raises InvalidRequestError, naming the place."""
        tool, place = block.get("tool"), f"{path}.tool"
        if not isinstance(tool, dict):
            raise wrong_type(place, "an object", tool)
        kind = text_of(tool, "type", place)
        if kind == "tool_definition" and isinstance(tool.get("definition"), dict):
            self._defined.append(tool["definition"])
            self._gone.discard(str(tool["definition"].get("name")))
        elif kind == "tool_reference":
            name = text_of(tool, "name", place)
            (self._gone.discard if block["type"] == "tool_addition" else self._gone.add)(name)
        else:
            self._notes.pin(place, shown(kind)[:40])
        self._notes.say(f"{path} told by the tools that are sent")

    def applied_to(self, tools: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """The tools of a request as they are in the end."""
        return [tool for tool in (*tools, *self._defined) if tool.get("name") not in self._gone]
