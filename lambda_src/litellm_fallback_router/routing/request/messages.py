"""`messages`, checked as OpenAI checks it; of content parts, more kinds than OpenAI's pass through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import InvalidRequestError, invalid, shown
from ..types import Message

ROLES = ("developer", "system", "user", "assistant", "tool", "function")
MAY_REPLACE_CONTENT = ("tool_calls", "function_call", "audio", "refusal", "reasoning_content", "thinking_blocks")
"""Fields of an assistant message, any one of which makes up for missing content."""
USER_PARTS = (
    *("text", "image_url", "input_audio", "file", "document", "video_url", "audio_url"),
    *("guarded_text", "grounding_source", "query"),
)
"""Kinds of content that LiteLLM takes in user messages, for every provider (`ValidUserMessageContentTypes`)."""

SCHEMA: dict[str, Any] = {
    "type": "array",
    "minItems": 1,
    "items": {
        "type": "object",
        "required": ["role"],
        "properties": {
            "role": {"type": "string", "enum": list(ROLES)},
            "content": {
                "anyOf": [
                    {"type": "string"},
                    {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["type"],
                            "properties": {"type": {"type": "string"}, "text": {"type": "string"}},
                        },
                    },
                    {"type": "null"},
                ],
            },
            "name": {"type": "string"},
            "tool_calls": {"type": "array", "items": {"type": "object"}},
            "tool_call_id": {"type": "string"},
        },
    },
}


def check_messages(messages: Any) -> list[dict[str, Any]]:
    """Raises InvalidRequestError for the first mistake, naming its place: `messages[2].tool_call_id`."""
    if not isinstance(messages, list | tuple):
        raise wrong_type("messages", "an array of messages", messages)
    if not messages:
        raise invalid("Invalid 'messages': empty array. Send at least one message.", "messages", "empty_array")
    for index, message in enumerate(messages):
        _check_message(message, f"messages[{index}]")
    _check_tool_order(messages)
    return list(messages)


def wrong_type(path: str, expected: str, value: Any) -> InvalidRequestError:
    """The error for a `value` at `path` of another type than `expected`. It names the value's type alone."""
    message = f"Invalid type for '{path}': expected {expected}, but got {type_name(value)} instead."
    return invalid(message, path, "invalid_type")


def type_name(value: Any) -> str:
    """A value's type in JSON's words, with its article; Python's own where JSON has none."""
    names = {
        type(None): "null",
        str: "a string",
        bool: "a boolean",
        int: "an integer",
        float: "a decimal number",
        list: "an array",
        dict: "an object",
    }
    return names.get(type(value)) or f"a {type(value).__name__}"


def _check_message(message: Any, path: str) -> None:
    if not isinstance(message, dict):
        raise wrong_type(path, "an object", message)
    role = message.get("role")
    if role is None:
        raise missing(f"{path}.role")
    if not isinstance(role, str):
        raise wrong_type(f"{path}.role", f"one of {_listed(ROLES)}", role)
    if role not in ROLES:
        text = f"Invalid value: '{shown(role)}'. Supported values are: {_listed(ROLES)}."
        raise invalid(text, f"{path}.role", "invalid_value")
    _check_content(message, role, path)
    if role == "assistant":
        _check_tool_calls(message.get("tool_calls"), f"{path}.tool_calls")
    elif role == "tool":
        _require(message, "tool_call_id", str, path)
    elif role == "function":
        _require(message, "name", str, path)
    if (name := message.get("name")) is not None and not isinstance(name, str):
        raise wrong_type(f"{path}.name", "a string", name)


def _check_content(message: Mapping[str, Any], role: str, path: str) -> None:
    content = message.get("content")
    if isinstance(content, str):
        return
    path = f"{path}.content"
    if content is None:
        if role == "function" or (role == "assistant" and any(message.get(f) for f in MAY_REPLACE_CONTENT)):
            return
        raise wrong_type(path, "a string or an array of content parts", content)
    if not isinstance(content, list):
        raise wrong_type(path, "a string or an array of content parts", content)
    for index, part in enumerate(content):
        _check_part(part, role, f"{path}[{index}]")


def _check_part(part: Any, role: str, path: str) -> None:
    if not isinstance(part, dict):
        raise wrong_type(path, "an object", part)
    _require(part, "type", str, path)
    if part["type"] == "text":
        _require(part, "text", str, path)
    elif role == "user" and part["type"] not in USER_PARTS:
        text = f"Invalid value: '{shown(part['type'])}'. Supported values are: {_listed(USER_PARTS)}."
        raise invalid(text, f"{path}.type", "invalid_value")


def _check_tool_order(messages: Sequence[Message]) -> None:
    """LiteLLM would make any order fit: leave a stray result out, or make up one that is missing."""
    calls: set[str] = set()
    called_at = 0
    for index, message in enumerate(messages):
        if message["role"] == "tool":
            if message["tool_call_id"] not in calls:
                raise _stray(index)
            continue
        _check_answered(calls, messages[called_at + 1 : index], called_at)
        asked = message.get("tool_calls") if message["role"] == "assistant" else None
        calls, called_at = {call["id"] for call in asked or ()}, index
    _check_answered(calls, messages[called_at + 1 :], called_at)


def _check_answered(calls: set[str], answers: Sequence[Message], called_at: int) -> None:
    if calls - {answer["tool_call_id"] for answer in answers}:
        where = f"messages[{called_at}].tool_calls"
        text = f"Each call of '{where}' must be answered by a message with role 'tool' right after it."
        raise invalid(text, where, "invalid_value")


def _stray(index: int) -> InvalidRequestError:
    text = (
        f"Invalid 'messages[{index}]': a message with role 'tool' must answer a call of the assistant's message "
        "with 'tool_calls' before it, by that call's id."
    )
    return invalid(text, f"messages[{index}]", "invalid_value")


def _check_tool_calls(calls: Any, path: str) -> None:
    if calls is None:
        return
    if not isinstance(calls, list):
        raise wrong_type(path, "an array of tool calls", calls)
    for index, call in enumerate(calls):
        here = f"{path}[{index}]"
        if not isinstance(call, dict):
            raise wrong_type(here, "an object", call)
        _require(call, "id", str, here)
        if call.get("type") == "custom":
            continue
        _require(call, "function", dict, here)
        _require(call["function"], "name", str, f"{here}.function")
        _require(call["function"], "arguments", str, f"{here}.function")


def _require(owner: Mapping[str, Any], field: str, kind: type[str | dict[str, Any]], path: str) -> None:
    value = owner.get(field)
    if value is None:
        raise missing(f"{path}.{field}")
    if not isinstance(value, kind):
        raise wrong_type(f"{path}.{field}", "a string" if kind is str else "an object", value)


def missing(path: str, fix: str = "") -> InvalidRequestError:
    """The error for a required field that is missing at `path`; `fix` is the advice."""
    return invalid(f"Missing required parameter: '{path}'. {fix}".strip(), path, "missing_required_parameter")


def _listed(values: tuple[str, ...]) -> str:
    return ", ".join(f"'{value}'" for value in values)
