"""A conversation stays on the deployment that holds its prompt cache."""

from __future__ import annotations

import time
from dataclasses import replace

from ..errors import RouterError
from ..execution import Conversation, PromptCaches
from ..ledger import CacheLost, Ledger
from ..mapping import RouterConfig
from ..prices import cached_price
from ..turns import after_step
from ..types import ChatRequest, ChatResult, Chunk
from .protocol import Choices, Exchange, Interceptor, Release


class AffinityInterceptor(Interceptor):
    """Tells the plan what is warm, learns from the answer what is, and says in the ledger what a move has cost."""

    before_plan = True

    def __init__(self, request: ChatRequest, config: RouterConfig, caches: PromptCaches) -> None:
        self._request, self._config, self._caches = request, config, caches
        self._conversation: Conversation | None = None
        """None until it has been named: that takes as long as the conversation is."""
        self._warm: dict[str, int] = {}
        self._exchange: Exchange | None = None
        """Until the note is in the execution's ledger."""

    async def before(self, exchange: Exchange) -> None:
        began = time.thread_time()
        self._conversation = self._caches.conversation(self._request)
        await after_step(began)
        self._warm = self._caches.warm(self._conversation)
        if self._warm:
            self._exchange = exchange
            await exchange.replace(replace(exchange.request, warm=self._warm))

    async def choices(self, choices: Choices) -> Choices:
        await self._note()
        return choices

    async def chunk(self, chunk: Chunk, release: Release) -> None:
        await self._note()
        release(chunk)

    async def _note(self) -> None:
        if self._exchange is not None:
            (await self._exchange.planned()).notes.append(self.noted)
            self._exchange = None

    def noted(self, ledger: Ledger) -> Ledger:
        """The ledger with what it has cost that a cache could not be used."""
        answered = [attempt for attempt in ledger.attempts if attempt.failure is None and attempt.usage is not None]
        if not answered or not self._warm:
            return ledger
        last = answered[-1]
        usage = last.usage
        held = [d for d in self._config.deployments if d.id in self._warm and d.id != last.deployment]
        if usage is None or not held:
            return ledger
        lost = max(held, key=lambda one: self._warm[one.id])
        tokens = self._warm[lost.id] - max(usage.cached_tokens, self._warm.get(last.deployment, 0))
        if tokens <= 0:
            return ledger
        fresh, cached = lost.info.input_usd_per_token, cached_price(lost.info)
        usd = None if fresh is None or cached is None else tokens * (fresh - cached)
        return replace(ledger, cache_lost=CacheLost(lost.id, tokens, usd))

    def after(self, outcome: ChatResult | RouterError, request: ChatRequest) -> None:
        conversation = self._conversation
        if isinstance(outcome, RouterError) or conversation is None:
            return
        for attempt in outcome.ledger.attempts:
            usage = attempt.usage
            deployment = next((one for one in outcome.responders if one.id == attempt.deployment), None)
            if deployment is None or usage is None or attempt.failure is not None:
                continue
            by_itself = deployment.info.prompt_caching is True and deployment.profile.caches_by_itself
            if usage.cached_tokens or by_itself or (conversation.marked and deployment.info.prompt_caching):
                self._caches.used(conversation, deployment.id, usage.prompt_tokens)
