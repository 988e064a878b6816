"""`input` as chat messages.

An assistant's turn is one message there: its text, and its calls of tools; here it is an item each. The results of
its calls must follow it at once, so one that comes later is moved up to it.

What has no form in a chat is OpenAI's own: such a request is pinned to deployments with this API.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ....routing.errors import invalid, shown
from ....routing.request import missing, wrong_type
from ..notes import Notes, simplest, text_of
from .content import parts_of, result_content, said_parts
from .thoughts import blocks_of
from .tools import NAMESPACE_SEPARATOR

ROLES = ("user", "assistant", "system", "developer")
BOOKKEEPING = frozenset({"type", "id", "status"})
"""Fields of items that the API itself made: no content for a model."""


@dataclass(slots=True)
class _Turn:
    """One message, and the results of its calls."""

    message: dict[str, Any]
    results: list[dict[str, Any]] = field(default_factory=list)


class Conversation:
    """Gathers the items of one request. `messages()` is the conversation once all are in."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._turns: list[_Turn] = []
        self._open: dict[str, _Turn] = {}
        """The turn of each call that has no result yet, by the call's id. Some models use an id again, later."""
        self._strays: list[tuple[str, str]] = []
        """Results without a call: its id, and their place."""

    def add_text(self, role: str, text: str) -> None:
        self._turns.append(_Turn({"role": role, "content": text}))

    def add(self, item: Any, path: str) -> None:
        """Raises InvalidRequestError, naming the place."""
        if not isinstance(item, dict):
            raise wrong_type(path, "an object", item)
        kind = item.get("type")
        if kind is None:
            kind = "message" if "role" in item else "item_reference" if item.keys() == {"id"} else None
        if not isinstance(kind, str):
            raise missing(f"{path}.type") if kind is None else wrong_type(f"{path}.type", "a string", kind)
        adders = {
            "message": self._message,
            "reasoning": self._reasoning,
            "function_call": self._call,
            "custom_tool_call": self._call,
            "function_call_output": self._result,
            "custom_tool_call_output": self._result,
        }
        if (add := adders.get(kind)) is None:
            self._notes.pin(path, f"an item of type '{shown(kind)[:40]}'")
        else:
            add(item, path)

    def messages(self) -> list[dict[str, Any]]:
        """Raises InvalidRequestError where a call has no result."""
        if not self._notes.pins:
            # With stored items what is missing may be among those.
            self._check_pairs()
        return [message for turn in self._turns for message in (_whole(turn.message), *turn.results)]

    def _message(self, item: Mapping[str, Any], path: str) -> None:
        role = text_of(item, "role", path)
        if role not in ROLES:
            text = f"Invalid value: '{shown(role)}'. Supported values are: {', '.join(map(repr, ROLES))}."
            raise invalid(text, f"{path}.role", "invalid_value")
        if "content" not in item:
            raise missing(f"{path}.content")
        self._rest(item, {"role", "content"}, path)
        content = item["content"]
        if role == "assistant":
            said = self._assistant().setdefault("content", [])
            said += said_parts(content, f"{path}.content", self._notes)
        elif isinstance(content, str):
            self.add_text(role, content)
        else:
            parts = parts_of(content, f"{path}.content", self._notes)
            self._turns.append(_Turn({"role": role, "content": simplest(parts)}))

    def _reasoning(self, item: Mapping[str, Any], path: str) -> None:
        self._rest(item, {"summary", "content", "encrypted_content"}, path)
        if blocks := blocks_of(item, path, self._notes):
            self._assistant().setdefault("thinking_blocks", []).extend(blocks)

    def _call(self, item: Mapping[str, Any], path: str) -> None:
        custom = item["type"] == "custom_tool_call"
        written = "input" if custom else "arguments"
        self._rest(item, {"call_id", "name", "namespace", "caller", written}, path)
        self._caller(item, path)
        call_id, name = text_of(item, "call_id", path), text_of(item, "name", path)
        if item.get("namespace") is not None:
            name = f"{text_of(item, 'namespace', path)}{NAMESPACE_SEPARATOR}{name}"
        body = {"name": name, written: text_of(item, written, path)}
        kind = "custom" if custom else "function"
        self._assistant().setdefault("tool_calls", []).append({"id": call_id, "type": kind, kind: body})
        if call_id in self._open:
            text = f"Two calls have the id {shown(call_id)}, and the first has no output before the second."
            raise invalid(text, f"{path}.call_id", "invalid_value")
        self._open[call_id] = self._turns[-1]

    def _result(self, item: Mapping[str, Any], path: str) -> None:
        self._rest(item, {"call_id", "output", "caller", "name", "namespace"}, path)
        self._caller(item, path)
        call_id = text_of(item, "call_id", path)
        if "output" not in item:
            raise missing(f"{path}.output")
        turn = self._open.pop(call_id, None)
        if turn is None:
            self._strays.append((call_id, path))
            return
        content = result_content(item["output"], f"{path}.output", self._notes)
        if turn is not self._turns[-1]:
            self._notes.say(f"{path} moved up to its call")
        turn.results.append({"role": "tool", "tool_call_id": call_id, "content": content})

    def _check_pairs(self) -> None:
        for call_id, path in self._strays:
            text = f"No tool call found for function call output with call_id {shown(call_id)}."
            raise invalid(text, f"{path}.call_id", "invalid_value")
        for call_id in self._open:
            raise invalid(f"No tool output found for function call {shown(call_id)}.", "input", "invalid_value")

    def _assistant(self) -> dict[str, Any]:
        """The message of the assistant's turn that is going on."""
        last = self._turns[-1] if self._turns else None
        if last is None or last.message["role"] != "assistant" or last.results:
            last = _Turn({"role": "assistant"})
            self._turns.append(last)
        return last.message

    def _caller(self, item: Mapping[str, Any], path: str) -> None:
        caller = item.get("caller")
        if isinstance(caller, Mapping) and caller.get("type") not in (None, "direct"):
            self._notes.pin(f"{path}.caller", "a call by a program")

    def _rest(self, item: Mapping[str, Any], known: set[str], path: str) -> None:
        self._notes.drop_rest(item, known | BOOKKEEPING, path)


def _whole(message: dict[str, Any]) -> dict[str, Any]:
    if message["role"] != "assistant":
        return message
    content = message.get("content")
    return {**message, "content": simplest(content) if content else None if "tool_calls" in message else ""}
