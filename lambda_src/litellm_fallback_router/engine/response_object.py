"""OpenAI's response object, read as the message of a chat.

Source: OpenAI, "Create a model response"; its SDK's types `Response` and `ResponseOutputItem` (openai-python 2.54).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .failures import no_format
from .wire import counted

CALLED = {"function_call": ("function", "arguments"), "custom_tool_call": ("custom", "input")}
"""Items that are calls of the caller's own tools: what a chat calls them, and where their text is."""
CUT_OFF = {"max_output_tokens": "length", "content_filter": "content_filter"}
"""Why a response is incomplete -> a chat's finish reason."""
OWN_TOOL = "provider_tool"
"""In a chat's message or delta: what a tool of the provider's own did. Nobody else can go on from there."""


def usage_of(response: Mapping[str, Any]) -> dict[str, Any] | None:
    """A response's `usage` as chat completions have it; None where there is none that can be true."""
    given = response.get("usage")
    if not isinstance(given, Mapping):
        return None
    read, written = given.get("input_tokens_details") or {}, given.get("output_tokens_details") or {}
    if not isinstance(read, Mapping) or not isinstance(written, Mapping):
        return None
    return counted(
        {
            "prompt_tokens": given.get("input_tokens"),
            "completion_tokens": given.get("output_tokens"),
            "prompt_tokens_details": {"cached_tokens": read.get("cached_tokens")},
            "completion_tokens_details": {"reasoning_tokens": written.get("reasoning_tokens")},
        }
    )


def finish_reason_of(response: Mapping[str, Any], *, called: bool) -> str | None:
    """A chat's finish reason for a response's status; None: it is no answer."""
    if response.get("status") == "completed":
        return "tool_calls" if called else "stop"
    if response.get("status") == "incomplete":
        return CUT_OFF.get((response.get("incomplete_details") or {}).get("reason") or "")
    return None


def says_nothing(response: Mapping[str, Any]) -> bool:
    """True for a response that is marked complete and has no output: it corresponds to a chat without choices."""
    return response.get("status") == "completed" and response.get("output") == []


def message_of(output: Any) -> dict[str, Any]:
    """The items of a response as one message of a chat. Raises ProviderFailure for what are no items."""
    if not isinstance(output, list) or not all(isinstance(item, dict) for item in output):
        raise no_format()
    texts, refusals, thoughts, calls = [], [], [], []
    message: dict[str, Any] = {"role": "assistant", "content": None, "refusal": None}
    for item in output:
        kind = item.get("type")
        if kind == "message":
            texts += _texts(item.get("content"), "text")
            refusals += _texts(item.get("content"), "refusal")
        elif kind == "reasoning":
            thoughts += [*_texts(item.get("summary"), "text"), *_texts(item.get("content"), "text")]
        elif kind in CALLED:
            calls.append(_call(item, kind))
        else:
            message[OWN_TOOL] = str(kind)
    message["content"] = "".join(texts) if texts or not (refusals or calls) else None
    message["refusal"] = "".join(refusals) or None
    if thoughts:
        message["reasoning_content"] = "\n\n".join(thoughts)
    if calls:
        message["tool_calls"] = calls
    return message


def _call(item: Mapping[str, Any], kind: str) -> dict[str, Any]:
    named, text = CALLED[kind]
    values = (item.get("call_id"), item.get("name"), item.get(text))
    if not all(isinstance(value, str) for value in values):
        raise no_format()
    return {"id": item["call_id"], "type": named, named: {"name": item["name"], text: item[text]}}


def _texts(parts: Any, name: str) -> list[str]:
    if parts is None:
        return []
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        raise no_format()
    found = [part[name] for part in parts if part.get(name) is not None]
    if not all(isinstance(text, str) for text in found):
        raise no_format()
    return found
