"""Tools that Anthropic runs or defines, their blocks, and what manages a context: types of the `anthropic` client."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from local.simulator.anthropic.base_schema import Cacheable, CacheControl, Strict

_ServerTool = Literal[
    "web_search",
    "web_fetch",
    "code_execution",
    "bash_code_execution",
    "text_editor_code_execution",
    "tool_search_tool_regex",
    "tool_search_tool_bm25",
    "advisor",
]


class ServerToolUseBlock(Cacheable):
    type: Literal["server_tool_use"]
    id: str = Field(pattern=r"^srvtoolu_[a-zA-Z0-9_]+$")
    name: _ServerTool
    input: dict[str, Any]
    caller: Any = None


class WebSearchResult(Strict):
    type: Literal["web_search_result"]
    encrypted_content: str
    title: str
    url: str
    page_age: str | None = None


class ToolError(Strict):
    type: Literal["web_search_tool_result_error"]
    error_code: str


class WebSearchToolResultBlock(Cacheable):
    type: Literal["web_search_tool_result"]
    tool_use_id: str
    content: list[WebSearchResult] | ToolError
    caller: Any = None


class OtherServerResultBlock(Cacheable):
    """A result whose content the simulator does not look at."""

    type: Literal[
        "web_fetch_tool_result",
        "code_execution_tool_result",
        "bash_code_execution_tool_result",
        "text_editor_code_execution_tool_result",
        "tool_search_tool_result",
        "advisor_tool_result",
    ]
    tool_use_id: str
    content: Any
    caller: Any = None


class SearchResultBlock(Cacheable):
    type: Literal["search_result"]
    content: list[Any]
    source: str
    title: str
    citations: dict[str, Any] | None = None


class ContainerUploadBlock(Cacheable):
    type: Literal["container_upload"]
    file_id: str


class ToolReferenceBlock(Cacheable):
    type: Literal["tool_reference"]
    tool_name: str


class WebSearchTool(Cacheable):
    """A tool that Anthropic runs; it finds the same page for every question."""

    type: Literal["web_search_20250305", "web_search_20260209", "web_search_20260318"]
    name: Literal["web_search"]
    allowed_callers: Any = None
    allowed_domains: list[str] | None = None
    blocked_domains: list[str] | None = None
    defer_loading: bool | None = None
    max_uses: int | None = Field(default=None, gt=0)
    strict: bool | None = None
    user_location: dict[str, Any] | None = None


class OtherTool(BaseModel):
    """A tool of Anthropic's that the model never uses here; its options are taken in any form."""

    model_config = ConfigDict(extra="allow", strict=True)

    type: str
    name: str = ""
    cache_control: CacheControl | None = None


OTHER_TOOLS: dict[str, str | None] = {
    "bash_20250124": None,
    "browser_toolset_20260801": None,
    "code_execution_20250522": None,
    "code_execution_20250825": None,
    "code_execution_20260120": None,
    "code_execution_20260521": None,
    "computer_toolset_20260801": None,
    "memory_20250818": None,
    "text_editor_20250124": None,
    "text_editor_20250429": None,
    "text_editor_20250728": None,
    "tool_search_tool_bm25": None,
    "tool_search_tool_bm25_20251119": None,
    "tool_search_tool_regex": None,
    "tool_search_tool_regex_20251119": None,
    "web_fetch_20250910": None,
    "web_fetch_20260209": None,
    "web_fetch_20260309": None,
    "web_fetch_20260318": None,
    "advisor_20260301": "advisor-tool",
    "computer_20241022": "computer-use-2024-10-22",
    "computer_20250124": "computer-use-2025-01-24",
    "computer_20251124": "computer-use-2025-11-24",
    "mcp_toolset": "mcp-client",
}
"""Each with the beta without which it is unknown."""


class ContextEdit(BaseModel):
    """One way to shorten a conversation; its limits are taken in any form."""

    model_config = ConfigDict(extra="allow", strict=True)

    type: Literal["clear_tool_uses_20250919", "clear_thinking_20251015", "compact_20260112"]


class ContextManagement(Strict):
    """Nothing but `edits`: Wei-Shaw/sub2api issue 1968."""

    edits: list[ContextEdit] | None = None


SERVER_RESULTS = (WebSearchToolResultBlock, OtherServerResultBlock)
