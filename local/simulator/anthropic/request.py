"""Reads and checks a message request as strictly as Anthropic does."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError

from local.simulator.anthropic import schema
from local.simulator.anthropic.betas import check_betas
from local.simulator.anthropic.errors import context_exceeded, refuse
from local.simulator.anthropic.message_rules import check_messages
from local.simulator.anthropic.schema_rules import unfit_for_output
from local.simulator.anthropic.server_schema import WebSearchTool
from local.simulator.anthropic.thinking_rules import Thinking, objection_to
from local.simulator.anthropic.tool_rules import check_history, check_tools
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

_Form = TypeVar("_Form", schema.MessagesRequest, schema.CountRequest)
_WITHOUT_SAMPLING = "2026-10-21"  # the API version that took temperature, top_p and top_k away


@dataclass(frozen=True, kw_only=True)
class MessagesCall(Call):
    """One accepted message request."""

    asked: schema.MessagesRequest
    beta: str = ""
    """The header anthropic-beta."""

    @property
    def thoughts_shown(self) -> bool:
        thinking = self.asked.thinking
        return thinking is None or thinking.display != "omitted"


def parse(body: Any, *, version: str, beta: str) -> schema.MessagesRequest:
    """Raises ApiError with Anthropic's 400. `version` and `beta`: the headers anthropic-version and anthropic-beta."""
    return _parse(schema.MessagesRequest, body, version=version, beta=beta)


def parse_count(body: Any, *, version: str, beta: str) -> schema.MessagesRequest:
    """The message request whose tokens shall be counted. Raises ApiError with Anthropic's 400."""
    asked = _parse(schema.CountRequest, body, version=version, beta=beta)
    budget = asked.thinking.budget_tokens if asked.thinking else None
    return schema.MessagesRequest(max_tokens=1 + (budget or 0), **dict(asked))


def _parse(form: type[_Form], body: Any, *, version: str, beta: str) -> _Form:
    if not isinstance(body, dict):
        raise refuse("The request body is not valid JSON")
    try:
        json.dumps(body, ensure_ascii=False).encode()
    except UnicodeEncodeError as lone:
        # Source: anthropics/claude-code issue 2108.
        raise refuse("The request body is not valid JSON: no low surrogate in string") from lone
    check_betas(body, beta)
    if version >= _WITHOUT_SAMPLING and (gone := sorted(set(body) & {"temperature", "top_p", "top_k"})):
        raise refuse(f"{gone[0]}: Extra inputs are not permitted")
    try:
        return form.model_validate(body)
    except ValidationError as wrong:
        # Of the members of a union that complain, the one that got furthest is what the caller meant.
        first = max(wrong.errors(include_url=False), key=lambda mistake: len(mistake["loc"]))
        where = ".".join(str(step) for step in first["loc"] if not str(step).startswith("list["))
        is_range = first["type"] in {"less_than_equal", "greater_than_equal"} and where in {"temperature", "top_p"}
        raise refuse(f"{where}: {'range: 0..1' if is_range else first['msg']}") from wrong


def to_call(asked: schema.MessagesRequest, model: Model, beta: str = "") -> MessagesCall:
    """Check what depends on several fields or on the model. Raises ApiError."""
    _check_options(asked, model)
    check_messages(asked, model)
    check_tools(asked)
    check_history(asked)
    choice = asked.tool_choice
    form = asked.output_config.format if asked.output_config else None
    _check_output(form, "output_config.format")
    _check_output(asked.output_format, "output_format")
    form = form or asked.output_format
    call = MessagesCall(
        model=model,
        turns=alternating(
            Turn(message.role, _parts(message.content)) for message in asked.messages if message.role != "system"
        ),
        stream=bool(asked.stream),
        system="\n".join(filter(None, [_plain(asked.system), *_instructions(asked)])),
        tools=_tools(asked),
        tool_choice=_tool_choice(asked),
        parallel=not (choice and choice.disable_parallel_tool_use),
        schema=form.schema_ if form else None,
        thinking=bool(asked.thinking and asked.thinking.type in {"enabled", "adaptive"}),
        max_tokens=asked.max_tokens,
        stop=tuple(asked.stop_sequences or ()),
        web_search=any(isinstance(tool, WebSearchTool) for tool in asked.tools or ()),
        asked=asked,
        beta=beta,
    )
    if call.prompt_tokens > model.context_window:
        raise ApiError(context_exceeded(model.context_window, call.prompt_tokens))
    return call


