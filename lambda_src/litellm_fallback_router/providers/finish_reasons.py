"""Why a model stopped, in each provider's words: complete, cut, filtered or broken. Only what is known to mean that an
answer is complete makes it one; a reason that is in no set counts as broken.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


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


OPENAI_REASONS = frozenset({"stop", "length", "tool_calls", "content_filter", "function_call"})
OPENAI_COMPLETE = {"stop": "stop", "tool_calls": "tool_calls", "function_call": "function_call"}
"""Source: openai-python, `types/chat/chat_completion.py`."""

COMPATIBLE = FinishReasons(
    complete=MappingProxyType(
        {
            **OPENAI_COMPLETE,
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
            "load",  # Ollama, "Generate a chat completion": no answer was requested
            "unload",
        }
    ),
)
"""Servers of OpenAI's format other than its own, and providers whose reasons LiteLLM passes on."""
