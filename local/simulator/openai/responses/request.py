"""Reads and checks a request for a response as strictly as OpenAI does."""

import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from local.simulator.catalogue import Model, find_model
from local.simulator.conversation import Call, Image, Part, Text, Tool, ToolCall, ToolResult, Turn, alternating
from local.simulator.http import Reply
from local.simulator.openai import errors
from local.simulator.openai.responses import items, schema
from local.simulator.openai.responses.item_rules import check_items, not_stored
from local.simulator.openai.responses.option_rules import check_options, check_schemas
from local.simulator.openai.responses.store import Store
from local.simulator.openai.wording import refusal_of
from local.simulator.provider import ApiError

_ITEMS: TypeAdapter[list[items.AnyItem]] = TypeAdapter(list[items.InputItem])
_TAKES_TEXT = {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]}


@dataclass(frozen=True, kw_only=True)
class ResponsesCall(Call):
    """One accepted request for a response."""

    asked: schema.ResponsesRequest
    body: Mapping[str, Any]
    """As it came, to be repeated in the response."""
    owner: str
    """The key of the request's organization."""
    before: tuple[Mapping[str, Any], ...] = ()
    """What the previous response knew, and its input."""
    response_id: str = field(default_factory=lambda: f"resp_{secrets.token_hex(24)}")
    too_long: bool = False
    """Longer than the window; a stream reports it after it has begun (anomalyco/opencode issue 6071)."""

    @property
    def conversation(self) -> tuple[Mapping[str, Any], ...]:
        """The conversation before the answer, as items."""
        given = self.body.get("input") or []
        spoken = [{"type": "message", "role": "user", "content": given}] if isinstance(given, str) else given
        return (*self.before, *spoken)

    def wants(self, what: str) -> bool:
        return what in (self.asked.include or ())


def parse(body: Any) -> schema.ResponsesRequest:
    """Raises ApiError with OpenAI's 400 for anything it would refuse by form."""
    if not isinstance(body, dict):
        raise errors.refuse(errors.BAD_JSON)
    try:
        return schema.ResponsesRequest.model_validate(body)
    except ValidationError as wrong:
        raise refusal_of(wrong) from wrong


def to_call(asked: schema.ResponsesRequest, body: Mapping[str, Any], store: Store, owner: str) -> ResponsesCall:
    """Check what depends on several fields, on the model and on what is stored. Raises ApiError."""
    model = _model(asked.model)
    check_options(asked, model)
    check_schemas(asked)
    before = _previous(asked, store, owner)
    known = _ITEMS.validate_python([_without_status(item) for item in before])
    given = [] if isinstance(asked.input, str) or asked.input is None else asked.input
    given = [_resolved(item, store, owner) for item in given]
    check_items(given, known, store, owner)
    said = [*known, *given]
    call = ResponsesCall(
        model=model,
        turns=alternating([*(turn for item in said if (turn := _turn(item))), *_plain_input(asked)]),
        stream=bool(asked.stream),
        system="".join([asked.instructions or "", *(_instruction(item) for item in said)]),
        tools=_tools(asked),
        tool_choice=_tool_choice(asked),
        parallel=asked.parallel_tool_calls is not False,
        schema=_answer_schema(asked),
        thinking=bool(asked.reasoning and asked.reasoning.effort not in {None, "none"}),
        max_tokens=asked.max_output_tokens,
        logprobs=(asked.top_logprobs or 0) if "message.output_text.logprobs" in (asked.include or ()) else None,
        web_search=any(tool.type.startswith("web_search") for tool in asked.tools or ()),
        asked=asked,
        body=body,
        owner=owner,
        before=before,
    )
    return _within(call)


def _model(name: str) -> Model:
    model = find_model("openai", name)
    if model is None:
        raise ApiError(model_not_found(name))
    return model


def model_not_found(name: str) -> Reply:
    """Source: skorokithakis/sysaidmin issue 9."""
    text = f"The requested model '{name}' does not exist."
    return errors.error_reply(400, text, code="model_not_found", param="model")


def _previous(asked: schema.ResponsesRequest, store: Store, owner: str) -> tuple[Mapping[str, Any], ...]:
    if asked.previous_response_id is None:
        return ()
    stored = store.find(asked.previous_response_id, owner)
    if stored is None:
        # Sources: maximhq/bifrost issue 2441, bigduu/Bamboo-agent pull request 513 (one that was not stored).
        text = f"Previous response with id '{asked.previous_response_id}' not found."
        raise errors.refuse(text, code="previous_response_not_found", param="previous_response_id")
    return stored.conversation


