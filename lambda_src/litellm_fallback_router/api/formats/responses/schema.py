"""What a body may hold. Source: OpenAI, "Create a model response", and the types of its Python SDK (2.54).

The names at the top are an allow-list. Inside items, content parts and tools more may stand than is named here: it
reaches OpenAI as it came, and is reported as dropped for others.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Required

from pydantic import ConfigDict, FailFast, Field, PlainValidator, TypeAdapter, WithJsonSchema, with_config
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from ....routing.request import (
    OPEN,
    STRICT,
    Choice,
    ManagedPrompt,
    Metadata,
    Name,
    Object,
    RouterOptions,
    Temperature,
    Text,
    Tokens,
)

_ITEM: dict[str, Any] = {"type": "object", "properties": {"type": {"type": "string"}, "role": {"type": "string"}}}


def _input(value: Any) -> Any:
    if not isinstance(value, str | list):
        raise PydanticCustomError("expected", "expected a string or an array of items")
    if value == []:
        raise PydanticCustomError("range", "Expected a string or at least one item")
    return value


Input = Annotated[
    Any,
    PlainValidator(_input),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "minItems": 1, "items": _ITEM}]}),
]


@with_config(OPEN)
class ResponseTool(TypedDict, total=False):
    type: Required[Name]


@with_config(STRICT)
class ResponseReasoning(TypedDict, total=False):
    effort: Text | None
    summary: Literal["auto", "concise", "detailed"] | None
    generate_summary: Literal["auto", "concise", "detailed"] | None
    context: Text | None
    mode: Text | None


@with_config(OPEN)
class ResponseTextFormat(TypedDict, total=False):
    type: Required[Literal["text", "json_object", "json_schema"]]
    name: Name
    schema: dict[str, Any]
    strict: bool | None
    description: str | None


@with_config(STRICT)
class ResponseTextOptions(TypedDict, total=False):
    format: ResponseTextFormat | None
    verbosity: Literal["low", "medium", "high"] | None


@with_config(STRICT)
class ResponseStreamOptions(TypedDict, total=False):
    include_obfuscation: bool | None


Conversation = Annotated[Any, WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "object"}]})]


@with_config(ConfigDict(**STRICT, json_schema_extra={"required": ["model", "input"]}))
class ResponsesRequest(TypedDict, total=False):
    """OpenAI's request for a model response, with `router` beside its fields."""

    model: Annotated[Name, Field(description="A model or a strategy of `GET /v1/models`; `prompt`: the prompt's own.")]
    input: Input
    instructions: str
    prompt: ManagedPrompt
    router: RouterOptions
    stream: bool
    stream_options: ResponseStreamOptions
    temperature: Temperature
    top_p: Annotated[float, Field(ge=0, le=1)]
    max_output_tokens: Tokens
    max_tool_calls: Annotated[int, Field(ge=1, le=2**31 - 1)]
    tools: Annotated[list[ResponseTool], FailFast()]
    tool_choice: Choice
    parallel_tool_calls: bool
    text: ResponseTextOptions
    reasoning: ResponseReasoning
    include: Annotated[list[Name], FailFast(), Field(max_length=50)]
    top_logprobs: Annotated[int, Field(ge=0, le=20)]
    truncation: Literal["auto", "disabled"]
    store: bool
    previous_response_id: Name
    conversation: Conversation
    background: bool
    context_management: list[Any]
    moderation: Object
    metadata: Metadata
    user: str
    safety_identifier: Text
    prompt_cache_key: Text
    prompt_cache_options: Object
    prompt_cache_retention: Text
    service_tier: Text
    client_metadata: Annotated[dict[str, Any], Field(description="What Codex says of itself; for OpenAI alone.")]


BODY: TypeAdapter[ResponsesRequest] = TypeAdapter(ResponsesRequest)

_OR_NULL = {"type": ["string", "null"]}
_COUNT = {"type": "integer"}
RESPONSE: dict[str, Any] = {
    "type": "object",
    "required": ["id", "object", "created_at", "status", "model", "output", "usage", "tools", "tool_choice"],
    "properties": {
        "id": {"type": "string"},
        "object": {"const": "response"},
        "created_at": {"type": "integer", "description": "Unix seconds."},
        "status": {"enum": ["in_progress", "completed", "incomplete", "failed"]},
        "model": {"type": "string", "description": "The model that answered."},
        "output": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["type"],
                "properties": {
                    "type": {"type": "string", "examples": ["message", "reasoning", "function_call"]},
                    "id": {"type": "string"},
                    "status": {"type": "string"},
                },
            },
        },
        "usage": {
            "type": ["object", "null"],
            "required": ["input_tokens", "output_tokens", "total_tokens"],
            "properties": {"input_tokens": _COUNT, "output_tokens": _COUNT, "total_tokens": _COUNT},
        },
        "error": {"type": ["object", "null"], "properties": {"code": _OR_NULL, "message": _OR_NULL}},
        "incomplete_details": {"type": ["object", "null"], "properties": {"reason": _OR_NULL}},
        "tools": {"type": "array", "items": {"type": "object"}},
        "tool_choice": {"type": ["string", "object"]},
        "router": {
            "type": "object",
            "description": "Every attempt, and every candidate that was passed over; where `explain` asks for it.",
        },
    },
}
