"""What a body may hold. Source: Anthropic, "Create a message", and the types of its Python SDK (2.12), betas included.

The names at the top are an allow-list. Inside messages, tools and configurations more may stand than is named here: it
reaches Claude as it came, and is reported as dropped for others.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Required

from pydantic import ConfigDict, FailFast, Field, PlainValidator, TypeAdapter, WithJsonSchema, with_config
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from ....routing.request import OPEN, STRICT, Name, Object, RouterOptions, Text, Tokens

_BLOCK: dict[str, Any] = {"type": "object", "required": ["type"], "properties": {"type": {"type": "string"}}}
_CONTENT: dict[str, Any] = {"anyOf": [{"type": "string"}, {"type": "array", "items": _BLOCK}]}
_MESSAGE: dict[str, Any] = {
    "type": "object",
    "required": ["role", "content"],
    "properties": {"role": {"enum": ["user", "assistant", "system"]}, "content": _CONTENT},
}


def _messages(value: Any) -> Any:
    if not isinstance(value, list):
        raise PydanticCustomError("expected", "expected an array of messages")
    if not value:
        raise PydanticCustomError("range", "Expected at least one message")
    return value


def _system(value: Any) -> Any:
    if not isinstance(value, str | list):
        raise PydanticCustomError("expected", "expected a string or an array of text blocks")
    return value


MessageList = Annotated[
    Any, PlainValidator(_messages), WithJsonSchema({"type": "array", "minItems": 1, "items": _MESSAGE})
]
System = Annotated[Any, PlainValidator(_system), WithJsonSchema(_CONTENT)]


@with_config(OPEN)
class MessagesTool(TypedDict, total=False):
    type: Text | None
    name: Name
    description: str | None
    input_schema: dict[str, Any]


@with_config(OPEN)
class MessagesToolChoice(TypedDict, total=False):
    type: Required[Literal["auto", "any", "tool", "none"]]
    name: Name
    disable_parallel_tool_use: bool | None


@with_config(OPEN)
class MessagesThinking(TypedDict, total=False):
    type: Required[Name]
    budget_tokens: Annotated[int, Field(ge=1)] | None


@with_config(OPEN)
class MessagesOutputFormat(TypedDict, total=False):
    type: Required[Literal["json_schema"]]
    schema: Required[dict[str, Any]]


@with_config(OPEN)
class MessagesOutputConfig(TypedDict, total=False):
    effort: Text | None
    format: MessagesOutputFormat | None


@with_config(OPEN)
class MessagesMetadata(TypedDict, total=False):
    user_id: str | None


class MessagesInput(TypedDict, total=False):
    """What a request and a count of its tokens have in common."""

    model: Annotated[Name, Field(description="A model or a strategy of `GET /v1/models`.")]
    messages: MessageList
    system: System
    tools: Annotated[list[MessagesTool], FailFast()]
    tool_choice: MessagesToolChoice
    thinking: MessagesThinking
    output_config: MessagesOutputConfig
    output_format: MessagesOutputFormat
    cache_control: Object
    context_management: Object
    mcp_servers: Annotated[list[dict[str, Any]], FailFast()]
    compaction: Object
    speed: Text
    router: RouterOptions


@with_config(ConfigDict(**STRICT, json_schema_extra={"required": ["model", "max_tokens", "messages"]}))
class MessagesRequest(MessagesInput, total=False):
    """Anthropic's request for a message, with `router` beside its fields."""

    max_tokens: Tokens
    stream: bool
    stop_sequences: Annotated[list[str], FailFast(), Field(max_length=8191)]
    temperature: Annotated[float, Field(ge=0, le=1)]
    top_p: Annotated[float, Field(ge=0, le=1)]
    top_k: Annotated[int, Field(ge=0, le=2**31 - 1)]
    metadata: MessagesMetadata
    service_tier: Text
    container: Annotated[Any, WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "object"}]})]
    diagnostics: Object
    inference_geo: Text
    thread: Object
    fallbacks: Annotated[Any, WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array"}]})]
    fallback_credit_token: Annotated[Any, WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "object"}]})]


@with_config(ConfigDict(**STRICT, json_schema_extra={"required": ["model", "messages"]}))
class MessagesCount(MessagesInput, total=False):
    """Anthropic's request for a count of tokens, with `router` beside its fields."""


BODY: TypeAdapter[MessagesRequest] = TypeAdapter(MessagesRequest)
COUNT: TypeAdapter[MessagesCount] = TypeAdapter(MessagesCount)

USAGE: dict[str, Any] = {
    "type": "object",
    "required": ["input_tokens", "output_tokens"],
    "properties": {
        name: {"type": ["integer", "null"]}
        for name in ("input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    },
}
MESSAGE: dict[str, Any] = {
    "type": "object",
    "required": ["id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "usage"],
    "properties": {
        "id": {"type": "string"},
        "type": {"const": "message"},
        "role": {"const": "assistant"},
        "model": {"type": "string", "description": "The model that answered."},
        "content": {"type": "array", "items": _BLOCK},
        "stop_reason": {"type": ["string", "null"]},
        "stop_sequence": {"type": ["string", "null"]},
        "usage": USAGE,
        "router": {"type": "object", "description": "Every attempt, where `router.explain` asks for it."},
    },
}
ERROR: dict[str, Any] = {
    "type": "object",
    "required": ["type", "error", "request_id"],
    "properties": {
        "type": {"const": "error"},
        "error": {
            "type": "object",
            "required": ["type", "message"],
            "properties": {
                "type": {"type": "string"},
                "message": {"type": "string"},
                "param": {"type": "string", "description": "The field that is wrong."},
                "code": {"type": "string"},
            },
        },
        "request_id": {"type": "string"},
        "router": {"type": "object", "description": "Every attempt, and every candidate that was passed over."},
    },
}
