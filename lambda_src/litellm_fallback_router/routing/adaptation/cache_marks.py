"""`cache_control` as each model takes it. Sources: Anthropic "Prompt caching"; Amazon Bedrock "Prompt caching" (Nova:
in `system` and `messages`, not in tools; `ttl` of Claude 4.5 and later only)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..types import Deployment
from .report import Report

LONGEST = "1h"
TTLS = ("5m", LONGEST)
MOST = 4
"""Marks of a request, of its tools, instructions and messages together; Bedrock has the same number."""


def fit_marks(tools: list[Any], messages: list[Any], report: Report) -> None:
    """The last marks stay: what they cover is longest. None lasts longer than one before it.

    Source of the order: headroomlabs-ai/headroom issue 2939 ("a ttl='1h' cache_control block must not come after a
    ttl='5m' cache_control block ... tools, system, messages").
    """
    holders = [*_holders(tools), *(one for message in messages for one in _held(message))]
    for holder in holders[:-MOST]:
        del holder["cache_control"]
        report.say("cache_control dropped")
    short = False
    for holder in holders[-MOST:]:
        mark = holder["cache_control"]
        if short and mark.get("ttl") == LONGEST:
            holder["cache_control"] = {name: value for name, value in mark.items() if name != "ttl"}
            report.say("cache_control ttl dropped")
        short = short or mark.get("ttl") != LONGEST


def _held(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    content = message.get("content")
    parts = content if isinstance(content, list) else []
    return _holders([*parts, *message.get("tool_calls", ()), message])


def _holders(owners: list[Any]) -> list[dict[str, Any]]:
    return [owner for owner in owners if "cache_control" in owner]


class CacheMarks:
    """The cache marks of one request, for one deployment."""

    def __init__(self, deployment: Deployment, report: Report) -> None:
        self._report = report
        self._claude = deployment.profile.claude
        self._converse = deployment.profile.dialect.converse
        self._info = deployment.info

    def of(self, owner: Mapping[str, Any], *, tool: bool = False) -> dict[str, Any] | None:
        """The owner's mark as the model takes it; None: it has none, or the model takes none."""
        given = owner.get("cache_control")
        if given is None:
            return None
        taken = self._claude or (self._converse and not tool and self._info.prompt_caching is True)
        if not taken or not isinstance(given, Mapping):
            self._report.say("tools cache_control dropped" if tool else "cache_control dropped")
            return None
        if "ttl" not in given or (given["ttl"] in TTLS and (not self._converse or self._info.cache_ttl is True)):
            return dict(given)
        self._report.say("cache_control ttl dropped")
        return {name: value for name, value in given.items() if name != "ttl"}