def _without_status(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name != "status" or item.get("type") != "reasoning"}


def _within(call: ResponsesCall) -> ResponsesCall:
    window, turns = call.model.context_window, call.turns
    while call.asked.truncation == "auto" and len(turns) > 1 and call.prompt_tokens > window:
        turns = turns[1:]
        call = replace(call, turns=turns)
    if call.prompt_tokens <= window:
        return call
    if not call.stream:
        raise ApiError(context_exceeded())
    return replace(call, too_long=True)


def context_exceeded() -> Reply:
    """Sources: anomalyco/opencode issue 6071, the-open-agent/openagent issue 2344."""
    return errors.error_reply(400, TOO_LONG, code="context_length_exceeded", param="input")


TOO_LONG = "Your input exceeds the context window of this model. Please adjust your input and try again."


def _resolved(item: items.AnyItem, store: Store, owner: str) -> items.AnyItem:
    if not isinstance(item, items.ItemReference):
        return item
    found = store.item(item.id, owner)
    if found is None:
        raise not_stored(item.id)
    return _ITEMS.validate_python([_without_status(found)])[0]


def _plain_input(asked: schema.ResponsesRequest) -> Iterator[Turn]:
    if isinstance(asked.input, str):
        yield Turn("user", (Text(asked.input),))


def _turn(item: items.AnyItem) -> Turn | None:
    turn: Turn | None = None
    match item:
        case items.InputMessage(role="user", content=content):
            turn = Turn("user", _parts(content))
        case items.OutputMessage(content=content):
            turn = Turn("assistant", _parts(content))
        case items.FunctionCall(call_id=call_id, name=name, arguments=arguments):
            turn = Turn("assistant", (ToolCall(call_id, name, _arguments(arguments)),))
        case items.CustomToolCall(call_id=call_id, name=name, input=text):
            turn = Turn("assistant", (ToolCall(call_id, name, {"input": text}),))
        case items.FunctionCallOutput(call_id=call_id, output=output):
            turn = Turn("user", (ToolResult(call_id, _plain(output)),))
        case items.CustomToolCallOutput(call_id=call_id, output=output):
            turn = Turn("user", (ToolResult(call_id, _plain(output)),))
    return turn  # None: thoughts, and what built-in tools did, are not part of the conversation's text


def _arguments(written: str) -> dict[str, Any]:
    try:
        arguments = json.loads(written or "{}")
    except (ValueError, RecursionError):
        return {}  # the API does not look at them either
    return arguments if isinstance(arguments, dict) else {}


def _instruction(item: items.AnyItem) -> str:
    return _plain(item.content) if isinstance(item, items.InputMessage) and item.role != "user" else ""


def _parts(content: str | Sequence[Any]) -> tuple[Part, ...]:
    if isinstance(content, str):
        return (Text(content),) if content else ()
    return tuple(_part(part) for part in content)


def _part(part: Any) -> Part:
    match part:
        case items.InputText(text=text) | items.OutputText(text=text) | items.Refusal(refusal=text):
            return Text(text)
        case _:
            return Image()


def _plain(content: str | Sequence[Any]) -> str:
    return content if isinstance(content, str) else "".join(getattr(part, "text", "") for part in content)


def _tools(asked: schema.ResponsesRequest) -> tuple[Tool, ...]:
    return tuple(tool for given in asked.tools or () if (tool := _tool(given)))


def _tool(given: schema.AnyTool) -> Tool | None:
    match given:
        case schema.FunctionTool(name=name, description=description, parameters=parameters):
            return Tool(name, description or "", parameters or {"type": "object"})
        case schema.CustomTool(name=name, description=description):
            return Tool(name, description or "", _TAKES_TEXT)
        case _:
            return None


def _tool_choice(asked: schema.ResponsesRequest) -> Any:
    choice = asked.tool_choice
    if not isinstance(choice, schema.ToolChoice):
        return choice or "auto"
    if choice.type not in {"function", "custom"}:
        return "auto"  # a built-in tool, or several of those given
    for tool in _tools(asked):
        if tool.name == choice.name:
            return tool
    raise errors.refuse(f"Tool choice '{choice.name}' not found in 'tools' parameter.", param="tool_choice")


def _answer_schema(asked: schema.ResponsesRequest) -> dict[str, Any] | None:
    match asked.text.format if asked.text else None:
        case schema.JsonSchemaFormat(schema_=given):
            return given
        case schema.JsonFormat():
            return {}
        case _:
            return None
