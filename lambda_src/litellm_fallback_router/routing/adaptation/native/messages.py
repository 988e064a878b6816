"""Anthropic's Messages API, passed on: what has to change in a body on its way to Claude.

Sources: Anthropic, "Create a message"; "Preserved thinking" (platform.claude.com/docs/en/build-with-claude): the API
itself leaves out a thinking block that the requested model cannot read, without an error, but refuses one whose
signature is none of Claude's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...request import THINKING_PARTS
from ...types import Deployment, Message, NativeRequest
from ..report import Report
from .bedrock_messages import for_bedrock, is_taken_by_bedrock
from .claude_models import fit_model
from .instructions import fit_instructions

FOREIGN = "fallback-router:"
"""How the signature of a thought begins that is no Claude's: `api/formats/messages` writes it."""

BETA = "anthropic-beta"
_BETA = re.compile(r"[a-z0-9][a-z0-9-]{0,80}-\d{4}-?\d\d-?\d\d")
_ACCOUNTS = (
    *("admin-", "analytics-", "ce-", "experimental-", "managed-agents-", "oauth-", "spend-limit-", "telemetry-"),
    *("user-profiles-", "webhooks-"),
)
"""How betas begin that are about whose account it is and what it may, or about other APIs than this. Source:
Anthropic's SDK, `types/anthropic_beta_param.py`."""


class MessagesFormat:
    """Implements `NativeFormat`."""

    def spoken_by(self, deployment: Deployment, native: NativeRequest) -> bool:
        return _is_anthropics(deployment) or is_taken_by_bedrock(deployment, native)

    def fitted(self, deployment: Deployment, native: NativeRequest, report: Report) -> NativeRequest:
        body = dict(native.body)
        _fit_limit(deployment, body, report)
        if body.pop("fallbacks", None) is not None:
            # They would go around the mapping; the gateway's chain is what falls back.
            report.say("fallbacks dropped")
        body["messages"] = _own_thoughts(body["messages"], report)
        fit_instructions(deployment.model, body, report)
        _fit_thinking(body, report)
        fit_model(deployment, body, report)
        fitted = replace(native, body=body, headers=_fit_betas(native.headers, report))
        return fitted if _is_anthropics(deployment) else for_bedrock(deployment, fitted, report)

    def continued(
        self, native: NativeRequest, text: str, params: Mapping[str, Any], instruction: str | None
    ) -> NativeRequest:
        body = {**native.body, "max_tokens": params.get("max_tokens", native.body["max_tokens"])}
        if text.strip() and (body.get("thinking") or {}).get("type") in ("enabled", "adaptive"):
            # Claude thinks before an answer, and this is the middle of one. Thoughts can be cleared only beside it.
            del body["thinking"]
            body.pop("context_management", None)
        if text.strip():
            said = [{"role": "assistant", "content": text}]
            asked = [] if instruction is None else [{"role": "user", "content": instruction}]
            body["messages"] = [*body["messages"], *said, *asked]
        return replace(native, body=body)

    def masked(self, native: NativeRequest, messages: Sequence[Message]) -> NativeRequest | None:
        return None


def _is_anthropics(deployment: Deployment) -> bool:
    return "messages" in deployment.profile.native_formats


def _fit_limit(deployment: Deployment, body: dict[str, Any], report: Report) -> None:
    most = deployment.info.max_output_tokens
    if most is not None and body.get("max_tokens", 0) > most:
        body["max_tokens"] = most
        report.say(f"max_tokens clamped to {most}")


def _fit_betas(headers: Mapping[str, str], report: Report) -> Mapping[str, str]:
    """Without betas of other APIs, and of the account's own matters."""
    given = [beta.strip() for beta in headers.get(BETA, "").split(",") if beta.strip()]
    kept = [beta for beta in given if _BETA.fullmatch(beta) and not beta.startswith(_ACCOUNTS)]
    if len(kept) == len(given):
        return headers
    report.say("anthropic-beta dropped")
    others = {name: value for name, value in headers.items() if name != BETA}
    return {**others, BETA: ",".join(kept)} if kept else others


def _fit_thinking(body: dict[str, Any], report: Report) -> None:
    """With a budget, the turn of a loop of tool calls must begin with its thought; what answered may not have been
    Claude, or have thought. Sources: Anthropic, "Extended thinking": "Preserving thinking blocks"; and "Context
    editing": thoughts can be cleared only where there is thinking."""
    if (body.get("thinking") or {}).get("type") != "enabled" or not _loop_lacks_thought(body["messages"]):
        return
    for name in ("thinking", "context_management"):
        if body.pop(name, None) is not None:
            report.say(f"{name} dropped")


def _loop_lacks_thought(messages: Sequence[Any]) -> bool:
    spoken = [message for message in messages if message["role"] != "system"]
    if len(spoken) < 2 or spoken[-1]["role"] != "user" or spoken[-2]["role"] != "assistant":
        return False
    blocks = spoken[-2]["content"]
    called = isinstance(blocks, list) and any(block["type"] == "tool_use" for block in blocks)
    return called and blocks[0]["type"] not in THINKING_PARTS


def _own_thoughts(messages: list[Any], report: Report) -> list[Any]:
    """The conversation without thoughts that are none of Claude's, or that have no signature."""
    fitted = [(message, _without_foreign(message, report)) for message in messages]
    return [kept for message, kept in fitted if kept is message or kept["content"]]


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
    """Whether it is a thought that Claude would refuse: one without a signature of Claude's."""
    if block.get("type") not in THINKING_PARTS:
        return False
    signature = block.get("signature") if block["type"] == "thinking" else block.get("data")
    return not signature or str(signature).startswith(FOREIGN)
