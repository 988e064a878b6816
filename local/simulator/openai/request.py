"""Reads and checks a chat completion request as strictly as OpenAI does."""

import json
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from local.simulator.catalogue import Model
from local.simulator.conversation import Call, Image, Part, Text, Tool, ToolCall, ToolResult, Turn, alternating
from local.simulator.openai import errors, schema
from local.simulator.openai.message_rules import check_messages
from local.simulator.openai.reasoning_rules import check_effort, check_functions, check_sampling
from local.simulator.openai.schema_rules import check_answer, check_parameters
from local.simulator.openai.wording import refusal_of
from local.simulator.provider import ApiError

_MAX_STOPS = 4


def parse(body: Any) -> schema.ChatRequest:
    """Raises ApiError with OpenAI's 400 for anything it would refuse by form."""
    if not isinstance(body, dict):
        raise errors.refuse(errors.BAD_JSON)
    if surplus := sorted(set(body) - set(schema.ChatRequest.model_fields)):
        plural = "s" if len(surplus) > 1 else ""
        raise errors.refuse(f"Unrecognized request argument{plural} supplied: {', '.join(surplus)}")
    if "model" not in body:
        raise errors.refuse("you must provide a model parameter")
    try:
        return schema.ChatRequest.model_validate(body)
    except ValidationError as wrong:
        raise refusal_of(wrong) from wrong


def to_call(chat: schema.ChatRequest, model: Model) -> Call:
    """Check what depends on several fields or on the model. Raises ApiError."""
    _check_options(chat, model)
    _check_schemas(chat)
    check_messages(chat.messages)
    call = Call(
        model=model,
        turns=alternating(turn for message in chat.messages if (turn := _turn(message))),
        stream=bool(chat.stream),
        system="".join(_plain(m.content) for m in chat.messages if isinstance(m, schema.InstructionMessage)),
        tools=_tools(chat),
        tool_choice=_tool_choice(chat),
        parallel=chat.parallel_tool_calls is not False,
        schema=_answer_schema(chat),
        max_tokens=chat.max_completion_tokens or chat.max_tokens,
        stop=(chat.stop,) if isinstance(chat.stop, str) else tuple(chat.stop or ()),
        n=chat.n or 1,
        logprobs=(chat.top_logprobs or 0) if chat.logprobs else None,
        include_usage=bool(chat.stream_options and chat.stream_options.include_usage),
    )
    if call.prompt_tokens > model.context_window:
        raise ApiError(errors.context_exceeded(model.context_window, call.prompt_tokens))
    return call


def _check_options(chat: schema.ChatRequest, model: Model) -> None:
    # Source: generative-computing/mellea issue 270.
    if chat.reasoning_effort is not None and not model.reasoning:
        raise errors.refuse("Unrecognized request argument supplied: reasoning_effort")
    effort = chat.reasoning_effort
    check_effort(effort, model, "reasoning_effort")
    check_sampling((name for name, value in chat if value is not None), chat.temperature, effort, model)
    check_functions(any(isinstance(tool, schema.FunctionTool) for tool in chat.tools or ()), effort, model)
    # Source: fish2018/YPrompt issue 26.
    if chat.max_tokens is not None and not model.max_tokens:
        raise errors.refuse(
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' "
            "instead.",
            code="unsupported_parameter",
            param="max_tokens",
        )
    # Source: langchain-ai/langgraph issue 5943.
    if chat.max_tokens is not None and chat.max_completion_tokens is not None:
        raise errors.refuse(
            "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.",
            code="invalid_parameter_combination",
        )
    # Source: tailcallhq/forgecode issue 1185.
    for name, limit in (("max_tokens", chat.max_tokens), ("max_completion_tokens", chat.max_completion_tokens)):
        if limit is not None and limit > model.max_output:
            raise errors.refuse(
                f"{name} is too large: {limit}. This model supports at most {model.max_output} completion tokens, "
                f"whereas you provided {limit}.",
                code="invalid_value",
                param=name,
            )
    for name, given, needs, has in (
        ("stream_options", chat.stream_options, "stream", chat.stream),
        # Source: spiceai/spiceai pull request 5231, tmc/langchaingo issue 1484.
        ("metadata", chat.metadata, "store", chat.store),
        ("top_logprobs", chat.top_logprobs, "logprobs", chat.logprobs),
    ):
        if given is not None and not has:
            raise errors.refuse(f"The '{name}' parameter is only allowed when '{needs}' is enabled.", param=name)
    # Source: camel-ai/camel pull request 3706 (`parallel_tool_calls`).
    for name, choice in (("tool_choice", chat.tool_choice), ("parallel_tool_calls", chat.parallel_tool_calls)):
        if choice is not None and not chat.tools:
            text = f"Invalid value for '{name}': '{name}' is only allowed when 'tools' are specified."
            raise errors.refuse(text, param=name)
    if isinstance(chat.stop, list) and len(chat.stop) > _MAX_STOPS:
        raise errors.refuse(
            f"Invalid 'stop': array too long. Expected an array with maximum length {_MAX_STOPS}, but got an array "
            f"with length {len(chat.stop)} instead.",
            code="array_above_max_length",
            param="stop",
        )
    if isinstance(chat.response_format, schema.JsonResponse) and "json" not in repr(chat.messages).lower():
        raise errors.refuse(
            "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.",
            param="messages",
        )


