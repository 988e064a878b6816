"""Fits a request to one deployment: wishes it has no place for are dropped or clamped, and each is reported."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...providers import Dialect, Feature
from ..request import THINKING_FIELDS, THINKING_PARTS, MessageFeatures
from ..types import Deployment, Message
from .report import UnfitError
from .tool_images import LINE, MOVED, with_moved_images

_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_BEYOND_RESPONSES = {
    "n": Feature.MANY_CHOICES,
    "moderation": Feature.MODERATION,
    "functions": Feature.FUNCTIONS,
    "function_call": Feature.FUNCTIONS,
}
FILE_NAME = "file.pdf"
"""For files that callers give no name."""


def adjust_params(deployment: Deployment, params: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The parameters this deployment takes, and what was dropped or clamped to get there."""
    dialect = deployment.profile.dialect
    kept = {name: value for name, value in params.items() if name not in dialect.lacks}
    adjusted = [f"{name} dropped" for name in params if name in dialect.lacks]
    adjusted += _fit_model(deployment, kept)
    if not deployment.openai_compatible:
        adjusted += fit_sampling(deployment, kept)
        adjusted += fit_effort(dialect, kept, dialect.efforts)
        adjusted += _fit_functions(dialect, kept)
        adjusted += _fit_tools(dialect, kept)
        adjusted += _fit_formats(dialect, kept)
        adjusted += _fit_metadata(dialect, kept)
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


def fit_sampling(deployment: Deployment, kept: dict[str, Any]) -> list[str]:
    """Changes `kept`: what of temperature, top_p and top_k the model takes. Gives the lines for `adjusted`."""
    adjusted = []
    if deployment.info.sampling is False:
        # Claude since its 4.7 generation takes no temperature but 1, the default.
        adjusted += [_drop(kept, name) for name in ("temperature", "top_p", "top_k") if kept.get(name, 1) != 1]
    most = deployment.profile.dialect.temperature_max
    if (kept.get("temperature") or 0) > most:
        kept["temperature"] = most
        adjusted.append(f"temperature clamped to {most:g}")
    if {"temperature", "top_p"} <= kept.keys() and not deployment.profile.dialect.temperature_and_top_p:
        adjusted.append(_drop(kept, "top_p"))
    return adjusted


def fit_effort(dialect: Dialect, kept: dict[str, Any], efforts: tuple[str, ...]) -> list[str]:
    """Changes `kept`: the nearest of `efforts` (empty: any), and the sampling that may stand beside it.

    Gives the lines for `adjusted`. Raises UnfitError where log probabilities are asked for beside reasoning.
    """
    effort, adjusted = kept.get("reasoning_effort"), []
    if effort in _EFFORTS and efforts and effort not in efforts:
        effort = kept["reasoning_effort"] = _nearest(effort, efforts)
        adjusted.append(f"reasoning_effort sent as {effort}")
    reasons = dialect.reasons_unasked if effort is None else effort != "none"
    if dialect.sampling_without_effort and reasons:
        if kept.get("logprobs"):
            why = "gives log probabilities only where it does not reason (reasoning_effort: none)"
            raise UnfitError("logprobs", why, param="logprobs")
        adjusted += [_drop(kept, name) for name in ("top_p", "logprobs") if name in kept]
        adjusted += [_drop(kept, "temperature")] if kept.get("temperature", 1) != 1 else []
    return adjusted


def _fit_functions(dialect: Dialect, kept: dict[str, Any]) -> list[str]:
    """What OpenAI's Responses API has no place for, where functions are sent by it. Raises UnfitError."""
    functions = any(tool.get("type") == "function" for tool in kept.get("tools") or ())
    if not (functions and dialect.functions_by_responses) or kept.get("reasoning_effort") == "none":
        return []
    for name, feature in _BEYOND_RESPONSES.items():
        if kept.get(name) not in (None, 1):
            raise UnfitError(feature.code, f"{feature.reason} beside functions", param=name)
    return [_drop(kept, "seed")] if "seed" in kept else []


