"""What Bedrock refuses of tools, calls, results and the form of an answer, beyond the shapes of its service model."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from local.simulator.anthropic.schema_rules import unfit_for_output, unfit_for_tool
from local.simulator.bedrock.errors import refuse
from local.simulator.catalogue import Model

_Json = Mapping[str, Any]


def check_tools(tool_config: _Json, model: Model, *, stream: bool) -> None:
    """Raises ApiError."""
    tools: Sequence[_Json] = tool_config.get("tools", [])
    # Source: earendil-works/pi issue 3739; docs.aws.amazon.com/bedrock/latest/userguide/
    # conversation-inference-supported-models-features.html: Llama has no streaming tool use.
    if tools and stream and not model.stream_tools:
        raise refuse("This model doesn't support tool use in streaming mode.")
    choice = next(iter(tool_config.get("toolChoice", {})), "auto")
    # Source: strands-agents/harness-sdk issue 1241.
    if choice != "auto" and not model.tool_choice:
        field = f"toolConfig.toolChoice.{choice}"
        raise refuse(f"This model doesn't support the {field} field. Remove {field} and try again.")
    for index, tool in enumerate(tools):
        if "toolSpec" in tool:
            _check_tool(tool["toolSpec"], f"toolConfig.tools.{index}.toolSpec", model)


def _check_tool(spec: _Json, where: str, model: Model) -> None:
    schema = spec["inputSchema"]["json"]
    # Source: botocore's service model, `ToolInputSchema` ("The top level schema type must be object"); the words:
    # aaif-goose/goose pull request 5064, cognitect-labs/aws-api issue 272.
    if not isinstance(schema, Mapping) or schema.get("type") != "object":
        raise refuse(f"The value at {where}.inputSchema.json.type must be one of the following: object.")
    if "anthropic" not in model.name:
        return
    objection = unfit_for_tool(schema) or (unfit_for_output(schema) if spec.get("strict") else None)
    if objection:
        index = where.split(".")[2]
        raise refuse(f"The model returned the following errors: tools.{index}.custom.input_schema: {objection}")


def check_history(messages: Sequence[_Json], tool_config: _Json, model: Model) -> None:
    """Calls and results among the messages. Raises ApiError."""
    open_ids: list[str] = []
    for index, message in enumerate(messages):
        uses = [block["toolUse"] for block in message["content"] if "toolUse" in block]
        results = [block["toolResult"] for block in message["content"] if "toolResult" in block]
        # Source: patriceckhart/zot pull request 18.
        if (uses or results) and not tool_config:
            raise refuse("The toolConfig field must be defined when using toolUse and toolResult content blocks.")
        answered = [result["toolUseId"] for result in results]
        if missing := [one for one in open_ids if one not in answered]:
            raise refuse(
                f"Expected toolResult blocks at messages.{index}.content for the following Ids: {', '.join(missing)}"
            )
        # Source: OpenHands/OpenHands issue 4912.
        if any(one not in open_ids for one in answered):
            raise refuse(
                f"The number of toolResult blocks at messages.{index}.content exceeds the number of toolUse blocks of "
                "previous turn."
            )
        _check_blocks(message["content"], f"messages.{index}.content")
        # Source: strands-agents/harness-sdk issue 1223, of a Llama.
        if results and not model.mixed_turns and any("text" in block for block in message["content"]):
            raise refuse("Conversation blocks and tool result blocks cannot be provided in the same turn.")
        open_ids = [use["toolUseId"] for use in uses]


def _check_blocks(content: Sequence[_Json], where: str) -> None:
    for position, block in enumerate(content):
        # Source: sigoden/aichat pull request 1550 (of a result's `json`); a call's input is refused in the same words.
        if "toolUse" in block and not isinstance(block["toolUse"]["input"], Mapping):
            raise _no_object(f"{where}.{position}.toolUse.input")
        result = block.get("toolResult")
        if result is None:
            continue
        # Source: aws-samples/sample-multi-agent-orchestration-chat-on-agentcore issue 15. Else nothing is an answer,
        # too: NousResearch/hermes-agent issue 55092, tried at the API.
        if result.get("status") == "error" and not result["content"]:
            at = f"{where}.{position}.toolResult"
            raise refuse(f"The content field at {at} cannot be empty when status value is error.")
        for place, part in enumerate(result["content"]):
            if "json" in part and not isinstance(part["json"], Mapping):
                raise _no_object(f"{where}.{position}.toolResult.content.{place}.json")


def _no_object(where: str) -> Exception:
    return refuse(f"The format of the value at {where} is invalid. Provide a json object for the field and try again.")


def answer_schema(body: _Json, model: Model) -> Any:
    """The schema that an answer has to satisfy; None: it has to satisfy none. Raises ApiError."""
    match body:
        case {"outputConfig": {"textFormat": {"structure": {"jsonSchema": {"schema": text}}}}}:
            # Source: docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html, "Supported models".
            if not model.structured:
                raise refuse("This model doesn't support the outputConfig field. Remove outputConfig and try again.")
            try:
                schema = json.loads(text)
            except ValueError as wrong:
                raise refuse("The schema in outputConfig.textFormat is not valid JSON.") from wrong
        case _:
            return None
    if "anthropic" in model.name and (objection := unfit_for_output(schema)):
        raise refuse(f"The model returned the following errors: output_config.format.schema: {objection}")
    return schema
