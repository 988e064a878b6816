"""What an interceptor is. A new one is one file here and one line in `order`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar, Protocol

from ..errors import RouterError
from ..execution import ChainExecution
from ..types import ChatRequest, ChatResult, Chunk, Deployment

Choices = list[dict[str, Any]]
"""OpenAI's `choices` of a whole answer."""
Release = Callable[[Chunk], None]
"""Passes a chunk on, to the next interceptor and then to the caller."""


class InPlace(Exception):
    """Raised by a hook that answers itself. The execution is stopped, and interceptors behind see the answer, though
    their `before` may not have been called. It is released no sooner than the decision that is `late` allows."""

    def __init__(self, choices: Choices, responder: Deployment | None = None) -> None:
        """`choices`: all of a whole answer, or those that a stream still lacks. `responder`: who gives them, where it
        is none of those that have answered so far."""
        super().__init__("answered in place of the chain")
        self.choices = choices
        self.responder = responder

    @property
    def chunks(self) -> list[Chunk]:
        """The choices as chunks: one with the message and one with the finish reason for each."""
        pieces = []
        for choice in self.choices:
            delta = {name: value for name, value in choice["message"].items() if name != "role" and value}
            if "tool_calls" in delta:
                delta["tool_calls"] = [{"index": n, **call} for n, call in enumerate(delta["tool_calls"])]
            pieces.append(Chunk([{"index": choice["index"], "delta": delta, "finish_reason": None}]))
            end = {"index": choice["index"], "delta": {}, "finish_reason": choice["finish_reason"]}
            pieces.append(Chunk([end]))
        return pieces


class Exchange(Protocol):
    """The request under way, as hooks see it."""

    request: ChatRequest
    late: asyncio.Future[ChatRequest | None] | None
    """A decision that `before` has not reached yet. The execution begins, but nothing is released before it: None lets
    the answer pass, another request replaces this one, InPlace and RouterError take effect as in `before`."""

    async def planned(self) -> ChainExecution:
        """The execution, with its clock and its ledger, its `gates`, which are called before each attempt, and its
        `hooks`, which hold something for each."""
        ...

    async def replace(self, request: ChatRequest) -> None:
        """Continue with another request: it is planned anew, within the same deadline."""
        ...


class Interceptor:
    """One for each request; the hooks of this class change nothing. Each may raise RouterError or InPlace, `after`
    neither."""

    before_plan: ClassVar[bool] = False
    """True: `before` replaces the request without planning it, and is called for an explained plan too."""

    async def before(self, exchange: Exchange) -> None:
        """Called before the first attempt, in the declared order."""

    async def choices(self, choices: Choices) -> Choices:
        """The choices of a whole answer as the caller gets them."""
        return choices

    async def chunk(self, chunk: Chunk, release: Release) -> None:
        """Release the chunk of a stream: changed, later, in several pieces, or not at all."""
        release(chunk)

    async def finish(self, release: Release) -> None:
        """Release what is still held, once the stream has ended well."""

    def after(self, outcome: ChatResult | RouterError, request: ChatRequest) -> None:
        """Called once at the end, also after a failure. `request`: as it was sent."""
