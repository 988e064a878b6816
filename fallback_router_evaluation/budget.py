"""How much an evaluation may cost: a question is sent only if the dearest answer to it is still within the limit."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from litellm_fallback_router.routing.types import Deployment, Message

MESSAGE_TOKENS = 20
"""More than any provider adds around a message."""


def most_expensive(deployment: Deployment, messages: Sequence[Message], max_tokens: int) -> float | None:
    """USD that the answer can cost at most; None where the price is unknown.

    A token is at least one byte of text, so the prompt's bytes are the most tokens it can have.
    """
    info = deployment.info
    if info.input_usd_per_token is None or info.output_usd_per_token is None:
        return None
    asked = sum(len(str(message["content"]).encode()) + MESSAGE_TOKENS for message in messages)
    # A mapping with a low price of its own may leave the map's price of cached tokens above it.
    asking = max(info.input_usd_per_token, info.cached_usd_per_token or 0.0)
    return asked * asking + max_tokens * info.output_usd_per_token


class Budget:
    """USD of one evaluation. Every question first reserves what it can cost at most, and settles what it did cost."""

    def __init__(self, limit: float | None, spent: float) -> None:
        """`limit` None: any amount. `spent`: in earlier runs."""
        self._limit = limit
        self.spent = spent
        self._reserved = 0.0
        self._open = 0
        self._settled = asyncio.Condition()

    async def reserve(self, most: float) -> bool:
        """False: there is not enough left, whatever the questions on their way turn out to cost."""
        async with self._settled:
            while not self._fits(most):
                if not self._open:
                    return False
                await self._settled.wait()
            self._reserved += most
            self._open += 1
            return True

    async def settle(self, most: float, cost: float | None) -> None:
        """The question that reserved `most` has cost `cost`; None: nobody knows, so all that it may have cost."""
        async with self._settled:
            self._reserved -= most
            self._open -= 1
            if not self._open:
                self._reserved = 0.0  # without the noise of adding floats
            self.spent += most if cost is None else cost
            self._settled.notify_all()

    def _fits(self, most: float) -> bool:
        return self._limit is None or self.spent + self._reserved + most <= self._limit
