"""The largest usage that a candidate's answer can have, for budgets that must hold whatever the answer is.

A token is at least one byte of UTF-8 for every tokenizer in use (they split bytes or characters), so bytes bound the
tokens of texts. Providers add some of their own: for each message and tool, and a prompt of a few hundred tokens where
there are tools (Anthropic, "Tool use system prompt": at most 804).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .planner import Candidate

PER_OBJECT = 8
"""Tokens of role markers and separators around a message, a part or a tool, or of a value in a schema."""
BY_ITSELF = 1_000
"""Tokens that a provider adds to any request."""
PICTURES = frozenset({"image_url", "image", "input_image"})
OF_UNKNOWN_SIZE = frozenset({"file", "document", "input_file", "container_upload", "item_reference"})
"""Parts of which a few bytes may stand for a whole window: pages are compressed, or kept by the provider."""
KEPT = ("previous_response_id", "conversation", "prompt")
"""Fields of a native body that stand for a conversation that the provider keeps."""
PROVIDERS_TOOLS = ("web_search_options",)
WINDOW = 2_000_000
"""Tokens of the largest window there is, for models of unknown windows."""
MOST_COMPLETION = 200_000
"""Tokens of the longest answer, for models of which it is unknown."""
LIMITS = ("max_completion_tokens", "max_tokens", "max_output_tokens")


def most_prompt_tokens(candidate: Candidate, delivered: str = "") -> int:
    """The most tokens that the prompt of this candidate can be. `delivered`: the beginning of an answer, which it
    continues."""
    sent: Any = (candidate.messages, candidate.params) if candidate.native is None else candidate.native.body
    window = candidate.deployment.info.max_input_tokens or WINDOW
    if candidate.native is not None and any(candidate.native.body.get(name) is not None for name in KEPT):
        return window
    tokens = (
        BY_ITSELF + len(delivered.encode()) + _tokens(sent, window, candidate.deployment.profile.dialect.picture_tokens)
    )
    return min(tokens, window)


def most_completion_tokens(candidate: Candidate) -> int:
    """The most tokens that its answer can be, all choices together; 0: it embeds texts."""
    if candidate.deployment.space is not None:
        return 0
    said = candidate.params if candidate.native is None else candidate.native.body
    limits = [said[name] for name in LIMITS if isinstance(said.get(name), int)]
    known = candidate.deployment.info.max_output_tokens
    # Of two limits only one is looked at, and which depends on the provider.
    most = max(limits) if limits else known or MOST_COMPLETION
    return most * (candidate.params.get("n") or 1)


def runs_providers_tools(candidate: Candidate) -> bool:
    """True where the provider may run tools of its own for the answer, which it charges by call."""
    if any(candidate.params.get(name) is not None for name in PROVIDERS_TOOLS):
        return True
    body = {} if candidate.native is None else candidate.native.body
    if body.get("mcp_servers") or body.get("container"):
        return True
    tools = body.get("tools")
    own = {"function", "custom", "namespace"}
    return any(
        isinstance(tool, Mapping) and tool.get("type", "custom") not in own and "input_schema" not in tool
        for tool in tools or ()
    )


def _tokens(value: Any, window: int, picture: int) -> int:
    """The most tokens of a JSON value. The depth of requests is bounded by validation."""
    if isinstance(value, str):
        return len(value) if value.isascii() else len(value.encode())
    if isinstance(value, Mapping):
        kind = value.get("type")
        if isinstance(kind, str) and kind in PICTURES:
            return picture
        if isinstance(kind, str) and kind in OF_UNKNOWN_SIZE:
            return window
        return PER_OBJECT + sum(len(name) + _tokens(item, window, picture) for name, item in value.items())
    if isinstance(value, list | tuple):
        return sum(_tokens(item, window, picture) for item in value)
    return PER_OBJECT
