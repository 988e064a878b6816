"""What `POST /v1/messages` takes (docs.anthropic.com/en/api/messages, and the types of the `anthropic` client)."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from local.simulator.anthropic.base_schema import Cacheable, CacheControl, Strict
from local.simulator.anthropic.server_schema import (
    OTHER_TOOLS,
    ContainerUploadBlock,
    ContextManagement,
    OtherServerResultBlock,
    OtherTool,
    SearchResultBlock,
    ServerToolUseBlock,
    ToolReferenceBlock,
    WebSearchTool,
    WebSearchToolResultBlock,
)

_TOOL_ID = r"^[a-zA-Z0-9_-]+$"


class TextBlock(Cacheable):
    type: Literal["text"]
    text: str
    citations: list[Any] | None = None


class Base64Source(Strict):
    type: Literal["base64"]
    media_type: Literal["image/jpeg", "image/png", "image/gif", "image/webp", "application/pdf"]
    data: str


class UrlSource(Strict):
    type: Literal["url"]
    url: str


class OtherSource(BaseModel):
    type: Literal["file", "text", "content"]


Source = Annotated[Base64Source | UrlSource | OtherSource, Field(discriminator="type")]


class ImageBlock(Cacheable):
    type: Literal["image"]
    source: Source


class DocumentBlock(Cacheable):
    type: Literal["document"]
    source: Source
    title: str | None = None
    context: str | None = None
    citations: dict[str, Any] | None = None


class ThinkingBlock(Strict):
    type: Literal["thinking"]
    thinking: str
    signature: str


class RedactedThinkingBlock(Strict):
    type: Literal["redacted_thinking"]
    data: str


class ToolUseBlock(Cacheable):
    type: Literal["tool_use"]
    id: str = Field(pattern=_TOOL_ID)
    name: str = Field(max_length=200)
    """Limit: code.claude.com/docs/en/errors, "tool_use.name: String should have at most 200 characters"."""
    input: dict[str, Any]
    caller: Any = None


ResultPart = Annotated[
    TextBlock | ImageBlock | DocumentBlock | SearchResultBlock | ToolReferenceBlock, Field(discriminator="type")
]


class ToolResultBlock(Cacheable):
    type: Literal["tool_result"]
    tool_use_id: str = Field(pattern=_TOOL_ID)
    content: str | list[ResultPart] | None = None
    is_error: bool | None = None


Block = Annotated[
    TextBlock
    | ImageBlock
    | DocumentBlock
    | ThinkingBlock
    | RedactedThinkingBlock
    | ToolUseBlock
    | ToolResultBlock
    | ServerToolUseBlock
    | WebSearchToolResultBlock
    | OtherServerResultBlock
    | SearchResultBlock
    | ContainerUploadBlock,
    Field(discriminator="type"),
]


class MessageConfig(Strict):
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None


class Message(Strict):
    """What stands beside `content` is for the role system alone, and needs a beta: see betas."""

    role: Literal["user", "assistant", "system"]
    content: str | list[Block] = Field(default_factory=list)
    output_config: MessageConfig | None = None
    clear_at: Literal["next_user_message", "never"] | None = None


class InputSchema(BaseModel):
    model_config = ConfigDict(extra="allow")

    type: Literal["object"]


class CustomTool(Cacheable):
    """`name`: docs "Define tools"; longer ones and others are refused by the pattern."""

    type: Literal["custom"] | None = None
    name: str = Field(pattern=r"^[a-zA-Z0-9_-]{1,128}$")
    description: str | None = None
    input_schema: InputSchema
    strict: bool | None = None
    allowed_callers: Any = None
    defer_loading: bool | None = None
    eager_input_streaming: bool | None = None
    input_examples: Any = None


def _kind_of(tool: Any) -> str:
    kind = str(tool.get("type") if isinstance(tool, dict) else None)
    if kind in OTHER_TOOLS:
        return "other"
    return "web_search" if kind.startswith("web_search") else "custom"


AnyTool = Annotated[
    Annotated[CustomTool, Tag("custom")]
    | Annotated[WebSearchTool, Tag("web_search")]
    | Annotated[OtherTool, Tag("other")],
    Discriminator(_kind_of),
]


class ToolChoice(Strict):
    type: Literal["auto", "any", "tool", "none"]
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class Thinking(Strict):
    type: Literal["enabled", "disabled", "adaptive", "between_tools"]
    budget_tokens: int | None = None
    display: Literal["summarized", "omitted"] | None = None


class JsonFormat(Strict):
    type: Literal["json_schema"]
    schema_: dict[str, Any] = Field(alias="schema")


class OutputConfig(Strict):
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    format: JsonFormat | None = None


class Metadata(Strict):
    user_id: str | None = None


class _Asked(Strict):
    """What a message request and one for its number of tokens have in common."""

    model: str = Field(min_length=1)
    messages: list[Message] = Field(max_length=100_000)
    system: str | list[TextBlock] | None = None
    tools: list[AnyTool] | None = None
    tool_choice: ToolChoice | None = None
    thinking: Thinking | None = None
    output_config: OutputConfig | None = None
    output_format: JsonFormat | None = None
    cache_control: CacheControl | None = None
    context_management: ContextManagement | None = None
    speed: Literal["standard", "fast"] | None = None
    user_profile_id: str | None = None
    workspace_id: str | None = None
    billing_policy: Any = None
    compaction: Any = None
    mcp_servers: Any = None


class CountRequest(_Asked):
    """What `POST /v1/messages/count_tokens` takes: `MessageCountTokensParams`, also of the client's beta types."""


class MessagesRequest(_Asked):
    """The fields of a message request. Those the simulator has no use for are taken in any form."""

    max_tokens: int = Field(ge=1)
    stream: bool | None = None
    temperature: float | None = Field(default=None, ge=0, le=1)
    top_p: float | None = Field(default=None, ge=0, le=1)
    top_k: int | None = Field(default=None, ge=0)
    stop_sequences: list[str] | None = None
    metadata: Metadata | None = None
    service_tier: Literal["auto", "standard_only"] | None = None
    inference_geo: str | None = None
    container: Any = None
    diagnostics: Any = None
    fallbacks: Any = None
    fallback_credit_token: Any = None
    thread: Any = None


def text_of(blocks: Iterable[Any]) -> str:
    """All text among the blocks of a content."""
    return "".join(block.text for block in blocks if isinstance(block, TextBlock))
