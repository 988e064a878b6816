"""What may stand in each provider's request: for every place of its body where the value has to come from.

A place that is in no table may not be sent. Constants are what the wire format wants beside what is asked; whatever
changes the answer is none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tests.support.leaves import Asked, Leaf, fingerprint

Rule = Callable[[Asked, Leaf], bool]


def constant(*values: Any) -> Rule:
    return lambda asked, leaf: leaf.value in values


def when(param: str, *values: Any) -> Rule:
    """A constant that belongs to a parameter of the caller's."""
    return lambda asked, leaf: param in asked.params and leaf.value in values


def value_of(*names: str) -> Rule:
    """What the caller gave under one of these names."""
    return lambda asked, leaf: leaf.value in asked.said(*names)


def text(asked: Asked, leaf: Leaf) -> bool:
    return asked.is_text(leaf.value)


def piece(asked: Asked, leaf: Leaf) -> bool:
    """A text of the caller's or a part of a data URL."""
    return (
        leaf.value in asked.strings
        or f"image/{leaf.value}" in asked.strings
        or (f"application/{leaf.value}" in asked.strings)
    )


def own_model(asked: Asked, leaf: Leaf) -> bool:
    return bool(leaf.value == asked.deployment.model)


def token_limit(asked: Asked, leaf: Leaf) -> bool:
    """The caller's, or what the mapping says that the model writes at most: Anthropic insists on a number."""
    return leaf.value in asked.said("max_tokens", "max_completion_tokens") or (
        leaf.value == asked.deployment.info.max_output_tokens and not asked.said("max_tokens", "max_completion_tokens")
    )


def choice(**meant: str) -> Rule:
    """The provider's word for the caller's `tool_choice`."""

    def rule(asked: Asked, leaf: Leaf) -> bool:
        chosen = asked.params.get("tool_choice", "auto")
        return meant.get(chosen if isinstance(chosen, str) else "function") == leaf.key or (
            meant.get(chosen if isinstance(chosen, str) else "function") == leaf.value
        )

    return rule


def one_call(asked: Asked, leaf: Leaf) -> bool:
    return leaf.value is (asked.params.get("parallel_tool_calls") is False)


def thought(asked: Asked, leaf: Leaf) -> bool:
    """As the caller has it under `thinking`."""
    wanted = asked.params.get("thinking")
    return isinstance(wanted, Mapping) and wanted.get(leaf.key) == leaf.value


def any_of(*rules: Rule) -> Rule:
    return lambda asked, leaf: any(rule(asked, leaf) for rule in rules)


