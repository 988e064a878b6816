"""The cache's hooks: an equal request gets the answer of an earlier one, and a complete answer is kept.

Requests that are under way at once each ask for themselves: to wait for another's answer is to take on that caller's
deadline, its leaving and its failures.
"""

from __future__ import annotations

from dataclasses import replace

from ...errors import RouterError
from ...ledger import CacheRecord, Ledger
from ...mapping import RouterConfig
from ...ports import ResponseCache
from ...types import ChatRequest, ChatResult, Chunk
from ..protocol import Exchange, Interceptor, Release
from .accumulator import StreamAccumulator
from .entries import entry_of, replay_of
from .keys import key_of
from .rules import bypassed, unfit

NO_CACHE = "this gateway keeps no answers: its operator allows that under 'cache' in the mapping"
TOO_LARGE = "it is larger than cache.max_answer_bytes"
IN_PIECES = "its stream held more than text"


class CacheInterceptor(Interceptor):
    """Of one request that takes part."""

    def __init__(self, config: RouterConfig, store: ResponseCache | None) -> None:
        self._config, self._store = config, store
        self._key = ""
        self._accumulator: StreamAccumulator | None = None
        self._exchange: Exchange | None = None
        self._record = CacheRecord("bypass", reason=NO_CACHE)

    async def before(self, exchange: Exchange) -> None:
        if self._exchange is None:
            self._exchange = exchange
            exchange.notes.append(self._noted)
        rules, request = self._config.cache, exchange.request
        if rules is None or self._store is None:
            return
        if (reason := bypassed(request)) is not None:
            self._record = CacheRecord("bypass", reason=reason)
            return
        self._record = CacheRecord("miss")
        self._accumulator = StreamAccumulator(rules.max_answer_bytes, native=request.native is not None)
        self._key = key_of(request, self._config, streamed=exchange.streamed)
        kept = await self._store.get(self._key)
        # What cannot be read is a miss, and this request's answer takes its place.
        if kept is not None and (replay := replay_of(kept.entry, self._config)) is not None:
            self._record = CacheRecord("hit", age=kept.age)
            raise replay

    async def chunk(self, chunk: Chunk, release: Release) -> None:
        if self._accumulator is not None and self._record.outcome == "miss":
            self._accumulator.add(chunk)
        release(chunk)

    async def answered(self, result: ChatResult) -> None:
        if self._record.outcome == "miss":
            self._record = await self._kept(result)

    def after(self, outcome: ChatResult | RouterError, request: ChatRequest) -> None:
        self._exchange = None  # it refers to this interceptor: a circle waits for the collector

    def _noted(self, ledger: Ledger) -> Ledger:
        return replace(ledger, cache=self._record)

    async def _kept(self, result: ChatResult) -> CacheRecord:
        rules, exchange, accumulator = self._config.cache, self._exchange, self._accumulator
        if rules is None or self._store is None or exchange is None or accumulator is None:
            return self._record
        choices = accumulator.choices if exchange.streamed else result.choices
        if exchange.streamed and accumulator.too_large:
            return CacheRecord("miss", reason=TOO_LARGE)
        if (reason := unfit(exchange.request, result, choices, rules)) is not None:
            return CacheRecord("miss", reason=reason)
        if exchange.streamed and not accumulator.complete:
            return CacheRecord("miss", reason=IN_PIECES)
        entry = entry_of(result, choices, accumulator.pieces if exchange.streamed else None)
        if len(entry) > rules.max_answer_bytes:
            return CacheRecord("miss", reason=TOO_LARGE)
        return CacheRecord("miss", stored=await self._store.put(self._key, entry))
