"""How deployments behaved, as the log tells it, and a Provider that behaves so again."""

from __future__ import annotations

import asyncio
import math
from bisect import bisect_left
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

from ..routing.failures import FailureKind, ProviderFailure
from ..routing.ledger import Usage
from ..routing.ports import DearestPrices
from ..routing.prices import usd_of
from ..routing.types import Chunk, Deployment, Message, NativeRequest, ProviderAnswer
from .recorded import Attempt, Request

SILENT = frozenset({FailureKind.TIMEOUT.value})
NO_EVIDENCE = frozenset({"caller_left", "server_stopping", "guardrail", "bug", "hedged"})
"""Ends of attempts that say nothing of how the deployment would have gone on."""
FOREVER = 1e9
"""Seconds; the execution's own limits end a silence."""
PAUSE = 1.0
"""Seconds between two chunks of a stream that flows."""


class Behaviours:
    """By deployment, in the order of time; of streams and of whole answers by themselves, since one may break alone."""

    def __init__(self, requests: Sequence[Request]) -> None:
        self._known: dict[tuple[str, bool], list[tuple[float, Attempt]]] = {}
        for request in requests:
            for one in request.attempts:
                if one.outcome not in NO_EVIDENCE:
                    seen = self._known.setdefault((one.deployment, request.streamed), [])
                    seen.append((request.at + one.started, one))
        for seen in self._known.values():
            seen.sort(key=lambda pair: pair[0])
        answers = sorted(
            (one for seen in self._known.values() for _, one in seen if one.outcome == "answered"),
            key=lambda one: one.seconds,
        )
        self._usual = answers[len(answers) // 2] if answers else Attempt("", "answered", 1.0)
        self.assumed: set[str] = set()
        """Deployments that are not in the log, and were taken to answer like the median of all answers."""

    def at(self, deployment: str, at: float, *, streamed: bool) -> Attempt:
        """How it behaved at the time nearest to `at` (Unix seconds); asked in the same way, where it was."""
        seen = self._known.get((deployment, streamed)) or self._known.get((deployment, not streamed))
        if not seen:
            self.assumed.add(deployment)
            return self._usual
        after = bisect_left(seen, at, key=lambda pair: pair[0])
        nearest = min(seen[max(0, after - 1) : after + 1], key=lambda pair: abs(pair[0] - at))
        return nearest[1]


class ReplayProvider:
    """Implements `Provider` for one request: a deployment that it asked in the log does again what it did then, one try
    after the other; any other does what it did for whoever asked it nearest in time."""

    def __init__(self, request: Request, behaviours: Behaviours, offset: float) -> None:
        """`offset`: Unix seconds at the event loop's time 0."""
        self._request, self._behaviours, self._offset = request, behaviours, offset
        self._own: dict[str, list[Attempt]] = {}
        for one in request.attempts:
            if one.outcome not in NO_EVIDENCE:
                self._own.setdefault(one.deployment, []).append(one)

    async def ready(self) -> None:
        """Nothing has to be loaded."""

    async def complete(
        self,
        deployment: Deployment,
        messages: list[Message],
        params: Mapping[str, Any],
        native: NativeRequest | None = None,
    ) -> ProviderAnswer:
        attempt = self._next(deployment)
        await asyncio.sleep(FOREVER if attempt.outcome in SILENT else attempt.seconds)
        if attempt.outcome != "answered":
            raise _failure(attempt)
        usage = self._usage(attempt)
        choices = [{"index": 0, "message": {"role": "assistant", "content": "-"}, "finish_reason": "stop"}]
        return ProviderAnswer(choices, usage, usd_of(deployment.info, usage))

    async def stream(
        self,
        deployment: Deployment,
        messages: list[Message],
        params: Mapping[str, Any],
        native: NativeRequest | None = None,
    ) -> AsyncGenerator[Sequence[Chunk], None]:
        attempt = self._next(deployment)
        first = attempt.first_token_seconds
        if first is None and attempt.outcome != "answered":
            await asyncio.sleep(FOREVER if attempt.outcome in SILENT else attempt.seconds)
            raise _failure(attempt)
        # Of a whole answer nobody knows when its first token was there.
        await asyncio.sleep(attempt.seconds if first is None else first)
        left = 0.0 if first is None else max(0.0, attempt.seconds - first)
        pieces = max(1, math.ceil(left / PAUSE))
        for _ in range(pieces):
            yield (Chunk([{"index": 0, "delta": {"content": "-"}, "finish_reason": None}]),)
            await asyncio.sleep(left / pieces)
        if attempt.outcome != "answered":
            raise _failure(attempt)
        usage = self._usage(attempt)
        end = Chunk([{"index": 0, "delta": {}, "finish_reason": "stop"}])
        yield end, Chunk([], usage, usd_of(deployment.info, usage))

    async def count_tokens(self, deployment: Deployment, native: NativeRequest) -> int:
        return self._request.prompt_tokens

    def dearest_prices(self, deployment: Deployment) -> DearestPrices | None:
        return None

    async def aclose(self) -> None:
        """Nothing is open."""

    def _next(self, deployment: Deployment) -> Attempt:
        own = self._own.get(deployment.id)
        if own:
            return own.pop(0) if len(own) > 1 else own[0]
        now = self._offset + asyncio.get_running_loop().time()
        return self._behaviours.at(deployment.id, now, streamed=self._request.streamed)

    def _usage(self, attempt: Attempt) -> Usage:
        """Its own tokens; those of another's request only where it has none."""
        own = next((one for one in self._request.attempts if one.outcome == "answered"), attempt)
        prompt = self._request.prompt_tokens or attempt.prompt_tokens
        cached = attempt.cached_tokens if own.deployment == attempt.deployment else 0
        return Usage(prompt, own.completion_tokens, min(cached, prompt))


def _failure(attempt: Attempt) -> ProviderFailure:
    known = attempt.outcome in set(FailureKind)
    kind = FailureKind(attempt.outcome) if known else FailureKind.UNAVAILABLE
    return ProviderFailure(kind, kind.value, status=attempt.status, retry_after=attempt.retry_after)
