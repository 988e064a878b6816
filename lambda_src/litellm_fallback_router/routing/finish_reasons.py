"""Why a model stopped, in each provider's words: complete, cut, filtered or broken. Only what is known to mean that an
answer is complete makes it one; a reason that nobody knows is broken.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from .failures import FailureKind, ProviderFailure
from .types import Deployment

OPENAIS = frozenset({"stop", "length", "tool_calls", "content_filter", "function_call"})
"""Source: openai-python, `types/chat/chat_completion.py`."""
_SHOWN = re.compile(r"[A-Za-z_]{1,40}")
"""What a provider sends as a reason is repeated only where it is a word."""


@dataclass(frozen=True, slots=True)
class FinishReasons:
    """One provider's finish reasons."""

    complete: Mapping[str, str]
    """A whole answer, or whole tool calls -> OpenAI's reason for it."""
    cut: frozenset[str] = frozenset()
    """The answer goes on, but a limit ended it: `length`."""
    filtered: frozenset[str] = frozenset()
    """A filter or a refusal ended it: `content_filter`."""
    broken: frozenset[str] = frozenset()
    """Known to be no end of an answer. A reason that is in no set counts as one of these."""

    def as_openai(self, reason: str) -> str | None:
        """OpenAI's word for `reason`; None: the answer is not complete."""
        if reason in self.cut:
            return "length"
        if reason in self.filtered:
            return "content_filter"
        return self.complete.get(reason)


def incomplete(reason: str, *, begun: bool = False) -> ProviderFailure:
    """For an answer that ends with `reason`. `begun`: a token of the stream had already come."""
    kind = FailureKind.STREAM_BROKEN if begun else FailureKind.INVALID_RESPONSE
    shown = f"finish reason {reason}" if _SHOWN.fullmatch(reason) else "an unknown finish reason"
    return ProviderFailure(kind, f"its answer is not complete ({shown})", status=200)


_OPENAIS_COMPLETE = {"stop": "stop", "tool_calls": "tool_calls", "function_call": "function_call"}

OPENAI = FinishReasons(
    complete=MappingProxyType(_OPENAIS_COMPLETE),
    cut=frozenset({"length"}),
    filtered=frozenset({"content_filter"}),
)
"""Source: as `OPENAIS`. Azure's are the same (Azure OpenAI REST API reference)."""

ANTHROPIC = FinishReasons(
    complete=MappingProxyType({"end_turn": "stop", "stop_sequence": "stop", "tool_use": "tool_calls"}),
    # A paused turn waits to be sent back, a compaction for the rest: neither is the whole answer.
    cut=frozenset({"max_tokens", "model_context_window_exceeded", "pause_turn", "compaction"}),
    filtered=frozenset({"refusal"}),
)
"""Sources: anthropic-sdk-python, `types/stop_reason.py` and `types/beta/beta_stop_reason.py`; Claude docs, "Stop
reasons and fallback"."""

BEDROCK = FinishReasons(
    complete=MappingProxyType({"end_turn": "stop", "stop_sequence": "stop", "tool_use": "tool_calls"}),
    cut=frozenset({"max_tokens", "model_context_window_exceeded"}),
    filtered=frozenset({"guardrail_intervened", "content_filtered"}),
    broken=frozenset({"malformed_model_output", "malformed_tool_use"}),
)
"""Source: botocore, `bedrock-runtime/2023-09-30/service-2.json`, shape `StopReason`."""

COHERE = FinishReasons(
    complete=MappingProxyType({"COMPLETE": "stop", "STOP_SEQUENCE": "stop", "TOOL_CALL": "tool_calls"}),
    cut=frozenset({"MAX_TOKENS"}),
    filtered=frozenset({"ERROR_TOXIC"}),
    broken=frozenset({"ERROR", "ERROR_LIMIT", "TIMEOUT", "USER_CANCEL"}),
)
"""Source: Cohere API reference, "Chat" (v1 and v2), `finish_reason`."""

GEMINI = FinishReasons(
    complete=MappingProxyType({"STOP": "stop"}),
    cut=frozenset({"MAX_TOKENS"}),
    filtered=frozenset({"SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII"})
    | {"IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION"},
    broken=frozenset({"FINISH_REASON_UNSPECIFIED", "OTHER", "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL"})
    | {"TOO_MANY_TOOL_CALLS", "MALFORMED_RESPONSE", "MISSING_THOUGHT_SIGNATURE", "NO_IMAGE", "IMAGE_OTHER"},
)
"""Source: Gemini API reference, `Candidate.FinishReason`; Vertex AI has the same."""

COMPATIBLE = FinishReasons(
    complete=MappingProxyType(
        {
            **_OPENAIS_COMPLETE,
            "eos": "stop",  # Together AI, "Chat completions"
            "eos_token": "stop",  # Hugging Face, Text Generation Inference, `FinishReason`
            "stop_sequence": "stop",  # the same
            "end_turn": "stop",  # xAI, "Chat completions"
        }
    ),
    cut=frozenset(
        {
            "length",
            "max_tokens",  # gateways in front of Claude
            "model_length",  # mistralai, `models/chatcompletionchoice.py`
            "model_context_window_exceeded",  # Z.AI (GLM), "Chat completion"
        }
    ),
    filtered=frozenset({"content_filter", "sensitive"}),  # `sensitive`: Z.AI
    broken=frozenset(
        {
            "error",  # OpenRouter, Mistral, vLLM
            "abort",  # vLLM (`v1/engine/__init__.py`, `FinishReason`), SGLang
            "insufficient_system_resource",  # DeepSeek, "Create chat completion"
            "network_error",  # Z.AI
            "load",  # Ollama, "Generate a chat completion": no answer was asked for
            "unload",
        }
    ),
)
"""Servers of OpenAI's format other than its own, and providers whose reasons LiteLLM passes on."""

_BY_PROVIDER = {
    "azure": OPENAI,
    "anthropic": ANTHROPIC,
    "bedrock": BEDROCK,
    "cohere": COHERE,
    "cohere_chat": COHERE,
    "gemini": GEMINI,
}
_BY_MODEL = {"claude": ANTHROPIC, "gemini": GEMINI}
_SEVERAL_APIS = frozenset({"vertex_ai", "vertex_ai_beta", "azure_ai"})
"""Where a model comes with its maker's own API."""


def finish_reasons_of(deployment: Deployment) -> FinishReasons:
    if deployment.provider == "openai":
        return OPENAI if deployment.api_base is None else COMPATIBLE
    if deployment.provider in _SEVERAL_APIS:
        return next((table for name, table in _BY_MODEL.items() if name in deployment.model), COMPATIBLE)
    return _BY_PROVIDER.get(deployment.provider, COMPATIBLE)
