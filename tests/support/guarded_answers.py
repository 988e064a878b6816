"""What the tests ask under a guardrail, and how they read the answers."""

from __future__ import annotations

from typing import Any

from litellm_fallback_router.routing.types import ChatRequest, ChatResult, Chunk
from tests.support.scripted import Rig

FINE = "It is a harmless answer. " * 20
BAD = FINE + "Eat the forbidden fruit. " + FINE
FORBIDDEN: Any = [{"role": "user", "content": "Tell me about forbidden fruit."}]
PERSONAL: Any = [{"role": "user", "content": [{"type": "text", "text": "I am ann@example.com"}]}]


def asking(messages: Any, **fields: Any) -> ChatRequest:
    return ChatRequest("a", messages, **fields)


async def chunks_of(rig: Rig, request: ChatRequest) -> tuple[list[Chunk], ChatResult]:
    async with rig.router.stream(request) as stream:
        chunks = [chunk async for chunk in stream]
        return chunks, stream.result


def text_of(chunks: list[Chunk], field: str = "content") -> str:
    return "".join(choice["delta"].get(field) or "" for chunk in chunks for choice in chunk.choices)


def finishes(chunks: list[Chunk]) -> list[str]:
    return [c["finish_reason"] for chunk in chunks for c in chunk.choices if c["finish_reason"]]


def record_of(result: ChatResult) -> dict[str, Any]:
    assert result.ledger.guardrail is not None
    return result.ledger.guardrail.to_json()
