"""What OpenAI refuses of a response's options, beyond the form of each."""

from local.simulator.catalogue import Model
from local.simulator.openai.errors import error_reply, refuse
from local.simulator.openai.reasoning_rules import check_effort, check_sampling
from local.simulator.openai.responses import items, schema
from local.simulator.openai.schema_rules import check_answer, check_parameters
from local.simulator.provider import ApiError


def check_options(asked: schema.ResponsesRequest, model: Model) -> None:
    """Raises ApiError."""
    _check_state(asked)
    _check_reasoning(asked, model)
    if asked.stream_options is not None and not asked.stream:
        text = "The 'stream_options' parameter is only allowed when 'stream' is enabled."
        raise refuse(text, param="stream_options")
    if asked.max_output_tokens is not None and asked.max_output_tokens > model.max_output:
        text = (
            f"Invalid 'max_output_tokens': integer above maximum value. Expected a value <= {model.max_output}, but "
            f"got {asked.max_output_tokens} instead."
        )
        raise refuse(text, code="integer_above_max_value", param="max_output_tokens")
    wants_json = isinstance(asked.text.format if asked.text else None, schema.JsonFormat)
    # Sources: miracodeai/mira pull request 267, BigDawnGhost/wenyi pull request 66 (instructions do not count).
    if wants_json and "json" not in repr(asked.input).lower():
        text = (
            "Response input messages must contain the word 'json' in some form to use 'text.format' of type "
            "'json_object'."
        )
        raise refuse(text, param="input")


def _check_state(asked: schema.ResponsesRequest) -> None:
    # Source: types of the client, ResponseCreateParams: "Cannot be used in conjunction with `conversation`".
    if asked.previous_response_id is not None and asked.conversation is not None:
        text = "Mutually exclusive parameters: 'previous_response_id' and 'conversation'. Please provide only one."
        raise refuse(text, code="mutually_exclusive_parameters")
    if asked.conversation is not None:
        given = asked.conversation if isinstance(asked.conversation, str) else asked.conversation.id
        text = f"Conversation with id '{given}' not found."  # there are none here: they are made elsewhere
        raise ApiError(error_reply(404, text))
    if not asked.input and asked.previous_response_id is None and asked.prompt is None:
        text = "One of \"input\" or \"previous_response_id\" or 'prompt' or 'conversation_id' must be provided."
        raise refuse(text, code="missing_required_parameter", param="input")
    # Source: platform.openai.com/docs/guides/background, "Limits": background needs `store`.
    if asked.background and asked.store is False:
        raise refuse("Background mode requires 'store' to be true.", param="background")
    if asked.background or asked.prompt is not None:
        name = "background" if asked.background else "prompt"
        raise ApiError(error_reply(501, f"This simulator does not know '{name}'.", param=name))


def _check_reasoning(asked: schema.ResponsesRequest, model: Model) -> None:
    if model.reasoning:
        effort = asked.reasoning.effort if asked.reasoning else None
        check_effort(effort, model, "reasoning.effort")
        check_sampling((name for name, value in asked if value is not None), asked.temperature, effort, model)
        return
    # Source: platform.openai.com/docs/guides/reasoning: "gpt-5 and o-series models only" (types of the client).
    if asked.reasoning and asked.reasoning.effort is not None:
        text = "Unsupported parameter: 'reasoning.effort' is not supported with this model."
        raise refuse(text, code="unsupported_parameter", param="reasoning.effort")
    if "reasoning.encrypted_content" in (asked.include or ()):
        raise refuse("Encrypted content is not supported with this model.", param="include")
    given = asked.input if isinstance(asked.input, list) else ()
    if any(isinstance(item, items.ReasoningItem) and item.encrypted_content for item in given):
        raise refuse("Encrypted content is not supported with this model.", param="input")


def check_schemas(asked: schema.ResponsesRequest) -> None:
    """Raises ApiError for what cannot be a tool's parameters or an answer's form."""
    for index, tool in enumerate(asked.tools or ()):
        if isinstance(tool, schema.FunctionTool) and tool.parameters is not None:
            check_parameters(tool.name, tool.parameters, f"tools[{index}].parameters", strict=bool(tool.strict))
    form = asked.text.format if asked.text else None
    if isinstance(form, schema.JsonSchemaFormat):
        check_answer(form.name, form.schema_, strict=bool(form.strict), param="text.format.schema")