def _check_schemas(chat: schema.ChatRequest) -> None:
    for index, tool in enumerate(chat.tools or ()):
        if not isinstance(tool, schema.FunctionTool):
            continue
        function = tool.function
        if function.parameters is not None:
            where = f"tools[{index}].function.parameters"
            check_parameters(function.name, function.parameters, where, strict=bool(function.strict))
    if isinstance(chat.response_format, schema.JsonSchemaResponse):
        form = chat.response_format.json_schema
        check_answer(form.name, form.schema_, strict=bool(form.strict))


def _turn(message: schema.Message) -> Turn | None:
    match message:
        case schema.UserMessage(content=content):
            return Turn("user", _parts(content))
        case schema.ToolMessage(content=content, tool_call_id=call_id):
            return Turn("user", (ToolResult(call_id, _plain(content)),))
        case schema.FunctionMessage(content=content, name=name):
            return Turn("user", (ToolResult(name, content or ""),))
        case schema.AssistantMessage(content=content, tool_calls=calls):
            return Turn("assistant", (*_parts(content or ""), *(_called(call) for call in calls or ())))
        case _:
            return None


def _called(call: schema.AnyCall) -> ToolCall:
    if isinstance(call, schema.CalledCustomTool):
        return ToolCall(call.id, call.custom.name, {"input": call.custom.input})
    try:
        arguments = json.loads(call.function.arguments or "{}")
    except (ValueError, RecursionError):
        arguments = {}  # the API does not look at them either
    return ToolCall(call.id, call.function.name, arguments if isinstance(arguments, dict) else {})


def _parts(content: str | Sequence[Any]) -> tuple[Part, ...]:
    if isinstance(content, str):
        return (Text(content),) if content else ()
    return tuple(Text(part.text) if isinstance(part, schema.TextPart) else Image() for part in content)


def _plain(content: str | Sequence[schema.TextPart]) -> str:
    return content if isinstance(content, str) else "".join(part.text for part in content)


def _tools(chat: schema.ChatRequest) -> tuple[Tool, ...]:
    functions = (tool.function for tool in chat.tools or () if isinstance(tool, schema.FunctionTool))
    return tuple(Tool(f.name, f.description or "", f.parameters or {"type": "object"}) for f in functions)


def _tool_choice(chat: schema.ChatRequest) -> Any:
    choice = chat.tool_choice
    if not isinstance(choice, schema.NamedToolChoice):
        return choice or "auto"
    for tool in _tools(chat):
        if tool.name == choice.function.name:
            return tool
    text = f"Tool choice '{choice.function.name}' not found in 'tools' parameter."
    raise errors.refuse(f"Invalid value for 'tool_choice': {text}", param="tool_choice")


def _answer_schema(chat: schema.ChatRequest) -> dict[str, Any] | None:
    match chat.response_format:
        case schema.JsonSchemaResponse(json_schema=form):
            return form.schema_
        case schema.JsonResponse():
            return {}
        case _:
            return None
