"""What `POST /v1/chat/completions` takes (platform.openai.com/docs/api-reference/chat/create)."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

_Name = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]+$", max_length=64)]
"""Sources: types of the `openai` client ("a maximum length of 64"); brekkylab/ailoy pull request 109 (`tools`),
mcp-use/mcp-use pull request 94 (`tool_calls`), jekalmin/extended_openai_conversation issue 251 (`messages[].name`)."""
_CallId = Annotated[str, Field(max_length=40)]
"""Source: agno-agi/agno issue 5382, openclaw/openclaw pull request 875."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class TextPart(_Strict):
    type: Literal["text"]
    text: str
    prompt_cache_breakpoint: Any = None


class ImageUrl(_Strict):
    url: str
    detail: Literal["auto", "low", "high", "original"] | None = None


class ImagePart(_Strict):
    type: Literal["image_url"]
    image_url: ImageUrl


class AudioPart(_Strict):
    type: Literal["input_audio"]
    input_audio: dict[str, Any]


class FilePart(_Strict):
    type: Literal["file"]
    file: dict[str, Any]


class RefusalPart(_Strict):
    type: Literal["refusal"]
    refusal: str


UserPart = Annotated[TextPart | ImagePart | AudioPart | FilePart, Field(discriminator="type")]
AssistantPart = Annotated[TextPart | RefusalPart, Field(discriminator="type")]


class InstructionMessage(_Strict):
    role: Literal["system", "developer"]
    content: str | list[TextPart]
    name: _Name | None = None


class UserMessage(_Strict):
    role: Literal["user"]
    content: str | list[UserPart]
    name: _Name | None = None


class CalledFunction(_Strict):
    name: _Name
    arguments: str


class CalledTool(_Strict):
    id: _CallId
    type: Literal["function"]
    function: CalledFunction


class CalledCustom(_Strict):
    name: str
    input: str


class CalledCustomTool(_Strict):
    id: _CallId
    type: Literal["custom"]
    custom: CalledCustom


AnyCall = Annotated[CalledTool | CalledCustomTool, Field(discriminator="type")]


class AssistantMessage(_Strict):
    role: Literal["assistant"]
    content: str | list[AssistantPart] | None = None
    name: _Name | None = None
    refusal: str | None = None
    audio: dict[str, Any] | None = None
    tool_calls: list[AnyCall] | None = Field(default=None, min_length=1)
    function_call: CalledFunction | None = None
    annotations: list[Any] | None = None


class ToolMessage(_Strict):
    role: Literal["tool"]
    content: str | list[TextPart]
    tool_call_id: _CallId


class FunctionMessage(_Strict):
    role: Literal["function"]
    content: str | None
    name: _Name


Message = Annotated[
    InstructionMessage | UserMessage | AssistantMessage | ToolMessage | FunctionMessage,
    Field(discriminator="role"),
]


class FunctionDefinition(_Strict):
    name: _Name
    description: str | None = Field(default=None, max_length=1024)
    """Limit: getsentry/sentry-mcp issue 106."""
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class FunctionTool(_Strict):
    type: Literal["function"]
    function: FunctionDefinition


class CustomDefinition(_Strict):
    name: str
    description: str | None = None
    format: dict[str, Any] | None = None


class CustomTool(_Strict):
    """A tool that takes text; the simulated models never call it. Source: types of the `openai` client."""

    type: Literal["custom"]
    custom: CustomDefinition


AnyTool = Annotated[FunctionTool | CustomTool, Field(discriminator="type")]


class NamedFunction(_Strict):
    name: str


class NamedToolChoice(_Strict):
    type: Literal["function"]
    function: NamedFunction


class JsonSchemaFormat(_Strict):
    name: _Name
    description: str | None = None
    schema_: dict[str, Any] = Field(alias="schema")
    strict: bool | None = None


class TextResponse(_Strict):
    type: Literal["text"]


class JsonResponse(_Strict):
    type: Literal["json_object"]


class JsonSchemaResponse(_Strict):
    type: Literal["json_schema"]
    json_schema: JsonSchemaFormat


class StreamOptions(_Strict):
    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class ChatRequest(_Strict):
    """The fields of a chat completion. Those the simulator has no use for are taken in any form.

    Limits of `metadata`, `safety_identifier` and `stop`: types of the `openai` client, `CompletionCreateParams`.
    """

    model: str
    messages: list[Message] = Field(min_length=1)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, ge=0, le=1)
    frequency_penalty: float | None = Field(default=None, ge=-2, le=2)
    presence_penalty: float | None = Field(default=None, ge=-2, le=2)
    max_tokens: int | None = Field(default=None, ge=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    n: int | None = Field(default=None, ge=1, le=128)
    stop: str | list[str] | None = None
    seed: int | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = Field(default=None, ge=0, le=20)
    logit_bias: dict[str, float] | None = None
    response_format: Annotated[TextResponse | JsonResponse | JsonSchemaResponse | None, Field(discriminator="type")] = (
        None
    )
    tools: list[AnyTool] | None = Field(default=None, min_length=1, max_length=128)
    tool_choice: Literal["none", "auto", "required"] | NamedToolChoice | None = None
    parallel_tool_calls: bool | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = None
    verbosity: Literal["low", "medium", "high"] | None = None
    user: str | None = None
    safety_identifier: str | None = Field(default=None, max_length=64)
    store: bool | None = None
    metadata: dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=512)]] | None = Field(
        default=None, max_length=16
    )
    service_tier: Literal["auto", "default", "flex", "scale", "priority", "fast"] | None = None
    modalities: list[Literal["text", "audio"]] | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: Literal["in_memory", "24h"] | None = None
    prompt_cache_options: Any = None
    audio: Any = None
    function_call: Any = None
    functions: Any = None
    moderation: Any = None
    prediction: Any = None
    web_search_options: Any = None
