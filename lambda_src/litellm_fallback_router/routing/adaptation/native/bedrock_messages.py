"""Anthropic's Messages API as Amazon Bedrock has it for Claude: InvokeModel, with fewer fields and betas.

Sources: AWS, "Anthropic Claude Messages API" (Amazon Bedrock user guide, `anthropic_version`, images as base64 alone);
for fields, betas, cache marks and tools the lists of LiteLLM 1.106.2 (`BedrockInvokeAnthropicMessagesRequest`,
`anthropic_beta_headers_config.json`, `llms/bedrock/messages`). What Bedrock has no place for goes by Converse.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ...types import Deployment, NativeRequest
from ..report import Report
from .instructions import EFFORT_BETAS, without_efforts

BETA = "anthropic-beta"
ROUTE = "bedrock/converse/"
FIELDS = frozenset(
    {
        *("context_management", "max_tokens", "messages", "metadata", "output_config", "stop_sequences", "system"),
        *("temperature", "thinking", "tool_choice", "tools", "top_k", "top_p"),
    }
)
BETAS = frozenset(
    {
        *("compact-2026-01-12", "computer-use-2025-01-24", "computer-use-2025-11-24", "context-1m-2025-08-07"),
        *("context-management-2025-06-27", "effort-2025-11-24", "fine-grained-tool-streaming-2025-05-14"),
        *("thinking-binding-controls-2026-08-01", "thinking-display-updates-2026-08-18", "tool-search-tool-2025-10-19"),
        *("mid-conversation-output-config-2026-07-01", "mid-conversation-tool-changes-2026-07-01"),
    }
)
RENAMED = {"advanced-tool-use-2025-11-20": "tool-search-tool-2025-10-19"}
_CLAUDES_OWN = re.compile(r"(tools\[\d+\] \((bash|text_editor|memory|computer)_|stop_sequences )")
"""What is pinned to Claude's own API, and is a tool that Claude was taught rather than one that Anthropic runs."""
_PLACES = ("aws_", "model_id", "region")
"""Prefixes of the operator's parameters that are addresses and credentials; the rest is Converse's alone."""
_MARK = ("type", "ttl")


def is_taken_by_bedrock(deployment: Deployment, native: NativeRequest) -> bool:
    """Whether this request can reach the deployment so; else it goes by Converse."""
    profile = deployment.profile
    if not (profile.bedrock and profile.claude and deployment.litellm_model.startswith(ROUTE)):
        return False
    if not all(name.startswith(_PLACES) for name in deployment.extra):
        return False
    if not all(_CLAUDES_OWN.match(pin) for pin in native.only):
        return False
    return not any(_is_by_url(block) for block in _blocks(native.body["messages"]))


def for_bedrock(deployment: Deployment, native: NativeRequest, report: Report) -> NativeRequest:
    """The request with what Bedrock has no place for left out, and reported."""
    body = {name: value for name, value in native.body.items() if name in FIELDS}
    if "output_format" in native.body and "format" not in (body.get("output_config") or {}):
        body["output_config"] = {**(body.get("output_config") or {}), "format": native.body["output_format"]}
        report.say("output_format sent as output_config.format")
    for name in native.body.keys() - FIELDS - {"output_format"}:
        report.say(f"{name} dropped")
    ttl = deployment.info.cache_ttl is True
    for name in ("system", "tools", "messages"):
        if name in body:
            body[name] = _with_fitting_marks(body[name], report, ttl=ttl)
    if "tools" in body:
        body["tools"] = [_tool(tool, report) for tool in body["tools"]]
    headers = _headers(native.headers, report)
    if not any(beta.startswith(EFFORT_BETAS) for beta in headers.get(BETA, "").split(",")):
        without_efforts(body, report)
    return replace(native, body=body, headers=headers)


def _headers(headers: Mapping[str, str], report: Report) -> dict[str, str]:
    """Its version of the API is in the body."""
    given = [beta.strip() for beta in headers.get(BETA, "").split(",") if beta.strip()]
    named = [RENAMED.get(beta, beta) for beta in given]
    kept = [beta for beta in named if beta in BETAS]
    if len(kept) < len(given):
        report.say("anthropic-beta dropped")
    return {BETA: ",".join(dict.fromkeys(kept))} if kept else {}


def _tool(tool: Mapping[str, Any], report: Report) -> dict[str, Any]:
    kept = dict(tool)
    if kept.pop("eager_input_streaming", None):
        report.say("tools eager_input_streaming dropped")
    return kept


def _with_fitting_marks(value: Any, report: Report, *, ttl: bool) -> Any:
    """Cache marks with no more than a type, and how long where the model takes that."""
    if isinstance(value, list):
        return [_with_fitting_marks(one, report, ttl=ttl) for one in value]
    if not isinstance(value, dict):
        return value
    changed = dict(value)
    mark = value.get("cache_control")
    if isinstance(mark, dict):
        taken = {name: mark[name] for name in (_MARK if ttl else _MARK[:1]) if name in mark}
        for name in mark.keys() - taken.keys():
            report.say(f"cache_control {name} dropped")
        changed["cache_control"] = taken
    if isinstance(value.get("content"), list):
        changed["content"] = _with_fitting_marks(value["content"], report, ttl=ttl)
    return changed


def _blocks(messages: Any) -> Iterator[Mapping[str, Any]]:
    """Those of turns, and of results in them."""
    for message in messages:
        content = message.get("content")
        for block in content if isinstance(content, list) else ():
            yield block
            if block.get("type") == "tool_result":
                inner = block.get("content")
                yield from inner if isinstance(inner, list) else ()


def _is_by_url(block: Mapping[str, Any]) -> bool:
    source = block.get("source")
    return isinstance(source, Mapping) and source.get("type") == "url"