def _check_options(asked: schema.MessagesRequest, model: Model) -> None:
    # Source: anthropics/claude-code issue 24451.
    if asked.max_tokens > model.max_output:
        raise refuse(
            f"max_tokens: {asked.max_tokens} > {model.max_output}, which is the maximum allowed number of output "
            f"tokens for {model.name}"
        )
    # Source: pollinations/pollinations pull request 11319; that 1 is taken: expectedparrot/edsl issue 2458.
    if not model.sampling:
        for name, value in (("temperature", asked.temperature), ("top_p", asked.top_p), ("top_k", asked.top_k)):
            if value is not None and (name, value) != ("temperature", 1):
                raise refuse(f"`{name}` is deprecated for this model.")
    # Source: SalesforceAIResearch/MCP-Universe issue 49.
    if asked.temperature is not None and asked.top_p is not None:
        raise refuse("`temperature` and `top_p` cannot both be specified for this model. Please use only one.")
    # Source: BerriAI/litellm issue 3286.
    if any(not stop.strip() for stop in asked.stop_sequences or ()):
        raise refuse("stop_sequences: each stop sequence must contain non-whitespace")
    _check_thinking(asked, model)
    _check_edits(asked)
    # Unverified: no public report was found of the rule or of its words.
    if asked.tool_choice and not asked.tools:
        raise refuse("tool_choice: may only be specified while providing tools.")


def _check_thinking(asked: schema.MessagesRequest, model: Model) -> None:
    objection = objection_to(
        Thinking(
            kind=asked.thinking.type if asked.thinking else None,
            budget=asked.thinking.budget_tokens if asked.thinking else None,
            effort=asked.output_config.effort if asked.output_config else None,
            temperature=asked.temperature,
            top_k=asked.top_k,
            max_tokens=asked.max_tokens,
            forced=bool(asked.tool_choice and asked.tool_choice.type in {"any", "tool"}),
        ),
        model,
    )
    if objection:
        raise refuse(objection)


def _check_edits(asked: schema.MessagesRequest) -> None:
    edits = asked.context_management.edits if asked.context_management else None
    thinks = asked.thinking is not None and asked.thinking.type in {"enabled", "adaptive"}
    for index, edit in enumerate(edits or ()):
        # Source: Wei-Shaw/sub2api issue 1968, which names the edit that goes with thinking alone.
        if edit.type == "clear_thinking_20251015" and not thinks:
            raise refuse(
                f"context_management.edits.{index}: `clear_thinking_20251015` strategy requires `thinking` to be "
                "enabled or adaptive"
            )


def _check_output(form: schema.JsonFormat | None, field: str) -> None:
    if form and (objection := unfit_for_output(form.schema_)):
        raise refuse(f"{field}.schema: {objection}")


def _instructions(asked: schema.MessagesRequest) -> list[str]:
    """Those among the messages."""
    return [_plain(message.content) for message in asked.messages if message.role == "system"]


def _parts(content: str | Sequence[schema.Block]) -> tuple[Part, ...]:
    if isinstance(content, str):
        return (Text(content),) if content else ()
    return tuple(part for block in content if (part := _part(block)))


def _part(block: schema.Block) -> Part | None:
    match block:
        case schema.TextBlock(text=text):
            return Text(text)
        case schema.ImageBlock() | schema.DocumentBlock():
            return Image()
        case schema.ToolUseBlock(id=call_id, name=name, input=arguments):
            return ToolCall(call_id, name, arguments)
        case schema.ToolResultBlock(tool_use_id=call_id, content=content):
            return ToolResult(call_id, _plain(content))
        case _:
            return None  # thinking is not part of the conversation's text


def _plain(content: str | Sequence[Any] | None) -> str:
    return content or "" if content is None or isinstance(content, str) else schema.text_of(content)


def _tools(asked: schema.MessagesRequest) -> tuple[Tool, ...]:
    own = (tool for tool in asked.tools or () if isinstance(tool, schema.CustomTool))
    return tuple(Tool(tool.name, tool.description or "", tool.input_schema.model_dump()) for tool in own)


def _tool_choice(asked: schema.MessagesRequest) -> Any:
    choice = asked.tool_choice
    if choice is None or choice.type in {"auto", "none"}:
        return choice.type if choice else "auto"
    if choice.type == "any":
        return "required"
    for tool in _tools(asked):
        if tool.name == choice.name:
            return tool
    raise refuse(f"Tool '{choice.name}' not found in provided tools")