def _nearest(effort: str, taken: tuple[str, ...]) -> str:
    """Upwards from the least efforts, so that a model that shall reason does, and downwards from all others."""
    place = _EFFORTS.index(effort)
    above = [one for one in taken if _EFFORTS.index(one) > place]
    below = [one for one in taken if _EFFORTS.index(one) < place]
    return above[0] if effort in _EFFORTS[:2] or not below else below[-1]


def _fit_tools(dialect: Dialect, kept: dict[str, Any]) -> list[str]:
    tools = kept.get("tools")
    if not tools:
        # Without tools there is nothing to choose from; OpenAI and Anthropic refuse the choice as such.
        return [_drop(kept, name) for name in ("tool_choice", "parallel_tool_calls") if name in kept]
    if kept.get("tool_choice") == "none" and not dialect.no_choice:
        return [_drop(kept, name) for name in ("tools", "tool_choice", "parallel_tool_calls") if name in kept]
    adjusted = []
    if not dialect.turns and any("cache_control" in tool for tool in tools):
        tools = kept["tools"] = [{k: v for k, v in tool.items() if k != "cache_control"} for tool in tools]
        adjusted.append("tools cache_control dropped")
    if not dialect.strict_tools and any((tool.get("function") or {}).get("strict") for tool in tools):
        kept["tools"] = [_without_strict(tool, "function") for tool in tools]
        adjusted.append("tools strict dropped")
    return adjusted


def _fit_metadata(dialect: Dialect, kept: dict[str, Any]) -> list[str]:
    if dialect.metadata_if_stored and "metadata" in kept and not kept.get("store"):
        # OpenAI answers 400 to metadata without `store`.
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
    deployment: Deployment, messages: list[Message], features: MessageFeatures
) -> tuple[list[Message], tuple[str, ...]]:
    """The messages for an API in OpenAI's form: cache marks and thoughts reach only models that have them."""
    fields: set[str] = set()
    adjusted: list[str] = []
    if "developer" in features.marks and not deployment.profile.dialect.developer:
        messages = [{**one, "role": "system"} if one["role"] == "developer" else one for one in messages]
        adjusted.append("developer sent as system")
    if deployment.openai_compatible:
        return messages, tuple(adjusted)
    if "cache_control" in features.marks:
        fields.add("cache_control")
        adjusted.append("cache_control dropped")
    if "thinking" in features.marks:
        fields.update(THINKING_FIELDS)
        adjusted.append("thinking blocks dropped")
    if fields:
        messages = [_without(message, fields) for message in messages]
    if deployment.profile.dialect.text_results and any(("tool", kind) in features.parts for kind in MOVED):
        messages = with_moved_images(messages)
        adjusted.append(LINE)
    if features.parts & {("user", "file"), ("tool", "file")} and deployment.profile.dialect.named_files:
        named = [_with_file_names(message) for message in messages]
        if named != messages:
            messages = named
            adjusted.append(f"file filename set to {FILE_NAME}")
    return messages, tuple(adjusted)


def _with_file_names(message: Message) -> Message:
    """OpenAI requires a name for data of a file; LiteLLM 1.106.2 would make one up (`gpt_transformation.py`)."""
    if not isinstance(content := message.get("content"), list):
        return message
    return {**message, "content": [_with_file_name(part) for part in content]}


def _with_file_name(part: Mapping[str, Any]) -> Mapping[str, Any]:
    file = part.get("file") if part.get("type") == "file" else None
    if not isinstance(file, Mapping) or not file.get("file_data") or file.get("filename"):
        return part
    return {**part, "file": {**file, "filename": FILE_NAME}}


def _without(message: Message, gone: set[str]) -> Message:
    kept = {name: value for name, value in message.items() if name not in gone}
    if calls := kept.get("tool_calls"):
        kept["tool_calls"] = [{name: value for name, value in call.items() if name not in gone} for call in calls]
    if isinstance(content := kept.get("content"), list):
        thoughts = THINKING_PARTS if "thinking_blocks" in gone else ()
        parts = [part for part in content if part.get("type") not in thoughts]
        kept["content"] = [{name: value for name, value in part.items() if name not in gone} for part in parts]
    return kept
