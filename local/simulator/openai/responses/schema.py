"""What `POST /v1/responses` takes: types of the `openai` client, `ResponseCreateParams`. Input items: see items."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Discriminator, Field, Tag

from local.simulator.openai.responses.items import InputItem, Name, Strict

Includable = Literal[
    "file_search_call.results",
    "web_search_call.results",
    "web_search_call.action.sources",
    "message.input_image.image_url",
    "computer_call_output.output.image_url",
    "code_interpreter_call.outputs",
    "reasoning.encrypted_content",
    "message.output_text.logprobs",
]


class FunctionTool(Strict):
    type: Literal["function"]
    name: Name
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None
    allowed_callers: list[Literal["direct", "programmatic"]] | None = None
    defer_loading: bool | None = None
    output_schema: dict[str, Any] | None = None


class CustomTool(Strict):
    """A tool that takes text."""

    type: Literal["custom"]
    name: Name
    description: str | None = None
    format: dict[str, Any] | None = None
    allowed_callers: list[Literal["direct", "programmatic"]] | None = None
    defer_loading: bool | None = None


class BuiltInTool(Strict):
    """A tool that OpenAI runs, or that the client's own types describe further; its options are taken in any form."""

    model_config = ConfigDict(extra="allow", strict=True)

    type: Literal[
        "web_search",
        "web_search_2025_08_26",
        "web_search_preview",
        "web_search_preview_2025_03_11",
        "file_search",
        "computer",
        "computer_use_preview",
        "mcp",
        "code_interpreter",
        "image_generation",
        "local_shell",
        "shell",
        "apply_patch",
        "namespace",
        "tool_search",
        "programmatic_tool_calling",
    ]


def _tool_kind(tool: Any) -> str:
    kind = tool.get("type") if isinstance(tool, dict) else getattr(tool, "type", None)
    return kind if kind in {"function", "custom"} else "built_in"


AnyTool = Annotated[
    Annotated[FunctionTool, Tag("function")]
    | Annotated[CustomTool, Tag("custom")]
    | Annotated[BuiltInTool, Tag("built_in")],
    Discriminator(_tool_kind),
]


class ToolChoice(Strict):
    """A tool, or a kind of tools, that has to be used."""

    model_config = ConfigDict(extra="allow", strict=True)

    type: str
    name: str | None = None


class TextFormat(Strict):
    type: Literal["text"]


class JsonFormat(Strict):
    type: Literal["json_object"]


class JsonSchemaFormat(Strict):
    type: Literal["json_schema"]
    name: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]+$", max_length=64)]
    schema_: dict[str, Any] = Field(alias="schema")
    description: str | None = None
    strict: bool | None = None


class TextConfig(Strict):
    format: Annotated[TextFormat | JsonFormat | JsonSchemaFormat | None, Field(discriminator="type")] = None
    verbosity: Literal["low", "medium", "high"] | None = None


class Reasoning(Strict):
    effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = None
    summary: Literal["auto", "concise", "detailed"] | None = None
    generate_summary: Literal["auto", "concise", "detailed"] | None = None
    context: Literal["auto", "current_turn", "all_turns"] | None = None
    mode: str | None = None


class StreamOptions(Strict):
    include_obfuscation: bool | None = None


class ConversationParam(Strict):
    id: str


class ResponsesRequest(Strict):
    """The fields of a response. Those the simulator has no use for are taken in any form.

    The least of `max_output_tokens`: vectorize-io/hindsight issue 58.
    """

    model: str
    input: str | list[InputItem] | None = None
    instructions: str | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    store: bool | None = None
    previous_response_id: str | None = None
    conversation: str | ConversationParam | None = None
    include: list[Includable] | None = None
    reasoning: Reasoning | None = None
    text: TextConfig | None = None
    tools: list[AnyTool] | None = Field(default=None, max_length=128)
    tool_choice: Literal["none", "auto", "required"] | ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    max_tool_calls: int | None = Field(default=None, ge=1)
    max_output_tokens: int | None = Field(default=None, ge=16)
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, ge=0, le=1)
    top_logprobs: int | None = Field(default=None, ge=0, le=20)
    truncation: Literal["auto", "disabled"] | None = None
    metadata: dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=512)]] | None = Field(
        default=None, max_length=16
    )
    user: str | None = None
    safety_identifier: str | None = Field(default=None, max_length=64)
    prompt_cache_key: str | None = None
    prompt_cache_retention: Literal["in_memory", "24h"] | None = None
    prompt_cache_options: Any = None
    service_tier: Literal["auto", "default", "flex", "scale", "priority", "fast"] | None = None
    background: bool | None = None
    context_management: Any = None
    moderation: Any = None
    prompt: Any = None
    client_metadata: dict[str, str] | None = None
    """Codex sends it with every request: openai/codex, `ResponsesApiRequest` in codex-rs/codex-api."""
