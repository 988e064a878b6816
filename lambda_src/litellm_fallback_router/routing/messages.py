"""`messages`, checked as OpenAI checks it. Content parts pass through: providers know more kinds than we do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .errors import InvalidRequestError, invalid, shown

ROLES = ("developer", "system", "user", "assistant", "tool", "function")
MAY_REPLACE_CONTENT = ("tool_calls", "function_call", "audio", "refusal", "reasoning_content", "thinking_blocks")
"""Fields of an assistant message, any one of which makes up for missing content."""

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
    return list(messages)


def wrong_type(path: str, expected: str, value: Any) -> InvalidRequestError:
    """OpenAI's words; they name the type that came, never the value."""
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
        _check_part(part, f"{path}[{index}]")


def _check_part(part: Any, path: str) -> None:
    if not isinstance(part, dict):
        raise wrong_type(path, "an object", part)
    _require(part, "type", str, path)
    if part["type"] == "text":
        _require(part, "text", str, path)


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
    return invalid(f"Missing required parameter: '{path}'. {fix}".strip(), path, "missing_required_parameter")


def _listed(values: tuple[str, ...]) -> str:
    return ", ".join(f"'{value}'" for value in values)
