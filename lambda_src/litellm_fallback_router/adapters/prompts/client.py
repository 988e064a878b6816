"""A managed prompt, read with Bedrock's GetPrompt (blocking: for a thread) and made a `PromptTemplate`.

boto3 rather than HTTP by hand: it finds the credentials, endpoints and error names of every partition, and a prompt
is read so seldom that its own cost does not count. Source of the shapes: botocore's model of bedrock-agent
(`GetPromptResponse`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from ...routing.interceptors import PromptTemplate
from ...routing.mapping import DRAFT
from ...routing.types import Message

Read = Callable[[str, str], Mapping[str, Any]]
"""Id or ARN, and version -> GetPrompt's answer. Raises PromptMissingError, PromptUnreachableError."""

TRIES = 2
PAUSE = 0.1
"""Seconds between them."""
TRANSIENT = frozenset({"ThrottlingException", "InternalServerException", "ServiceUnavailableException"})
MISSING = frozenset({"ResourceNotFoundException", "ValidationException"})
_FIXES = {"AccessDeniedException": "allow the gateway's role bedrock:GetPrompt, and kms:Decrypt if it has a key"}


class PromptMissingError(Exception):
    """There is no such prompt, or no such version of it."""


class PromptUnreachableError(Exception):
    """Bedrock could not be asked. The text is fit for a log: an error's name, and the fix where there is one."""


def reader(region: str | None, **server: Any) -> Read:
    """Reads in `region`, or the process's own; `server` is boto3's `endpoint_url` and credentials where another takes
    Bedrock's place. Raises botocore's NoRegionError."""
    client = boto3.client(
        "bedrock-agent",
        region_name=region,
        **server,
        config=Config(connect_timeout=1, read_timeout=1.5, retries={"mode": "standard", "total_max_attempts": 1}),
    )

    def read(identifier: str, version: str) -> Mapping[str, Any]:
        asked = {"promptIdentifier": identifier}
        if version != DRAFT:
            asked["promptVersion"] = version
        for tries in range(1, TRIES + 1):
            try:
                answer: Mapping[str, Any] = client.get_prompt(**asked)
            except ClientError as error:
                code = str(error.response["Error"]["Code"])
                if code in MISSING:
                    raise PromptMissingError from error
                if tries == TRIES or code not in TRANSIENT:
                    fix = _FIXES.get(code)
                    raise PromptUnreachableError(f"{code}: {fix}" if fix else code) from error
            except BotoCoreError as error:
                if tries == TRIES or not isinstance(error, HTTPClientError):
                    raise PromptUnreachableError(type(error).__name__) from error
            else:
                return answer
            time.sleep(PAUSE)
        raise AssertionError("the last try returns or raises")

    return read


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
