"""What `POST /v1/messages` takes (docs.anthropic.com/en/api/messages, and the types of the `anthropic` client)."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

_TOOL_ID = r"^[a-zA-Z0-9_-]+$"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class CacheControl(_Strict):
    type: Literal["ephemeral"]
    ttl: Literal["5m", "1h"] | None = None


class _Block(_Strict):
    cache_control: CacheControl | None = None


class TextBlock(_Block):
    type: Literal["text"]
    text: str
    citations: list[Any] | None = None


class Base64Source(_Strict):
    type: Literal["base64"]
    media_type: Literal["image/jpeg", "image/png", "image/gif", "image/webp", "application/pdf"]
    data: str


class UrlSource(_Strict):
    type: Literal["url"]
    url: str


class OtherSource(BaseModel):
    type: Literal["file", "text", "content"]


Source = Annotated[Base64Source | UrlSource | OtherSource, Field(discriminator="type")]


class ImageBlock(_Block):
    type: Literal["image"]
    source: Source


class DocumentBlock(_Block):
    type: Literal["document"]
    source: Source
    title: str | None = None
    context: str | None = None
    citations: dict[str, Any] | None = None


class ThinkingBlock(_Strict):
    type: Literal["thinking"]
    thinking: str
    signature: str


class RedactedThinkingBlock(_Strict):
    type: Literal["redacted_thinking"]
    data: str


class ToolUseBlock(_Block):
    type: Literal["tool_use"]
    id: str = Field(pattern=_TOOL_ID)
    name: str = Field(max_length=200)
    """Limit: code.claude.com/docs/en/errors, "tool_use.name: String should have at most 200 characters"."""
    input: dict[str, Any]
    caller: Any = None


ResultPart = Annotated[TextBlock | ImageBlock | DocumentBlock, Field(discriminator="type")]


class ToolResultBlock(_Block):
    type: Literal["tool_result"]
    tool_use_id: str = Field(pattern=_TOOL_ID)
    content: str | list[ResultPart] | None = None
    is_error: bool | None = None


Block = Annotated[
    TextBlock | ImageBlock | DocumentBlock | ThinkingBlock | RedactedThinkingBlock | ToolUseBlock | ToolResultBlock,
    Field(discriminator="type"),
]


class Message(_Strict):
    role: Literal["user", "assistant", "system"]
    content: str | list[Block]


class InputSchema(BaseModel):
    model_config = ConfigDict(extra="allow")

    type: Literal["object"]


class CustomTool(_Block):
    """`name`: docs "Define tools"; longer ones and others are refused as the pattern says."""

    type: Literal["custom"] | None = None
    name: str = Field(pattern=r"^[a-zA-Z0-9_-]{1,128}$")
    description: str | None = None
    input_schema: InputSchema
    strict: bool | None = None
    allowed_callers: Any = None
    defer_loading: bool | None = None
    eager_input_streaming: bool | None = None
    input_examples: Any = None


class WebSearchTool(_Block):
    """A tool that Anthropic runs; this one never searches. Source: types of the `anthropic` client,
    `WebSearchTool20250305Param`."""

    type: Literal["web_search_20250305", "web_search_20260209", "web_search_20260318"]
    name: Literal["web_search"]
    allowed_callers: Any = None
    allowed_domains: list[str] | None = None
    blocked_domains: list[str] | None = None
    defer_loading: bool | None = None
    max_uses: int | None = Field(default=None, gt=0)
    strict: bool | None = None
    user_location: dict[str, Any] | None = None


def _kind_of(tool: Any) -> str:
    kind = tool.get("type") if isinstance(tool, dict) else None
    return "web_search" if str(kind).startswith("web_search") else "custom"


AnyTool = Annotated[
    Annotated[CustomTool, Tag("custom")] | Annotated[WebSearchTool, Tag("web_search")], Discriminator(_kind_of)
]


class ToolChoice(_Strict):
    type: Literal["auto", "any", "tool", "none"]
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class Thinking(_Strict):
    type: Literal["enabled", "disabled", "adaptive", "between_tools"]
    budget_tokens: int | None = None
    display: Literal["summarized", "omitted"] | None = None


class JsonFormat(_Strict):
    type: Literal["json_schema"]
    schema_: dict[str, Any] = Field(alias="schema")


class OutputConfig(_Strict):
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    format: JsonFormat | None = None


class Metadata(_Strict):
    user_id: str | None = None


class MessagesRequest(_Strict):
    """The fields of a message request. Those the simulator has no use for are taken in any form."""

    model: str = Field(min_length=1)
    max_tokens: int = Field(ge=1)
    messages: list[Message] = Field(max_length=100_000)
    system: str | list[TextBlock] | None = None
    stream: bool | None = None
    temperature: float | None = Field(default=None, ge=0, le=1)
    top_p: float | None = Field(default=None, ge=0, le=1)
    top_k: int | None = Field(default=None, ge=0)
    stop_sequences: list[str] | None = None
    tools: list[AnyTool] | None = None
    tool_choice: ToolChoice | None = None
    thinking: Thinking | None = None
    output_config: OutputConfig | None = None
    output_format: JsonFormat | None = None
    metadata: Metadata | None = None
    service_tier: Literal["auto", "standard_only"] | None = None
    cache_control: CacheControl | None = None
    container: Any = None
    diagnostics: Any = None
    inference_geo: str | None = None
    speed: Literal["fast", "standard"] | None = None
    user_profile_id: str | None = None
    workspace_id: str | None = None


def text_of(blocks: Iterable[Any]) -> str:
    """All text among the blocks of a content."""
    return "".join(block.text for block in blocks if isinstance(block, TextBlock))
