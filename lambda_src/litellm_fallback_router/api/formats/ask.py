"""`POST /ask`: one question, one answer, and its deployment. Errors as in `chat`."""

from __future__ import annotations

from typing import Any

from ...routing.mapping import RouterConfig
from ...routing.request import ASK_BODY, as_request, parse_ask
from ...routing.types import ChatResult
from . import chat
from .base import Asked, Format


def _asked(body: dict[str, Any], config: RouterConfig) -> Asked:
    return Asked(as_request(parse_ask(body), config.first_chat))


def _answer(result: ChatResult, *, explain: bool) -> dict[str, Any]:
    return {
        "provider": result.provider,
        "response": result.text,
        "model": result.model,
        "usage": result.usage.to_openai(),
        "cost_usd": result.cost_usd,
        "attempts": [attempt.to_json() for attempt in result.ledger.attempts],
        "request_id": result.request_id,
    }


FORMAT = Format(
    paths=("/ask",),
    parse=_asked,
    answer=_answer,
    error=chat.FORMAT.error,
    error_event=chat.FORMAT.error_event,
    name="ask",
    description="The short way: a question in, an answer out, with who answered and for how much.",
    tag="Ask",
    body=ASK_BODY,
    examples={
        "a question": {"question": "What is the capital of France?"},
        "with everything": {
            "question": "What is the capital of France?",
            "system_prompt": "You are a helpful assistant.",
            "primary_model": "openai-gpt4o",
            "temperature": 0.2,
            "max_tokens": 100,
            "timeout": 30,
        },
    },
    answer_schema=(
        "AskAnswer",
        {
            "type": "object",
            "required": ["provider", "response", "model", "usage", "cost_usd", "attempts", "request_id"],
            "properties": {
                "provider": {"type": "string", "description": "Who answered, as `provider:model`."},
                "response": {"type": "string"},
                "model": {"type": "string"},
                "usage": chat.USAGE,
                "cost_usd": {"type": ["number", "null"], "description": "Of everything that was attempted."},
                "attempts": {"type": "array", "items": {"type": "object"}},
                "request_id": {"type": "string"},
            },
        },
    ),
    example_answer={
        "provider": "openai:gpt-4o",
        "response": "Paris.",
        "model": "gpt-4o",
        "usage": chat.FORMAT.example_answer["usage"],
        "cost_usd": 0.00008,
        "attempts": [{"number": 1, "deployment": "openai-gpt4o", "outcome": "answered", "seconds": 0.61}],
        "request_id": "4f0c",
    },
    error_schema=chat.FORMAT.error_schema,
)
