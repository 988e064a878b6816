"""What a request needs from a model, and why a deployment cannot give it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .dialects import dialect_of
from .ledger import Dropped
from .types import Deployment, Message

CHARS_PER_TOKEN = 4
"""A common rule of thumb for English (OpenAI's "What are tokens"); used for estimates only."""
CHARS_PER_TOKEN_AT_MOST = 8
"""No real text packs more: a prompt longer than this many characters a token of the window cannot fit."""


def text_length(value: Any) -> int:
    """Characters of text in a message's content, without images and other data."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, list):
        return sum(text_length(part.get("text")) for part in value if isinstance(part, Mapping))
    return 0


def prompt_characters(messages: Sequence[Message]) -> int:
    return sum(text_length(message.get("content")) for message in messages)


def estimate_tokens(characters: int) -> int:
    return (characters + CHARS_PER_TOKEN - 1) // CHARS_PER_TOKEN


@dataclass(frozen=True, slots=True)
class Needs:
    """Without these the answer would not be what was asked for."""

    tools: bool
    forced_tool: bool
    images: bool
    json_schema: bool
    many_choices: bool
    logprobs: bool
    characters: int

    @classmethod
    def of(cls, messages: Sequence[Message], params: Mapping[str, Any]) -> Needs:
        response_format = params.get("response_format") or {}
        return cls(
            tools=bool(params.get("tools") or params.get("functions"))
            or any("tool_calls" in m or m.get("role") == "tool" for m in messages),
            forced_tool=params.get("tool_choice") not in (None, "auto", "none"),
            images=any(
                part.get("type") == "image_url"
                for message in messages
                if isinstance(message.get("content"), list)
                for part in message["content"]
                if isinstance(part, Mapping)
            ),
            json_schema=response_format.get("type") in {"json_schema", "json_object"},
            many_choices=(params.get("n") or 1) > 1,
            logprobs=bool(params.get("logprobs")) or params.get("top_logprobs") is not None,
            characters=prompt_characters(messages),
        )

    def unmet_by(self, deployment: Deployment) -> Dropped | None:
        """Why `deployment` cannot do this; None: it can, or nothing says it cannot."""
        info, dialect = deployment.info, dialect_of(deployment)
        window = info.max_input_tokens
        checks: list[tuple[bool, str, str]] = [
            (self.tools and info.tools is False, "tools", "does not take tools"),
            (self.forced_tool and info.tool_choice is False, "tools", "cannot be made to call a tool"),
            (self.images and info.images is False, "images", "does not take images"),
            (
                self.json_schema and info.json_schema is False,
                "json_schema",
                "does not keep to a response_format",
            ),
            (self.many_choices and not dialect.many_choices, "n", "gives one choice only (n = 1)"),
            (self.logprobs and not dialect.logprobs, "logprobs", "gives no logprobs"),
            (
                window is not None and self.characters > window * CHARS_PER_TOKEN_AT_MOST,
                "context",
                f"takes at most {window} tokens",
            ),
        ]
        for unmet, code, reason in checks:
            if unmet:
                return Dropped(deployment.id, code, f"{deployment.label} {reason}")
        return None
