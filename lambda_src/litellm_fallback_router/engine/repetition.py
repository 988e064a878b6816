"""Detects a model that repeats one piece of text without end."""

from __future__ import annotations

from ..routing.failures import FailureKind, ProviderFailure
from ..routing.types import Chunk

SHORT = 2
"""Characters of a piece that may well come again and again, as spaces do."""


class RepetitionDetector:
    """Ends a stream whose model sends the same piece again and again, as LiteLLM's wrapper does."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._last = ""
        self._times = 0

    def check(self, chunk: Chunk) -> None:
        said = chunk.choices[0]["delta"].get("content") or ""
        self._times = self._times + 1 if said == self._last and len(said) > SHORT else 1
        self._last = said
        if self._times > self._most:
            raise ProviderFailure(FailureKind.STREAM_BROKEN, "the model repeats itself without end")
