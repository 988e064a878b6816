"""What Anthropic refuses of tools, calls and results, beyond the form of each."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from local.simulator.anthropic import schema
from local.simulator.anthropic.errors import refuse
from local.simulator.anthropic.schema_rules import unfit_for_output, unfit_for_tool
from local.simulator.anthropic.server_schema import SERVER_RESULTS, ServerToolUseBlock
from local.simulator.provider import ApiError

_TOOL_BLOCKS = (schema.ToolUseBlock, schema.ToolResultBlock)


def check_tools(asked: schema.MessagesRequest) -> None:
    """Raises ApiError."""
    tools = asked.tools or ()
    # Source: anthropics/claude-code issue 10687.
    if any(count > 1 for count in Counter(tool.name for tool in tools if tool.name).values()):
        raise refuse("tools: Tool names must be unique.")
    for index, tool in enumerate(tools):
        if not isinstance(tool, schema.CustomTool):
            continue
        given = tool.input_schema.model_dump()
        objection = unfit_for_tool(given) or (unfit_for_output(given) if tool.strict else None)
        if objection:
            raise refuse(f"tools.{index}.custom.input_schema: {objection}")


def check_history(asked: schema.MessagesRequest) -> None:
    """Calls and results among the messages. Raises ApiError."""
    held = [block for _, block in _blocks(asked.messages) if isinstance(block, _TOOL_BLOCKS)]
    # Sources: portkey.ai/error-library/tool-definition-error-10488; BerriAI/litellm issues 5388 and 5747.
    if held and not asked.tools:
        raise refuse("Requests which include `tool_use` or `tool_result` blocks must define tools.")
    used: set[str] = set()
    for where, block in _blocks(asked.messages):
        if isinstance(block, schema.ToolUseBlock):
            # Source: trycua/cua issue 524.
            if block.id in used:
                raise refuse(f"{where}: `tool_use` ids must be unique")
            used.add(block.id)
    _check_server_results(asked.messages)
    _check_order(asked.messages)
    for index, message in enumerate(asked.messages):
        _check_results_first(message, index)


def _check_server_results(messages: Sequence[schema.Message]) -> None:
    """Source: anthropics/claude-code issue 65726 (for another tool of Anthropic's; the words name the kind)."""
    called: set[str] = set()
    for where, block in _blocks(messages):
        if isinstance(block, ServerToolUseBlock):
            called.add(block.id)
        elif isinstance(block, SERVER_RESULTS) and block.tool_use_id not in called:
            raise refuse(
                f"{where}: unexpected `tool_use_id` found in `{block.type}` blocks: {block.tool_use_id}. Each "
                f"`{block.type}` block must have a corresponding `server_tool_use` block before it."
            )


def _check_results_first(message: schema.Message, index: int) -> None:
    """Source: docs "Handle tool calls" (platform.claude.com/docs/en/agents-and-tools/tool-use/handle-tool-calls):
    "the tool_result blocks must come first in the content array", or the API answers 400."""
    blocks = message.content if isinstance(message.content, list) else []
    results = [isinstance(block, schema.ToolResultBlock) for block in blocks]
    if results != sorted(results, reverse=True):
        late = {block.tool_use_id for block in blocks if isinstance(block, schema.ToolResultBlock)}
        raise _without_result(index - 1, late)


def _blocks(messages: Sequence[schema.Message]) -> Iterator[tuple[str, schema.Block]]:
    for index, message in enumerate(messages):
        if isinstance(message.content, list):
            yield from ((f"messages.{index}.content.{at}", block) for at, block in enumerate(message.content))


def _check_order(messages: Sequence[schema.Message]) -> None:
    """Consecutive messages of one role are one turn: so is each call answered in the next turn."""
    open_ids: set[str] = set()
    for index, blocks in _turns(messages).items():
        results = [block for block in blocks if isinstance(block, schema.ToolResultBlock)]
        if stray := [block.tool_use_id for block in results if block.tool_use_id not in open_ids]:
            raise refuse(
                f"messages.{index}.content.0: unexpected `tool_use_id` found in `tool_result` blocks: "
                f"{', '.join(stray)}. Each `tool_result` block must have a corresponding `tool_use` block in the "
                "previous message."
            )
        if missing := open_ids - {block.tool_use_id for block in results}:
            raise _without_result(index - 1, missing)
        open_ids = {block.id for block in blocks if isinstance(block, schema.ToolUseBlock)}
    if open_ids:
        raise _without_result(len(messages) - 1, open_ids)


def _turns(messages: Sequence[schema.Message]) -> Mapping[int, list[schema.Block]]:
    """The blocks of each turn, by the place of its last message."""
    turns: dict[int, list[schema.Block]] = {}
    for index, message in enumerate(messages):
        before = turns.pop(index - 1) if index and messages[index - 1].role == message.role else []
        turns[index] = [*before, *(message.content if isinstance(message.content, list) else ())]
    return turns


def _without_result(index: int, ids: set[str]) -> ApiError:
    return refuse(
        f"messages.{index}: `tool_use` ids were found without `tool_result` blocks immediately after: "
        f"{', '.join(sorted(ids))}. Each `tool_use` block must have a corresponding `tool_result` block in the next "
        "message."
    )
