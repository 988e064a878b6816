"""What Anthropic refuses of messages, beyond the form of each. Calls and results: see tool_rules."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from local.simulator.anthropic import schema
from local.simulator.anthropic.base_schema import CacheControl
from local.simulator.anthropic.errors import PREFILL, refuse
from local.simulator.catalogue import Model
from local.simulator.conversation import signature

_MOST_CACHE_MARKS = 4


def check_messages(asked: schema.MessagesRequest, model: Model) -> None:
    """Raises ApiError."""
    messages = asked.messages
    if not messages:
        raise refuse("messages: at least one message is required")
    # Source: ianarawjo/ChainForge issue 271; the models that take it are flagged `supports_mid_conversation_system` in
    # LiteLLM's price map.
    if not model.mid_system and any(message.role == "system" for message in messages):
        raise refuse(
            'messages: Unexpected role "system". The Messages API accepts a top-level `system` parameter, not "system" '
            "as an input message role."
        )
    # Source: lobehub/lobehub issue 1601; anthropics/anthropic-sdk-typescript issue 622 saw it taken once.
    if messages[0].role != "user":
        raise refuse('messages: first message must use the "user" role')
    for index, message in enumerate(messages):
        is_prefill = index == len(messages) - 1 and message.role == "assistant"
        # Sources: anthropics/claude-code issue 6774; docs "Per-message effort" (a system message may hold one alone).
        if not message.content and not is_prefill and message.output_config is None:
            raise refuse(
                f"messages.{index}: all messages must have non-empty content except for the optional final assistant "
                "message"
            )
        for position, block in enumerate(message.content if isinstance(message.content, list) else ()):
            _check_block(block, f"messages.{index}.content.{position}")
        if isinstance(message.content, str) and message.content:
            _check_text(message.content)
    _check_end(messages[-1], model)
    _check_thoughts(asked)
    _check_cache_marks(asked)


def _check_block(block: schema.Block, where: str) -> None:
    match block:
        case schema.TextBlock(text=text):
            # Source: anthropics/claude-code issue 54039.
            if not text and block.cache_control:
                raise refuse(f"{where}.text: cache_control cannot be set for empty text blocks")
            _check_text(text)
        case schema.ThinkingBlock(thinking=thinking, signature=given) if given != signature(thinking):
            raise refuse(f"{where}: Invalid `signature` in `thinking` block")


def _check_text(text: str) -> None:
    # Sources: anthropics/claude-code issues 59812 and 23440. A string is one text block ("Create a message").
    if not text:
        raise refuse("messages: text content blocks must be non-empty")
    if not text.strip():
        raise refuse("messages: text content blocks must contain non-whitespace text")


def _check_end(last: schema.Message, model: Model) -> None:
    if last.role != "assistant":
        return
    # Source: docs of the API, "Errors: Prefill not supported" (platform.claude.com/docs/en/api/errors).
    if not model.prefill:
        raise refuse(PREFILL)
    # Source: tailcallhq/forgecode issue 1872.
    texts = last.content if isinstance(last.content, str) else schema.text_of(last.content)
    if texts != texts.rstrip():
        raise refuse("messages: final assistant content cannot end with trailing whitespace")


def _check_thoughts(asked: schema.MessagesRequest) -> None:
    """With thinking enabled, what an assistant did last before results begins with its thought.

    Source: platform.claude.com/docs/en/build-with-claude/extended-thinking, "Preserving thinking blocks"; the text:
    BerriAI/litellm, `utils.last_assistant_with_tool_calls_has_no_thinking_blocks`, which leaves thinking out for it.
    """
    if not asked.thinking or asked.thinking.type != "enabled":
        return
    said = [(index, message) for index, message in enumerate(asked.messages) if message.role == "assistant"]
    if not said or not isinstance(said[-1][1].content, list) or said[-1][0] != len(asked.messages) - 2:
        return
    index, blocks = said[-1][0], said[-1][1].content
    calls = any(isinstance(block, schema.ToolUseBlock) for block in blocks)
    if calls and not isinstance(blocks[0], schema.ThinkingBlock | schema.RedactedThinkingBlock):
        raise refuse(
            f"messages.{index}.content.0.type: Expected `thinking` or `redacted_thinking`, but found "
            f"`{getattr(blocks[0], 'type', '')}`. "
            "When `thinking` is enabled, a final `assistant` message must start with a thinking block (preceeding the "
            "lastmost set of `tool_use` and `tool_result` blocks). To avoid this requirement, disable `thinking`."
        )


def _check_cache_marks(asked: schema.MessagesRequest) -> None:
    # Source: tghamm/Anthropic.SDK issue 50; continuedev/continue pull request 6937 (system, tools and messages count).
    marks = list(_cache_marks(asked))
    if len(marks) > _MOST_CACHE_MARKS:
        raise refuse(f"A maximum of {_MOST_CACHE_MARKS} blocks with cache_control may be provided. Found {len(marks)}.")
    # Source: headroomlabs-ai/headroom issue 2939.
    if any(one.ttl != "1h" and two.ttl == "1h" for one, two in pairwise(marks)):
        raise refuse(
            "cache_control.ttl: a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block. "
            "Note that blocks are processed in the following order: tools, system, messages."
        )


def _cache_marks(asked: schema.MessagesRequest) -> Iterator[CacheControl]:
    system = asked.system if isinstance(asked.system, list) else []
    said = [block for message in asked.messages if isinstance(message.content, list) for block in message.content]
    for index, text in enumerate(system):
        if not text.text and text.cache_control:
            raise refuse(f"system.{index}: cache_control cannot be set for empty text blocks")
    blocks: Sequence[object] = [*(asked.tools or ()), *system, *said, asked]
    for block in blocks:
        if mark := getattr(block, "cache_control", None):
            yield mark
