"""Anthropic's Messages API, passed on: what has to change in a body on its way to Claude.

Sources: Anthropic, "Create a message"; "Preserved thinking" (platform.claude.com/docs/en/build-with-claude): the API
itself leaves out a thinking block that the model asked cannot read, without an error, but refuses one whose signature
is none of Claude's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ...types import Deployment, NativeRequest
from ..report import Report

FOREIGN = "fallback-router:"
"""How the signature of a thought begins that is no Claude's: `api/formats/messages` writes it."""


class MessagesFormat:
    """Implements `NativeFormat`."""

    def spoken_by(self, deployment: Deployment, native: NativeRequest) -> bool:
        return deployment.provider == "anthropic"

    def fitted(self, deployment: Deployment, native: NativeRequest, report: Report) -> NativeRequest:
        body = dict(native.body)
        _fit_limit(deployment, body, report)
        if body.pop("fallbacks", None) is not None:
            # They would go around the mapping; the gateway's chain is what falls back.
            report.say("fallbacks dropped")
        body["messages"] = _own_thoughts(body["messages"], report)
        return replace(native, body=body)

    def continued(
        self, native: NativeRequest, text: str, params: Mapping[str, Any], instruction: str | None
    ) -> NativeRequest:
        body = {**native.body, "max_tokens": params.get("max_tokens", native.body["max_tokens"])}
        if text.strip():
            said = [{"role": "assistant", "content": text}]
            asked = [] if instruction is None else [{"role": "user", "content": instruction}]
            body["messages"] = [*body["messages"], *said, *asked]
        return replace(native, body=body)


def _fit_limit(deployment: Deployment, body: dict[str, Any], report: Report) -> None:
    most = deployment.info.max_output_tokens
    if most is not None and body["max_tokens"] > most:
        body["max_tokens"] = most
        report.say(f"max_tokens clamped to {most}")


def _own_thoughts(messages: list[Any], report: Report) -> list[Any]:
    """The conversation without thoughts that are none of Claude's, or that nobody signed."""
    return [_without_foreign(message, report) for message in messages]


def _without_foreign(message: dict[str, Any], report: Report) -> dict[str, Any]:
    content = message.get("content")
    if message["role"] != "assistant" or not isinstance(content, list):
        return message
    kept = [block for block in content if not is_foreign(block)]
    if len(kept) == len(content):
        return message
    report.say("thinking blocks dropped")
    return {**message, "content": kept}


def is_foreign(block: Mapping[str, Any]) -> bool:
    """Whether it is a thought that Claude would refuse: nobody signed it, or not Claude."""
    if block.get("type") not in ("thinking", "redacted_thinking"):
        return False
    signature = block.get("signature") if block["type"] == "thinking" else block.get("data")
    return not signature or str(signature).startswith(FOREIGN)
