"""Fits a request to one deployment: wishes it has no place for are dropped or clamped, and each is reported."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .contents import THINKING_FIELDS, THINKING_PARTS, Contents
from .dialects import Dialect, dialect_of, is_claude, takes_temperature_and_top_p
from .types import Deployment, Message


def adjust_params(
    deployment: Deployment, params: Mapping[str, Any], contents: Contents
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The parameters this deployment takes, and what was dropped or clamped to get there."""
    dialect = dialect_of(deployment)
    kept = {name: value for name, value in params.items() if name not in dialect.lacks}
    adjusted = [f"{name} dropped" for name in params if name in dialect.lacks]
    adjusted += _fit_model(deployment, kept)
    if not deployment.openai_compatible:
        adjusted += _fit_sampling(deployment, kept)
        adjusted += _fit_tools(dialect, kept, contents)
        adjusted += _fit_formats(dialect, kept)
        adjusted += _fit_metadata(deployment, kept)
    return kept, tuple(adjusted)


def _fit_model(deployment: Deployment, kept: dict[str, Any]) -> list[str]:
    adjusted = []
    info = deployment.info
    if info.reasoning is False and kept.pop("reasoning_effort", None) is not None:
        adjusted.append("reasoning_effort dropped")
    for name in ("max_tokens", "max_completion_tokens"):
        if info.max_output_tokens is not None and (kept.get(name) or 0) > info.max_output_tokens:
            kept[name] = info.max_output_tokens
            adjusted.append(f"{name} clamped to {info.max_output_tokens}")
    return adjusted


def _fit_sampling(deployment: Deployment, kept: dict[str, Any]) -> list[str]:
    adjusted = []
    if deployment.info.sampling is False:
        # Claude since its 4.7 generation takes no temperature but 1, the default.
        adjusted += [_drop(kept, name) for name in ("temperature", "top_p", "top_k") if kept.get(name, 1) != 1]
    most = dialect_of(deployment).temperature_max
    if (kept.get("temperature") or 0) > most:
        kept["temperature"] = most
        adjusted.append(f"temperature clamped to {most:g}")
    if {"temperature", "top_p"} <= kept.keys() and not takes_temperature_and_top_p(deployment):
        adjusted.append(_drop(kept, "top_p"))
    return adjusted


def _fit_tools(dialect: Dialect, kept: dict[str, Any], contents: Contents) -> list[str]:
    tools = kept.get("tools")
    if not tools:
        # Without tools there is nothing to choose from; OpenAI and Anthropic refuse the choice as such.
        return [_drop(kept, name) for name in ("tool_choice", "parallel_tool_calls") if name in kept]
    if kept.get("tool_choice") == "none" and not dialect.no_choice and "calls" not in contents.marks:
        return [_drop(kept, name) for name in ("tools", "tool_choice", "parallel_tool_calls") if name in kept]
    if not dialect.strict_tools and any((tool.get("function") or {}).get("strict") for tool in tools):
        kept["tools"] = [_without_strict(tool, "function") for tool in tools]
        return ["tools strict dropped"]
    return []


def _fit_metadata(deployment: Deployment, kept: dict[str, Any]) -> list[str]:
    if deployment.provider == "openai" and "metadata" in kept and not kept.get("store"):
        # OpenAI answers 400 to metadata of what it is not asked to store.
        return [_drop(kept, "metadata")]
    return []


def _fit_formats(dialect: Dialect, kept: dict[str, Any]) -> list[str]:
    wanted = kept.get("response_format") or {}
    if not dialect.strict_schema and (wanted.get("json_schema") or {}).get("strict"):
        kept["response_format"] = _without_strict(wanted, "json_schema")
        return ["response_format strict dropped"]
    return []


def _drop(kept: dict[str, Any], name: str) -> str:
    del kept[name]
    return f"{name} dropped"


def _without_strict(owner: Mapping[str, Any], field: str) -> dict[str, Any]:
    inner = owner.get(field)
    if not isinstance(inner, Mapping):
        return dict(owner)
    return {**owner, field: {name: value for name, value in inner.items() if name != "strict"}}


def adjust_messages(
    deployment: Deployment, messages: list[Message], contents: Contents
) -> tuple[list[Message], tuple[str, ...]]:
    """The messages as this model understands them: cache marks and signed thinking reach only models that do, and
    what only OpenAI has a place for is dropped. A refusal is said as text."""
    if deployment.openai_compatible or not contents.marks:
        return messages, ()
    dialect, claude, marks = dialect_of(deployment), is_claude(deployment), contents.marks
    keeps_cache = claude or (deployment.provider == "bedrock" and deployment.info.prompt_caching is True)
    fields: set[str] = set()
    adjusted: list[str] = []
    if "cache_control" in marks and not keeps_cache:
        fields.add("cache_control")
        adjusted.append("cache_control dropped")
    if "thinking" in marks and not claude:
        fields.update(THINKING_FIELDS)
        adjusted.append("thinking blocks dropped")
    elif "reasoning_content" in marks:
        fields.add("reasoning_content")
        adjusted.append("reasoning_content dropped")
    for mark in ("name", "detail"):
        if mark in marks and not dialect.openai:
            fields.add(mark)
            adjusted.append(f"{mark} dropped")
    spoken = "refusal" in marks and not dialect.openai
    if fields or spoken:
        messages = [_fitted(message, fields, spoken=spoken) for message in messages]
    return messages, tuple(adjusted)


def _fitted(message: Message, gone: set[str], *, spoken: bool) -> Message:
    """`message` without the fields in `gone`, its refusal as text if `spoken`."""
    kept = {name: value for name, value in message.items() if name not in gone}
    if spoken and kept.get("refusal"):
        refusal = kept.pop("refusal")
        kept["content"] = kept.get("content") or refusal
    if isinstance(content := kept.get("content"), list):
        thoughts = THINKING_PARTS if "thinking_blocks" in gone else ()
        parts = [part for part in content if part.get("type") not in thoughts]
        kept["content"] = [_fitted_part(part, gone, spoken=spoken) for part in parts]
    return kept


def _fitted_part(part: Mapping[str, Any], gone: set[str], *, spoken: bool) -> Mapping[str, Any]:
    if spoken and part.get("type") == "refusal":
        return {"type": "text", "text": part.get("refusal") or ""}
    kept = {name: value for name, value in part.items() if name != "cache_control" or name not in gone}
    if "detail" in gone and isinstance(image := kept.get("image_url"), Mapping):
        kept["image_url"] = {name: value for name, value in image.items() if name != "detail"}
    return kept
