"""The input items of `POST /v1/responses`: types of the `openai` client, `ResponseInputItemParam`."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

Name = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]+$", max_length=128)]
"""Limit: diegosouzapw/OmniRoute pull request 4317."""
CallId = Annotated[str, Field(min_length=1, max_length=64)]
"""Limit: AnswerDotAI/fastllm issue 45, orchidfiles/ungate issue 26."""
Status = Literal["in_progress", "completed", "incomplete"]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class InputText(Strict):
    type: Literal["input_text"]
    text: str
    prompt_cache_breakpoint: Any = None


class InputImage(Strict):
    type: Literal["input_image"]
    detail: Literal["low", "high", "auto", "original"] | None = None
    file_id: str | None = None
    image_url: str | None = None
    prompt_cache_breakpoint: Any = None


class InputFile(Strict):
    type: Literal["input_file"]
    file_data: str | None = None
    file_id: str | None = None
    file_url: str | None = None
    filename: str | None = None
    detail: Literal["low", "high", "auto"] | None = None
    prompt_cache_breakpoint: Any = None


class OutputText(Strict):
    type: Literal["output_text"]
    text: str
    annotations: list[Any] | None = None
    logprobs: list[Any] | None = None


class Refusal(Strict):
    type: Literal["refusal"]
    refusal: str


InputPart = Annotated[InputText | InputImage | InputFile, Field(discriminator="type")]
OutputPart = Annotated[OutputText | Refusal, Field(discriminator="type")]
"""All that an assistant's message takes: sunwu51/TabPilot pull request 46."""


class InputMessage(Strict):
    """A user's or an operator's message."""

    type: Literal["message"] | None = None
    role: Literal["user", "system", "developer"]
    content: str | list[InputPart]
    id: str | None = None
    status: Status | None = None


class OutputMessage(Strict):
    """The model's text."""

    type: Literal["message"] | None = None
    role: Literal["assistant"]
    content: str | list[OutputPart]
    id: str | None = None
    status: Status | None = None
    phase: Literal["commentary", "final_answer"] | None = None


class _Called(Strict):
    """What a call and its result share."""

    call_id: CallId
    id: str | None = None
    status: Status | None = None
    caller: Any = None


class _Call(_Called):
    name: Name
    namespace: str | None = None


class _CallOutput(_Called):
    output: str | list[InputPart]


class FunctionCall(_Call):
    type: Literal["function_call"]
    arguments: str


class FunctionCallOutput(_CallOutput):
    type: Literal["function_call_output"]
    name: str | None = None
    namespace: str | None = None


class CustomToolCall(_Call):
    type: Literal["custom_tool_call"]
    input: str


class CustomToolCallOutput(_CallOutput):
    type: Literal["custom_tool_call_output"]


class SummaryText(Strict):
    type: Literal["summary_text"]
    text: str


class ReasoningText(Strict):
    type: Literal["reasoning_text"]
    text: str


class ReasoningItem(Strict):
    """The model's reasoning. It has no `status` on the way in, although the client's types have one: BerriAI/litellm
    issue 13420, 1jehuang/jcode issue 1028."""

    type: Literal["reasoning"]
    summary: list[SummaryText]
    id: str | None = None
    content: list[ReasoningText] | None = None
    encrypted_content: str | None = None


class ItemReference(Strict):
    type: Literal["item_reference"] | None = None
    id: str


class OtherItem(BaseModel):
    """An item of a built-in tool, or of what the simulator has no use for; taken in any form."""

    model_config = ConfigDict(extra="allow", strict=True)

    type: Literal[
        "file_search_call",
        "computer_call",
        "computer_call_output",
        "web_search_call",
        "tool_search_call",
        "tool_search_output",
        "additional_tools",
        "compaction",
        "compaction_trigger",
        "image_generation_call",
        "code_interpreter_call",
        "local_shell_call",
        "local_shell_call_output",
        "shell_call",
        "shell_call_output",
        "apply_patch_call",
        "apply_patch_call_output",
        "mcp_list_tools",
        "mcp_approval_request",
        "mcp_approval_response",
        "mcp_call",
        "program",
        "program_output",
    ]
    id: str | None = None


_KINDS = {
    "function_call",
    "function_call_output",
    "custom_tool_call",
    "custom_tool_call_output",
    "reasoning",
    "item_reference",
}


def _kind_of(item: Any) -> str:
    given = item if isinstance(item, dict) else vars(item)
    kind = given.get("type")
    if kind in _KINDS:
        return str(kind)
    if kind == "message" or (kind is None and "role" in given):
        return "assistant" if given.get("role") == "assistant" else "message"
    if kind is None and "id" in given:
        return "item_reference"
    return "message" if kind is None else "other"


InputItem = Annotated[
    Annotated[InputMessage, Tag("message")]
    | Annotated[OutputMessage, Tag("assistant")]
    | Annotated[FunctionCall, Tag("function_call")]
    | Annotated[FunctionCallOutput, Tag("function_call_output")]
    | Annotated[CustomToolCall, Tag("custom_tool_call")]
    | Annotated[CustomToolCallOutput, Tag("custom_tool_call_output")]
    | Annotated[ReasoningItem, Tag("reasoning")]
    | Annotated[ItemReference, Tag("item_reference")]
    | Annotated[OtherItem, Tag("other")],
    Discriminator(_kind_of),
]
AnyItem = (
    InputMessage
    | OutputMessage
    | FunctionCall
    | FunctionCallOutput
    | CustomToolCall
    | CustomToolCallOutput
    | ReasoningItem
    | ItemReference
    | OtherItem
)
