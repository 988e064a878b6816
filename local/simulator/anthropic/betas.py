"""What a message request may hold only with a beta, by the header anthropic-beta."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from local.simulator.anthropic.errors import refuse
from local.simulator.anthropic.server_schema import OTHER_TOOLS

_NAME = re.compile(r"[a-z0-9-]+-\d{4}-?\d{2}-?\d{2}")
"""What all betas are called (types of the `anthropic` client, `AnthropicBetaParam`), and those that only Claude Code
sends (`claude-code-20250219`): router-for-me/CLIProxyAPI issue 512."""
_FIELDS = {
    "output_format": ("structured-outputs",),
    "context_management": ("context-management", "compact-"),
    "mcp_servers": ("mcp-client",),
    "fallbacks": ("server-side-fallback",),
    "fallback_credit_token": ("fallback-credit",),
    "compaction": ("compact-",),
    "thread": ("message-threads",),
    "billing_policy": ("user-profiles-billing",),
}
"""Fields that stand only in the client's beta types. `context_management`: anthropics/claude-code issues 14135 and
21612."""
_OF_MESSAGES = {
    "output_config": ("mid-conversation-output-config", "per-turn-control"),
    "clear_at": ("mid-conversation-system-clear-at",),
}
"""Fields of system messages: docs "Per-message effort" and types of the `anthropic` client, `BetaSystemMessageParam`.
`per-turn-control` is what Claude Code 2.1.332 sends beside them."""
_SCOPE = "prompt-caching-scope"


def check_betas(body: Mapping[str, Any], header: str) -> None:
    """Raises ApiError."""
    betas = [one.strip() for one in header.split(",") if one.strip()]
    if unknown := [one for one in betas if not _NAME.fullmatch(one)]:
        # Source: anthropics/claude-code issues 53855 and 13770.
        shown = ", ".join(f"`{one}`" for one in unknown)
        raise refuse(
            f"Unexpected value(s) {shown} for the `anthropic-beta` header. Please consult our documentation at "
            "docs.anthropic.com or try again without the header."
        )
    for name in sorted(set(body) & set(_FIELDS)):
        if not any(beta.startswith(_FIELDS[name]) for beta in betas):
            raise refuse(f"{name}: Extra inputs are not permitted")
    for index, message in enumerate(_list(body, "messages")):
        for name in sorted(_OF_MESSAGES.keys() & set(message if isinstance(message, dict) else ())):
            if message.get("role") != "system" or not any(beta.startswith(_OF_MESSAGES[name]) for beta in betas):
                raise refuse(f"messages.{index}.{name}: Extra inputs are not permitted")
    if not any(beta.startswith(_SCOPE) for beta in betas):
        for where in _scopes(body, ""):
            # Source: anthropics/claude-code issue 41966.
            raise refuse(f"{where}.cache_control.ephemeral.scope: Extra inputs are not permitted")
    for index, tool in enumerate(_list(body, "tools")):
        needed = OTHER_TOOLS.get(str(tool.get("type"))) if isinstance(tool, dict) else None
        if needed and not any(beta.startswith(needed) for beta in betas):
            raise refuse(f"tools.{index}: Input tag '{tool['type']}' found using 'type' does not match any of the tags")


def _list(body: Mapping[str, Any], name: str) -> list[Any]:
    given = body.get(name)
    return given if isinstance(given, list) else []


def _scopes(value: Any, where: str) -> Iterator[str]:
    """The places of blocks whose cache mark has a scope."""
    waiting: list[tuple[str, Any]] = [(where, value)]
    while waiting:
        place, node = waiting.pop(0)
        if isinstance(node, list):
            waiting += [(f"{place}.{index}".lstrip("."), one) for index, one in enumerate(node)]
        elif isinstance(node, Mapping):
            mark = node.get("cache_control")
            if isinstance(mark, Mapping) and mark.get("scope") is not None:
                yield place
            held = ("system", "messages", "tools", "content")
            waiting += [(f"{place}.{name}".lstrip("."), node[name]) for name in held if name in node]