_EFFORT_THINKS = any_of(thought, when("reasoning_effort", "adaptive", "enabled", "summarized"))
ANTHROPIC: dict[str, Rule] = {
    "model": own_model,
    "max_tokens": token_limit,
    "stream": constant(True),
    "system.type": constant("text"),
    "system.text": text,
    "messages.role": constant("user", "assistant"),
    "messages.content": text,
    "messages.content.type": constant(
        "text", "image", "document", "tool_use", "tool_result", "thinking", "redacted_thinking"
    ),
    "messages.content.text": text,
    "messages.content.id": value_of("id"),
    "messages.content.tool_use_id": value_of("tool_call_id"),
    "messages.content.name": value_of("name"),
    "messages.content.thinking": value_of("thinking", "reasoning_content"),
    "messages.content.signature": value_of("signature"),
    "messages.content.content": text,
    "messages.content.content.type": constant("text", "image"),
    "messages.content.content.text": text,
    "messages.content.content.source.type": constant("base64"),
    "messages.content.content.source.media_type": piece,
    "messages.content.content.source.data": piece,
    "messages.content.source.type": constant("base64", "file", "text", "url"),
    "messages.content.source.media_type": piece,
    "messages.content.source.data": piece,
    "messages.content.source.file_id": value_of("file_id"),
    "messages.content.title": value_of("filename"),
    "tools.name": any_of(value_of("name"), when("web_search_options", "web_search")),
    "tools.type": any_of(constant("custom"), when("web_search_options", "web_search_20250305")),
    "tools.max_uses": when("web_search_options", 1, 5, 10),
    "tools.description": value_of("description"),
    "tools.strict": value_of("strict"),
    "tool_choice.type": choice(auto="auto", required="any", none="none", function="tool"),
    "tool_choice.name": value_of("name"),
    "tool_choice.disable_parallel_tool_use": one_call,
    "temperature": value_of("temperature"),
    "top_p": value_of("top_p"),
    "top_k": value_of("top_k"),
    "stop_sequences": value_of("stop"),
    "thinking.type": _EFFORT_THINKS,
    "thinking.display": _EFFORT_THINKS,
    "thinking.budget_tokens": thought,
    "output_config.effort": value_of("reasoning_effort"),
    "output_config.format.type": when("response_format", "json_schema"),
    "output_format.type": when("response_format", "json_schema"),
}
BEDROCK: dict[str, Rule] = {
    "system.text": text,
    "messages.role": constant("user", "assistant"),
    "messages.content.text": text,
    "messages.content.image.format": piece,
    "messages.content.image.source.bytes": piece,
    "messages.content.document.format": piece,
    "messages.content.document.source.bytes": piece,
    "messages.content.document.name": value_of("filename"),
    "messages.content.guardContent.text.text": text,
    "messages.content.toolUse.toolUseId": value_of("id"),
    "messages.content.toolUse.name": value_of("name"),
    "messages.content.toolResult.toolUseId": value_of("tool_call_id"),
    "messages.content.toolResult.content.text": text,
    "messages.content.toolResult.content.image.format": piece,
    "messages.content.toolResult.content.image.source.bytes": piece,
    "messages.content.reasoningContent.reasoningText.text": value_of("thinking", "reasoning_content"),
    "messages.content.reasoningContent.reasoningText.signature": value_of("signature"),
    "inferenceConfig": constant({}),
    "inferenceConfig.maxTokens": token_limit,
    "inferenceConfig.temperature": value_of("temperature"),
    "inferenceConfig.topP": value_of("top_p"),
    "inferenceConfig.stopSequences": value_of("stop"),
    "additionalModelRequestFields": constant({}),
    "additionalModelRequestFields.thinking.type": _EFFORT_THINKS,
    "additionalModelRequestFields.thinking.display": _EFFORT_THINKS,
    "additionalModelRequestFields.thinking.budget_tokens": thought,
    "additionalModelRequestFields.output_config.effort": value_of("reasoning_effort"),
    "additionalModelRequestFields.reasoningConfig.type": when("reasoning_effort", "enabled"),
    "additionalModelRequestFields.reasoningConfig.maxReasoningEffort": value_of("reasoning_effort"),
    "additionalModelRequestFields.tool_choice.disable_parallel_tool_use": one_call,
    "additionalModelRequestFields.tool_choice.type": choice(auto="auto", required="any", function="tool"),
    "additionalModelRequestFields.top_k": value_of("top_k"),
    # Asks for the number of reasoning tokens in the answer's usage.
    "additionalModelResponseFieldPaths": constant("/usage/output_tokens_details"),
    "toolConfig.tools.toolSpec.name": value_of("name"),
    "toolConfig.tools.toolSpec.description": value_of("description"),
    "toolConfig.tools.toolSpec.strict": value_of("strict"),
    "toolConfig.tools.systemTool.name": when("web_search_options", "nova_grounding"),
    "toolConfig.toolChoice.auto": choice(auto="auto"),
    "toolConfig.toolChoice.any": choice(required="any"),
    "toolConfig.toolChoice.tool.name": value_of("name"),
    "outputConfig.textFormat.type": when("response_format", "json_schema"),
    "outputConfig.textFormat.structure.jsonSchema.name": value_of("name"),
    "outputConfig.textFormat.structure.jsonSchema.description": value_of("description"),
}
CACHE_MARKS: dict[str, Rule] = {
    "cache_control.type": value_of("type"),
    "cache_control.ttl": value_of("ttl"),
    "cachePoint.type": lambda asked, leaf: leaf.value == "default" and "ephemeral" in asked.said("type"),
    "cachePoint.ttl": value_of("ttl"),
}


def is_known(asked: Asked, leaf: Leaf) -> bool:
    """Whether a leaf of the body is the caller's, the mapping's or a constant of the API."""
    if asked.deployment.provider == "openai":
        return asked.has(leaf) or _is_openai_constant(asked, leaf)
    if leaf.free is not None:
        return fingerprint(leaf) in asked.free or _is_empty_schema(asked, leaf)
    table = ANTHROPIC if asked.deployment.provider == "anthropic" else BEDROCK
    rule = table.get(".".join(leaf.names)) or CACHE_MARKS.get(".".join(leaf.names[-2:]))
    return rule is not None and rule(asked, leaf)


def _is_empty_schema(asked: Asked, leaf: Leaf) -> bool:
    """A tool without parameters takes an object without properties; arguments of no characters are an empty object."""
    if leaf.names[0] == "messages":
        return leaf.free == () and leaf.value == {}
    return (leaf.free, leaf.value) in ((("type",), "object"), (("properties",), {}), (("required",), []))


def _is_openai_constant(asked: Asked, leaf: Leaf) -> bool:
    return (leaf.names in {("stream",), ("stream_options", "include_usage")} and leaf.value is True) or (
        leaf.names == ("model",) and own_model(asked, leaf)
    )
