"""What a request may hold, over HTTP and in Python: an allow-list. A field that is not here never gets any further."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Required

from pydantic import (
    BeforeValidator,
    ConfigDict,
    FailFast,
    Field,
    PlainValidator,
    TypeAdapter,
    WithJsonSchema,
    with_config,
)
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from . import messages

STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
"""No coercion: OpenAI refuses the string "0.5" as a temperature, and so do we."""
OPEN = ConfigDict(extra="allow", strict=True, allow_inf_nan=False)
"""What is not named here passes through to the provider."""


def _stop(value: Any) -> Any:
    sequences = value if isinstance(value, list) else [value]
    if not all(isinstance(sequence, str) for sequence in sequences):
        raise PydanticCustomError("expected", "expected a string or an array of strings")
    if not 1 <= len(sequences) <= 4:
        raise PydanticCustomError("range", "Expected between 1 and 4 sequences")
    if not all(sequences):
        # It would end every answer before its first word; Anthropic refuses it.
        raise PydanticCustomError("range", "Expected sequences of at least 1 character")
    return value


def _choice(value: Any) -> Any:
    if not isinstance(value, dict) and value not in ("none", "auto", "required"):
        raise PydanticCustomError("expected", "expected 'none', 'auto', 'required' or an object that names a tool")
    return value


def _few_entries(value: Any) -> Any:
    """Stops before each entry is looked at: a body of 6 MB holds half a million of them."""
    if isinstance(value, dict) and len(value) > 1024:
        raise PydanticCustomError("range", "Expected at most 1024 entries")
    return value


Name = Annotated[str, Field(min_length=1, max_length=256)]
Text = Annotated[str, Field(max_length=1024)]
Seconds = Annotated[float, Field(gt=0, le=900)]
Penalty = Annotated[float, Field(ge=-2, le=2)]
Temperature = Annotated[float, Field(ge=0, le=2)]
Tokens = Annotated[int, Field(ge=1, le=2**31 - 1)]
Names = Annotated[list[Name], FailFast(), Field(min_length=1, max_length=50)]
Object = Annotated[dict[str, Any], Field(description="Passed through to the provider.")]
Stop = Annotated[Any, PlainValidator(_stop, json_schema_input_type=str | list[str])]
Choice = Annotated[Any, PlainValidator(_choice, json_schema_input_type=str | dict[str, Any])]
Messages = Annotated[Any, PlainValidator(messages.check_messages), WithJsonSchema(messages.SCHEMA)]
LogitBias = Annotated[dict[str, Annotated[float, Field(ge=-100, le=100)]], BeforeValidator(_few_entries)]
Metadata = Annotated[
    dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=512)]], BeforeValidator(_few_entries)
]


@with_config(OPEN)
class Function(TypedDict, total=False):
    name: Required[Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,128}$")]]
    description: str | None
    parameters: dict[str, Any] | None
    strict: bool | None


@with_config(OPEN)
class Tool(TypedDict, total=False):
    type: Required[Literal["function", "custom"]]
    function: Function
    custom: dict[str, Any]


@with_config(OPEN)
class JsonSchemaFormat(TypedDict, total=False):
    name: Required[Name]
    schema: dict[str, Any] | None
    strict: bool | None


@with_config(OPEN)
class ResponseFormat(TypedDict, total=False):
    type: Required[Literal["text", "json_object", "json_schema"]]
    json_schema: JsonSchemaFormat


@with_config(STRICT)
class RouterOptions(TypedDict, total=False):
    """How this request may be routed. It narrows what the mapping allows, never widens it."""

    providers: Annotated[Names, Field(description="Only these providers.")]
    regions: Annotated[Names, Field(description="Only Regions that match one of these patterns, such as `eu-*`.")]
    fallback: Annotated[bool, Field(description="false: only the model that is named.")]
    resume: Annotated[bool, Field(description="false: a stream that breaks ends in an error.")]
    explain: Annotated[bool, Field(description="true: the answer carries every attempt under `router`.")]
    cache: Annotated[bool, Field(description="true: an earlier answer to an equal request will do, where one is kept.")]


@with_config(STRICT)
class ManagedPrompt(TypedDict, total=False):
    """A prompt of Bedrock Prompt Management that the operator allows, by the shape of OpenAI's Responses API."""

    id: Required[Annotated[Name, Field(description="Its id or ARN.")]]
    version: Annotated[Text, Field(description="A version's number; the working draft if absent.")]
    variables: Annotated[dict[Text, str], BeforeValidator(_few_entries)]


@with_config(STRICT)
class Params(TypedDict, total=False):
    """OpenAI's optional request fields, with `thinking` and `top_k` beside them: they go on to the provider."""

    temperature: Temperature
    top_p: Annotated[float, Field(ge=0, le=1)]
    top_k: Annotated[int, Field(ge=0, le=2**31 - 1)]
    n: Annotated[int, Field(ge=1, le=128)]
    max_tokens: Tokens
    max_completion_tokens: Tokens
    stop: Stop
    seed: Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]
    presence_penalty: Penalty
    frequency_penalty: Penalty
    logit_bias: LogitBias
    logprobs: bool
    top_logprobs: Annotated[int, Field(ge=0, le=20)]
    tools: Annotated[list[Tool], FailFast(), Field(min_length=1)]
    tool_choice: Choice
    parallel_tool_calls: bool
    functions: Annotated[list[Function], FailFast(), Field(min_length=1)]
    function_call: Choice
    response_format: ResponseFormat
    reasoning_effort: Text
    thinking: Object
    verbosity: Text
    modalities: Annotated[list[Text], FailFast(), Field(max_length=10)]
    audio: Object
    prediction: Object
    moderation: Object
    web_search_options: Object
    user: str
    safety_identifier: Text
    metadata: Metadata
    store: bool
    service_tier: Text
    prompt_cache_key: Text
    prompt_cache_options: Object
    prompt_cache_retention: Text


@with_config(STRICT)
class RequestEnvelope(TypedDict, total=False):
    """The fields of a `ChatRequest` around its `params`."""

    model: Name
    messages: Messages
    timeout: Annotated[float, Field(gt=0)]
    time_left: Annotated[float, Field(ge=0)]
    constraints: RouterOptions
    request_id: str
    caller: str
    traceparent: str
    prompt: ManagedPrompt


@with_config(ConfigDict(**STRICT, json_schema_extra={"anyOf": [{"required": ["question"]}, {"required": ["prompt"]}]}))
class AskRequest(TypedDict, total=False):
    """One question."""

    question: Annotated[str, Field(min_length=1)]
    prompt: ManagedPrompt
    system_prompt: str
    primary_model: Annotated[
        Name, Field(description="A model or a strategy; the prompt's own or the mapping's first model if absent.")
    ]
    temperature: Temperature
    max_tokens: Tokens
    timeout: Annotated[Seconds, Field(description="Seconds for the whole chain.")]
    router: RouterOptions


PARAMS: TypeAdapter[Params] = TypeAdapter(Params)
ENVELOPE: TypeAdapter[RequestEnvelope] = TypeAdapter(RequestEnvelope)
ASK_BODY: TypeAdapter[AskRequest] = TypeAdapter(AskRequest)
