"""`system` and `messages` as chat messages.

A result of a tool is a message of its own there, and stands before the rest of its turn; an assistant's turn is
one message: its thoughts, its text, and its calls of tools.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ....routing.adaptation import is_foreign
from ....routing.errors import invalid, shown
from ....routing.request import THINKING_PARTS, missing, wrong_type
from ..notes import Notes, simplest, text_of
from .content import CACHE, Blocks, listed, marked
from .tool_changes import KINDS, ToolChanges

ROLES = ("user", "assistant", "system")
HARMLESS = frozenset({"fallback"})
"""Blocks of earlier answers that no model is shown. Source: Anthropic's SDK, `beta_fallback_block_param.py`."""


class Conversation:
    """Gathers one request's turns. Raises InvalidRequestError, naming the place."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._blocks = Blocks(notes)
        self.messages: list[dict[str, Any]] = []
        self.changes = ToolChanges(notes)
        self.effort: Any = None
        """The last that was set in the course of the conversation."""
        self._waiting: list[dict[str, Any]] = []
        """Instructions that stand before results of calls."""
        self._open: dict[str, str] = {}
        """Calls of the turn before, each with its place, that have no result yet."""

    def add_system(self, system: Any) -> None:
        if system:
            self.messages.append({"role": "system", "content": simplest(self._blocks.parts(system, "system"))})

    def add(self, message: Any, path: str, *, over: bool = False) -> None:
        """`over`: a message of the user follows."""
        if not isinstance(message, dict):
            raise wrong_type(path, "an object", message)
        role = text_of(message, "role", path)
        if role not in ROLES:
            text = f"Invalid value: '{shown(role)}'. Supported values are: {', '.join(map(repr, ROLES))}."
            raise invalid(text, f"{path}.role", "invalid_value")
        if role == "system":
            self._system(message, path, over=over)
            return
        if message.get("content") is None:
            raise missing(f"{path}.content")
        if len(message) > 2:
            self._notes.drop_rest(message, {"role", "content"}, path)
        place = f"{path}.content"
        if isinstance(message["content"], str):
            self._check_answered()
            self.messages.append({"role": role, "content": message["content"]})
        elif role == "assistant":
            self._check_answered()
            self._assistant(message["content"], place)
        else:
            self._user(message["content"], place)

    def close(self) -> None:
        """After the last turn."""
        self._check_answered()

    def _check_answered(self) -> None:
        for call, place in self._open.items():
            text = f"The tool_use '{shown(call)}' has no tool_result in the user's turn right after it."
            raise invalid(text, place, "invalid_value")

    def _system(self, message: Mapping[str, Any], path: str, *, over: bool) -> None:
        """An instruction in the course of the conversation, or what changes from there on.

        Source: Anthropic's SDK (2.12), `beta_system_message_param.py`.
        """
        self._notes.drop_rest(message, {"role", "content", "output_config", "clear_at"}, path)
        config = message.get("output_config")
        if isinstance(config, dict):
            self._notes.drop_rest(config, {"effort"}, f"{path}.output_config")
            self.effort = config.get("effort") or self.effort
        elif message.get("content") is None:
            raise missing(f"{path}.content")
        said: list[dict[str, Any]] = []
        for block, place in listed(message.get("content") or [], f"{path}.content"):
            if block["type"] in KINDS:
                self.changes.add(block, place)
            else:
                said += self._blocks.part(block, place)
        if said and over and message.get("clear_at") == "next_user_message":
            self._notes.say(f"{path} left out (clear_at)")
        elif said and self._open:
            # In a chat nothing stands between calls and their results.
            self._notes.say("system messages moved behind tool results")
            self._waiting.append({"role": "system", "content": simplest(said)})
        elif said:
            self.messages.append({"role": "system", "content": simplest(said)})

    def _user(self, content: Any, path: str) -> None:
        said: list[dict[str, Any]] = []
        for block, place in listed(content, path):
            if block["type"] in KINDS:
                self.changes.add(block, place)
                continue
            if block["type"] != "tool_result":
                said += self._blocks.part(block, place)
                continue
            if said:
                self._notes.say("tool results moved to the front of their turn")
            self.messages.append(self._result(block, place))
        self._check_answered()
        self.messages += self._waiting
        self._waiting = []
        if said:
            self.messages.append({"role": "user", "content": simplest(said)})

    def _result(self, block: Mapping[str, Any], path: str) -> dict[str, Any]:
        call = text_of(block, "tool_use_id", path)
        if self._open.pop(call, None) is None:
            text = f"It answers no tool_use of the assistant's turn right before it: '{shown(call)}'."
            raise invalid(text, f"{path}.tool_use_id", "invalid_value")
        self._notes.drop_rest(block, {"type", "tool_use_id", "content", "is_error", CACHE}, path)
        parts = [] if block.get("content") is None else self._blocks.parts(block["content"], f"{path}.content")
        result = {"role": "tool", "tool_call_id": call, "content": simplest(parts) if parts else ""}
        if block.get("is_error"):
            # A chat has no field for it; the result itself describes the error.
            self._notes.drop(f"{path}.is_error")
        return marked(result, block)

    def _assistant(self, content: Any, path: str) -> None:
        said: list[dict[str, Any]] = []
        calls: list[dict[str, Any]] = []
        thoughts: list[dict[str, Any]] = []
        for block, place in listed(content, path):
            if block["type"] == "tool_use":
                calls.append(self._call(block, place))
                self._open[calls[-1]["id"]] = place
            elif block["type"] in THINKING_PARTS:
                self._think(block, place, thoughts)
            elif block["type"] in HARMLESS:
                self._notes.drop(place)
            else:
                if calls:
                    self._notes.say("text moved before the tool calls of its turn")
                said += self._blocks.part(block, place)
        message: dict[str, Any] = {"role": "assistant", "content": simplest(said) if said else None}
        if thoughts:
            message["thinking_blocks"] = thoughts
        if calls:
            message["tool_calls"] = calls
        if said or calls or thoughts:
            self.messages.append(message)

    def _think(self, block: Mapping[str, Any], path: str, thoughts: list[dict[str, Any]]) -> None:
        if is_foreign(block):
            self._notes.say("thinking blocks dropped")
            return
        known = ("type", "thinking", "signature") if block["type"] == "thinking" else ("type", "data")
        self._notes.drop_rest(block, known, path)
        thoughts.append({name: text_of(block, name, path) for name in known})

    def _call(self, block: Mapping[str, Any], path: str) -> dict[str, Any]:
        arguments = block.get("input")
        if arguments is None:
            raise missing(f"{path}.input")
        if not isinstance(arguments, dict):
            raise wrong_type(f"{path}.input", "an object", arguments)
        self._notes.drop_rest(block, {"type", "id", "name", "input", "caller", CACHE}, path)
        if (block.get("caller") or {}).get("type", "direct") != "direct":
            self._notes.pin(f"{path}.caller", "a call by a program at Anthropic")
        call = {
            "id": text_of(block, "id", path),
            "type": "function",
            "function": {"name": text_of(block, "name", path), "arguments": json.dumps(arguments, ensure_ascii=False)},
        }
        return marked(call, block)
