"""Reads and checks a Converse request as strictly as Bedrock does."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from local.simulator.bedrock import schema
from local.simulator.bedrock.errors import PREFILL, context_exceeded, refuse
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
    signature,
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
    _check_messages(messages, model)
    _check_tools(messages, tool_config)
    _check_limits(limits, model)
    call = Call(
        model=model,
        turns=alternating(_turn(message) for message in messages),
        stream=stream,
        system="".join(block.get("text", "") for block in body.get("system", [])),
        region=region,
        tools=_tools(tool_config),
        tool_choice=_tool_choice(tool_config),
        schema=_answer_schema(body),
        thinking=_thinks(body, model),
        max_tokens=limits.get("maxTokens"),
        stop=tuple(limits.get("stopSequences", [])),
    )
    if call.prompt_tokens > model.context_window:
        raise ApiError(context_exceeded(model.name, model.context_window, call.prompt_tokens))
    return call


def _check_messages(messages: Sequence[_Json], model: Model) -> None:
    if not messages:
        raise refuse("The messages field is required. Add a message and try your request again.")
    if messages[0]["role"] != "user":
        raise refuse(
            "A conversation must start with a user message. Try again with a conversation that starts with a user "
            "message."
        )
    for index, message in enumerate(messages):
        if index and message["role"] == messages[index - 1]["role"]:
            raise refuse(
                "A conversation must alternate between user and assistant roles. Make sure the conversation alternates "
                "between user and assistant roles and try again."
            )
        _check_content(message["content"], f"messages.{index}", model)
    if messages[-1]["role"] == "assistant" and not model.prefill:
        raise refuse(PREFILL)


def _check_content(content: Sequence[_Json], where: str, model: Model) -> None:
    if not content:
        raise refuse(
            f"The content field in the Message object at {where} is empty. Add a ContentBlock object to the content "
            "field and try again."
        )
    for position, block in enumerate(content):
        if "text" in block and not block["text"].strip():
            raise refuse(
                f"The text field in the ContentBlock object at {where}.content.{position} is blank. Add text to the "
                "text field, and try again."
            )
        reasoning = block.get("reasoningContent", {}).get("reasoningText")
        if reasoning and reasoning.get("signature") != signature(reasoning["text"]):
            raise refuse(
                f"The model returned the following errors: {where}.content.{position}: Invalid `signature` in "
                "`thinking` block"
            )
        if "image" in block and not model.images:
            raise refuse("This model doesn't support the image field. Remove image and try again.")


def _check_tools(messages: Sequence[_Json], tool_config: _Json) -> None:
    open_ids: list[str] = []
    for index, message in enumerate(messages):
        uses = [block["toolUse"]["toolUseId"] for block in message["content"] if "toolUse" in block]
        results = [block["toolResult"]["toolUseId"] for block in message["content"] if "toolResult" in block]
        if (uses or results) and not tool_config:
            raise refuse("The toolConfig field must be defined when using toolUse and toolResult content blocks.")
        if missing := [one for one in open_ids if one not in results]:
            raise refuse(
                f"Expected toolResult blocks at messages.{index}.content for the following Ids: {', '.join(missing)}"
            )
        if any(one not in open_ids for one in results):
            raise refuse(
                f"The number of toolResult blocks at messages.{index}.content exceeds the number of toolUse blocks of "
                "previous turn."
            )
        open_ids = uses


def _check_limits(limits: _Json, model: Model) -> None:
    asked = limits.get("maxTokens")
    if asked is not None and asked > model.max_output:
        raise refuse(
            f"The maximum tokens you requested exceeds the model limit of {model.max_output}. Try again with a maximum "
            f"tokens value that is lower than {model.max_output}."
        )
    if "anthropic" in model.name and "temperature" in limits and "topP" in limits:
        raise refuse(
            "The model returned the following errors: `temperature` and `top_p` cannot both be specified for this "
            "model. Please use only one."
        )


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
            return None  # cache points and reasoning are not part of what was said


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


def _answer_schema(body: _Json) -> Any:
    match body:
        case {"outputConfig": {"textFormat": {"structure": {"jsonSchema": {"schema": text}}}}}:
            try:
                return json.loads(text)
            except ValueError as wrong:
                raise refuse("The schema in outputConfig.textFormat is not valid JSON.") from wrong
        case _:
            return None
