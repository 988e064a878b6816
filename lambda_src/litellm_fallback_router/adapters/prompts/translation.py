"""GetPrompt's answer as a `PromptTemplate`. Source: botocore's model of bedrock-agent (`GetPromptResponse`)."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from ...routing.prompts import PromptTemplate
from ...routing.types import Message

logger = logging.getLogger("litellm_fallback_router")

PASSED_ON = frozenset({"top_k", "thinking"})
"""Of the fields that only one model knows, those that a request may carry."""
_INFERENCE = {"temperature": "temperature", "topP": "top_p", "maxTokens": "max_tokens", "stopSequences": "stop"}
_CACHED = {"cache_control": {"type": "ephemeral"}}


class UnfitPromptError(Exception):
    """The prompt is there, but nothing can be asked with it; the text says why, fit for a caller."""


def template_of(answer: Mapping[str, Any]) -> PromptTemplate:
    """The default variant of a prompt. Raises UnfitPromptError."""
    variant = _variant(answer)
    configuration = variant["templateConfiguration"]
    name = f"{answer['id']} ({answer['version']})"
    if variant["templateType"] == "TEXT":
        content = configuration["text"]
        text = {"type": "text", "text": content["text"], **(_CACHED if "cachePoint" in content else {})}
        messages: list[Message] = [{"role": "user", "content": _plain([text])}]
    else:
        content = configuration["chat"]
        messages = _conversation(content)
    return PromptTemplate(
        id=answer["id"],
        version=answer["version"],
        messages=tuple(messages),
        declared=frozenset(one["name"] for one in content.get("inputVariables", []) if "name" in one),
        params={**_inference(variant), **_further(variant, name), **_tools(content.get("toolConfiguration", {}))},
        model=variant.get("modelId"),
    )


def _variant(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    variants: Sequence[Mapping[str, Any]] = answer.get("variants", [])
    default = answer.get("defaultVariant")
    for variant in variants:
        if default is None or variant["name"] == default:
            return variant
    raise UnfitPromptError("it has no variant yet" if default is None else f"it has no variant {default!r}")


def _conversation(chat: Mapping[str, Any]) -> list[Message]:
    system = _parts(chat.get("system", []))
    messages: list[Message] = [{"role": "system", "content": _plain(system)}] if system else []
    for message in chat["messages"]:
        messages.append({"role": message["role"], "content": _plain(_parts(message["content"]))})
    return messages


def _parts(blocks: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """OpenAI's text parts; a cache point is a mark on the part before it."""
    parts: list[dict[str, Any]] = []
    for block in blocks:
        if "text" in block:
            parts.append({"type": "text", "text": block["text"]})
        elif "cachePoint" not in block:
            raise UnfitPromptError("it holds a content block that is neither text nor a cache point")
        elif parts:
            parts[-1].update(_CACHED)
    return parts


def _plain(parts: list[dict[str, Any]]) -> Any:
    """A single text without marks is told as a string, which every provider takes."""
    return parts[0]["text"] if len(parts) == 1 and parts[0].keys() == {"type", "text"} else parts


def _tools(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """OpenAI's `tools` and `tool_choice`. Cache points among tools only save money, and are left out."""
    specs = [tool["toolSpec"] for tool in configuration.get("tools", []) if "toolSpec" in tool]
    if not specs:
        return {}
    params: dict[str, Any] = {"tools": [{"type": "function", "function": _function(spec)} for spec in specs]}
    match configuration.get("toolChoice"):
        case {"any": _}:
            params["tool_choice"] = "required"
        case {"tool": {"name": name}}:
            params["tool_choice"] = {"type": "function", "function": {"name": name}}
    return params


def _function(spec: Mapping[str, Any]) -> dict[str, Any]:
    function: dict[str, Any] = {"name": spec["name"], "parameters": spec["inputSchema"]["json"]}
    return function | {key: spec[key] for key in ("description", "strict") if key in spec}


def _inference(variant: Mapping[str, Any]) -> dict[str, Any]:
    settings = variant.get("inferenceConfiguration", {}).get("text", {})
    # Bedrock takes 0 tokens and an empty list to mean that nothing is set.
    nothing = {"maxTokens": 0, "stopSequences": []}
    return {
        ours: settings[theirs]
        for theirs, ours in _INFERENCE.items()
        if theirs in settings and settings[theirs] != nothing.get(theirs)
    }


def _further(variant: Mapping[str, Any], name: str) -> dict[str, Any]:
    fields = variant.get("additionalModelRequestFields") or {}
    if not isinstance(fields, Mapping):
        return {}
    if unused := sorted(fields.keys() - PASSED_ON):
        logger.warning("prompt %s: additionalModelRequestFields %s not used", name, ", ".join(unused))
    return {key: fields[key] for key in PASSED_ON if key in fields}
