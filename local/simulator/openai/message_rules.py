"""What OpenAI refuses of messages, beyond the form of each."""

from collections.abc import Sequence

from local.simulator.openai import errors, schema
from local.simulator.provider import ApiError


def check_messages(messages: Sequence[schema.Message]) -> None:
    """Raises ApiError."""
    for index, message in enumerate(messages):
        if isinstance(message, schema.AssistantMessage):
            _check_said(message, index)
    _check_tool_order(messages)


def _check_said(message: schema.AssistantMessage, index: int) -> None:
    # Source: types of the `openai` client, ChatCompletionAssistantMessageParam: content is "Required unless
    # `tool_calls` or `function_call` is specified".
    if message.content is None and not message.tool_calls and not message.function_call:
        text = "Invalid value for 'content': expected a string, got null."
        raise errors.refuse(text, param=f"messages.[{index}].content")


def _check_tool_order(messages: Sequence[schema.Message]) -> None:
    open_ids: list[str] = []
    expecting = False
    for index, message in enumerate(messages):
        if isinstance(message, schema.ToolMessage):
            if not expecting:
                raise errors.refuse(
                    "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with "
                    "'tool_calls'.",
                    param=f"messages.[{index}].role",
                )
            open_ids = [call_id for call_id in open_ids if call_id != message.tool_call_id]
            continue
        if open_ids:
            raise _unanswered(open_ids, index)
        calls = message.tool_calls if isinstance(message, schema.AssistantMessage) else None
        expecting = bool(calls)
        open_ids = [call.id for call in calls or ()]
    if open_ids:
        raise _unanswered(open_ids, len(messages))


def _unanswered(call_ids: list[str], index: int) -> ApiError:
    return errors.refuse(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. "
        f"The following tool_call_ids did not have response messages: {', '.join(call_ids)}",
        param=f"messages.[{index}].role",
    )
