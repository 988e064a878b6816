"""Offers answers of fallbacks as samples, as their callers got them."""

from __future__ import annotations

from ..errors import RouterError
from ..observe import sample_of
from ..ports import Samples
from ..types import ChatRequest, ChatResult, Chunk
from .protocol import Interceptor, Release


class SampleInterceptor(Interceptor):
    """Offers one answer, once it is complete; of a stream its first choice."""

    def __init__(self, samples: Samples) -> None:
        self._samples = samples
        self._parts: list[str] = []
        self._finish: str | None = None

    async def chunk(self, chunk: Chunk, release: Release) -> None:
        for choice in chunk.choices:
            if not choice.get("index"):
                self._parts.append(choice["delta"].get("content") or "")
                self._finish = choice.get("finish_reason") or self._finish
        release(chunk)

    def after(self, outcome: ChatResult | RouterError, request: ChatRequest) -> None:
        if isinstance(outcome, RouterError):
            return
        choices = outcome.choices or [
            {"index": 0, "message": {"content": "".join(self._parts)}, "finish_reason": self._finish}
        ]
        if (sample := sample_of(request, outcome, choices)) is not None:
            self._samples.offer(sample)
