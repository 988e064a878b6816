"""How many tokens a request is: counted by the first of its candidates that counts, else estimated.

A count is no attempt at an answer: nothing is paid for, and neither circuits nor rates hear of it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from ..failures import ProviderFailure
from ..plan import Plan, estimate_tokens
from ..ports import Provider
from ..request import prompt_characters
from ..types import ChatRequest, Deployment

MOST_SECONDS = 10.0
"""For all that are asked: clients ask for a count before each request."""
MOST_ASKED = 2
COUNTS = "messages"
"""The format whose own API counts, for whoever may ask it for answers. Bedrock's wants a permission more."""


@dataclass(frozen=True, slots=True)
class TokenCount:
    """Tokens of a request, and whose they are."""

    tokens: int
    counted_by: Deployment | None = None
    """None: estimated by the characters."""


async def counted(request: ChatRequest, plan: Plan, provider: Provider) -> TokenCount:
    """`plan`: whoever would be asked for the answer."""
    candidates = [one for one in plan.candidates if COUNTS in one.deployment.profile.native_formats]
    able = [(one.deployment, one.native) for one in candidates if one.native is not None][:MOST_ASKED]
    limits = (MOST_SECONDS, request.timeout, request.time_left)
    try:
        async with asyncio.timeout(min(limit for limit in limits if limit is not None)):
            for deployment, native in able:
                try:
                    return TokenCount(await provider.count_tokens(deployment, native), deployment)
                except ProviderFailure:
                    continue
    except TimeoutError:
        pass  # an estimate now is of more use than a count too late
    return estimated(request)


def estimated(request: ChatRequest) -> TokenCount:
    """By the characters of what is said and of the tools."""
    return TokenCount(estimate_tokens(prompt_characters(request.messages, request.params)))
