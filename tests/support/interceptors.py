"""Interceptors for tests of what one can do, and a request through them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from litellm_fallback_router.routing.interceptors.protocol import Exchange, InPlace, Interceptor
from litellm_fallback_router.routing.types import ChatRequest, ChatResult
from tests.support.scripted import Rig, deployment, read

WHOLE_AND_STREAMED = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
KEPT = {"role": "assistant", "content": "Paris, as before."}


@dataclass
class Cache(Interceptor):
    """Answers before anything is planned."""

    message: dict[str, Any] = field(default_factory=lambda: KEPT)
    to: str | None = None
    """The only question that it answers; None: each."""

    async def before(self, exchange: Exchange) -> None:
        if self.to in (None, exchange.request.messages[-1]["content"]):
            kept = {"index": 0, "message": self.message, "finish_reason": "stop", "logprobs": None}
            raise InPlace([kept], deployment("cache"))


async def answered(r: Rig, stream: bool, text: str = "What is the capital of France?") -> tuple[str, ChatResult]:
    request = ChatRequest("a", [{"role": "user", "content": text}])
    if stream:
        return await read(r.router, request)
    result = await r.router.complete(request)
    return result.text, result
