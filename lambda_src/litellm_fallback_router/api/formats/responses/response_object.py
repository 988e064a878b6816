"""The response object: what all of its snapshots share, and what each adds. Source: the SDK's type `Response`."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from ....routing.adaptation import MADE_HERE
from ....routing.ledger import Usage
from ..base import Json

ECHOED: Mapping[str, Any] = {
    "instructions": None,
    "metadata": {},
    "max_output_tokens": None,
    "max_tool_calls": None,
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "reasoning": {"effort": None, "summary": None},
    "safety_identifier": None,
    "temperature": None,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": None,
    "truncation": "disabled",
    "user": None,
}
"""What a response repeats of its request, each with its default. None where the default is the provider's own, which is
unknown here."""


CHANGING = frozenset(
    {"status", "completed_at", "error", "incomplete_details", "model", "output", "output_text", "usage"}
)
"""What differs from snapshot to snapshot."""


def new_id(prefix: str) -> str:
    return f"{prefix}{MADE_HERE}{uuid.uuid4().hex}"


def usage_of(usage: Usage) -> Json:
    """Source: the SDK's type `ResponseUsage`."""
    return {
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens, "cache_write_tokens": 0},
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.total_tokens,
    }


class ResponseObject:
    """One response, of which several events hold a snapshot."""

    def __init__(self, body: Mapping[str, Any], *, model: str, created: int) -> None:
        said = {name: body.get(name, default) for name, default in ECHOED.items()}
        text = body.get("text") or {}
        said["text"] = {**text, "format": text.get("format") or {"type": "text"}}
        self._head = {"id": new_id("resp"), "object": "response", "created_at": created}
        self._said = {**said, "background": False, "store": False}
        self.model = model

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> ResponseObject:
        """The same response as a provider has begun to tell it."""
        made = cls({}, model=str(told.get("model")), created=0)
        made._head = {name: told.get(name) for name in made._head}
        made._said = {name: value for name, value in told.items() if name not in (*made._head, *CHANGING)}
        return made

    @property
    def id(self) -> str:
        return str(self._head["id"])

    def snapshot(
        self,
        status: str,
        output: Sequence[Json] = (),
        *,
        usage: Usage | None = None,
        error: Json | None = None,
        incomplete: str | None = None,
    ) -> Json:
        """The response at one moment. `incomplete`: why it was not finished, in OpenAI's words."""
        return {
            **self._head,
            "status": status,
            "completed_at": int(time.time()) if status == "completed" else None,
            "error": error,
            "incomplete_details": None if incomplete is None else {"reason": incomplete},
            "model": self.model,
            "output": list(output),
            **self._said,
            "usage": None if usage is None else usage_of(usage),
        }
