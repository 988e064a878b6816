"""Anthropic's own API."""

from __future__ import annotations

import re
from types import MappingProxyType

from .claude import CLAUDE, claude_families
from .finish_reasons import FinishReasons
from .profile import Processing, Profile, Simulator

FINISH_REASONS = FinishReasons(
    complete=MappingProxyType({"end_turn": "stop", "stop_sequence": "stop", "tool_use": "tool_calls"}),
    # A paused turn waits to be sent back, a compaction for the rest: neither is the whole answer.
    cut=frozenset({"max_tokens", "model_context_window_exceeded", "pause_turn", "compaction"}),
    filtered=frozenset({"refusal"}),
)
"""Sources: anthropic-sdk-python, `types/stop_reason.py` and `types/beta/beta_stop_reason.py`; Claude docs, "Stop
reasons and fallback"."""
PROCESSING = Processing(
    because="Anthropic's own endpoint may run anywhere",
    fix="leave it out, or ask Claude by a Bedrock profile of {geography}",
)
"""Source: https://platform.claude.com/docs/en/manage-claude/data-residency: `global` unless a request has `us`."""

ANTHROPIC = Profile(
    dialect=CLAUDE,
    finish_reasons=FINISH_REASONS,
    claude=True,
    native_formats=frozenset({"messages"}),
    families=claude_families(),
    own_domain="anthropic.com",
    sells_only_own=True,
    placeholder_key=True,
    bare_names=re.compile(r"claude-"),
    processing=PROCESSING,
    simulator=Simulator("/anthropic", "sim-anthropic-key"),
)
