"""Reads and checks a Converse request as strictly as Bedrock does."""

import json
from collections.abc import Mapping
from typing import Any

from local.simulator.anthropic.thinking_rules import Thinking, objection_to
from local.simulator.bedrock import schema
from local.simulator.bedrock.errors import context_exceeded, refuse
from local.simulator.bedrock.message_rules import check_messages
from local.simulator.bedrock.tool_rules import answer_schema, check_history, check_tools
from local.simulator.catalogue import Model
from local.simulator.conversation import (
    Call,
    Image,
    Part,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
    alternating,
)
from local.simulator.provider import ApiError

_Json = Mapping[str, Any]
_THINKING = ("enabled", "adaptive")


def to_call(body: Any, model: Model, *, region: str | None, stream: bool) -> Call:
    """Raises ApiError with Bedrock's 400 for anything it would refuse."""
    schema.check("ConverseStream" if stream else "Converse", model.name, body)
    messages: list[_Json] = body.get("messages", [])
    tool_config: _Json = body.get("toolConfig", {})
    limits: _Json = body.get("inferenceConfig", {})
    check_messages(body, model)
    check_tools(tool_config, model, stream=stream)
    check_history(messages, tool_config, model)
    _check_limits(limits, model)
    _check_claude(body, model)
    _check_nova(body, model)
    call = Call(
        model=model,
        turns=alternating(_turn(message) for message in messages),
        stream=stream,
        system="".join(block.get("text", "") for block in body.get("system", [])),
        region=region,
        tools=_tools(tool_config),
        tool_choice=_tool_choice(tool_config),
        schema=answer_schema(body, model),
        thinking=_thinks(body, model),
        max_tokens=limits.get("maxTokens"),
        stop=tuple(limits.get("stopSequences", [])),
    )
    if call.prompt_tokens > model.context_window:
        raise ApiError(context_exceeded(model.name, model.context_window, call.prompt_tokens))
    return call


def _check_limits(limits: _Json, model: Model) -> None:
    # Sources: sigoden/aichat pull request 813 (Claude), aws-samples/generative-ai-use-cases issue 594 (Titan).
    asked = limits.get("maxTokens")
    if asked is not None and asked > model.max_output:
        raise refuse(
            f"The maximum tokens you requested exceeds the model limit of {model.max_output}. Try again with a maximum "
            f"tokens value that is lower than {model.max_output}."
        )
    # Source: mem0ai/mem0 issue 3891 (Claude since 4.5). The bounds of each are those of botocore's service model.
    if "anthropic" in model.name and "temperature" in limits and "topP" in limits:
        raise refuse(
            "The model returned the following errors: `temperature` and `top_p` cannot both be specified for this "
            "model. Please use only one."
        )


def _check_claude(body: _Json, model: Model) -> None:
    fields = body.get("additionalModelRequestFields", {})
    if "anthropic" not in model.name or not isinstance(fields, Mapping):
        return
    thinking, limits = fields.get("thinking") or {}, body.get("inferenceConfig", {})
    objection = objection_to(
        Thinking(
            kind=thinking.get("type"),
            budget=thinking.get("budget_tokens"),
            effort=(fields.get("output_config") or {}).get("effort"),
            temperature=limits.get("temperature"),
            top_k=fields.get("top_k"),
            max_tokens=limits.get("maxTokens"),
            forced=not {"any", "tool"}.isdisjoint(body.get("toolConfig", {}).get("toolChoice", {})),
        ),
        model,
    )
    if objection:
        raise refuse(f"The model returned the following errors: {objection}")


def _check_nova(body: _Json, model: Model) -> None:
    """Source: docs.aws.amazon.com/nova/latest/nova2-userguide/extended-thinking.html and UKGovernmentBEIS/inspect_ai
    issue 3767: beside the effort `high` these are unset. The words are the simulator's own."""
    fields = body.get("additionalModelRequestFields", {})
    reasoning = fields.get("reasoningConfig") if isinstance(fields, Mapping) else None
    if "nova-2" not in model.name or not isinstance(reasoning, Mapping) or reasoning.get("type") != "enabled":
        return
    given = [name for name in ("maxTokens", "temperature", "topP") if name in body.get("inferenceConfig", {})]
    if reasoning.get("maxReasoningEffort") == "high" and given:
        raise refuse(f"{', '.join(given)} must be unset when maxReasoningEffort is high.")


def _turn(message: _Json) -> Turn:
    parts = tuple(part for block in message["content"] if (part := _part(block)))
    return Turn("assistant" if message["role"] == "assistant" else "user", parts)


def _part(block: _Json) -> Part | None:
    match block:
        case {"text": text}:
            return Text(text)
        case {"image": _} | {"document": _} | {"video": _} | {"audio": _}:
            return Image()
        case {"toolUse": use}:
            return ToolCall(use["toolUseId"], use["name"], use["input"])
        case {"toolResult": result}:
            texts = (part.get("text") or json.dumps(part.get("json", "")) for part in result["content"])
            return ToolResult(result["toolUseId"], "".join(texts))
        case {"guardContent": {"text": {"text": text}}}:
            return Text(text)
        case _:
            return None  # cache points and reasoning are not part of the conversation's text


def _tools(tool_config: _Json) -> tuple[Tool, ...]:
    specs = (tool["toolSpec"] for tool in tool_config.get("tools", []) if "toolSpec" in tool)
    return tuple(Tool(spec["name"], spec.get("description", ""), spec["inputSchema"]["json"]) for spec in specs)


def _tool_choice(tool_config: _Json) -> Any:
    match tool_config.get("toolChoice"):
        case {"any": _}:
            return "required"
        case {"tool": {"name": name}}:
            for tool in _tools(tool_config):
                if tool.name == name:
                    return tool
            raise refuse(f"The toolChoice field names the tool {name}, which the tools field does not hold.")
        case _:
            return "auto"


def _thinks(body: _Json, model: Model) -> bool:
    fields = body.get("additionalModelRequestFields", {})
    thinking = fields.get("thinking") if isinstance(fields, Mapping) else None
    return "anthropic" in model.name and isinstance(thinking, Mapping) and thinking.get("type") in _THINKING
