"""What an interceptor is. A new one is one file here and one line in `order`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Protocol

from ..errors import RouterError
from ..execution import ChainExecution
from ..ledger import Ledger, Usage
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
            said = {"index": choice["index"], "delta": delta, "finish_reason": None}
            pieces.append(Chunk([said | ({"logprobs": choice["logprobs"]} if choice.get("logprobs") else {})]))
            end = {"index": choice["index"], "delta": {}, "finish_reason": choice["finish_reason"]}
            pieces.append(Chunk([end]))
        return pieces


class Replay(InPlace):
    """Raised by a `before` that has an earlier answer to an equal request. It takes the place of a provider's answer:
    every interceptor sees it, those in front included."""

    def __init__(
        self,
        choices: Choices,
        responder: Deployment,
        *,
        usage: Usage,
        created: int,
        fallback: bool = False,
        native: Mapping[str, Any] | None = None,
        system_fingerprint: str | None = None,
        pieces: Sequence[Chunk] | None = None,
    ) -> None:
        """What the answer was when it was given. `created`: Unix seconds. `pieces`: what a stream gets, where that is
        not simply the choices."""
        super().__init__(choices, responder)
        self.usage, self.created, self.fallback = usage, created, fallback
        self.native, self.system_fingerprint = native, system_fingerprint
        self._pieces = pieces

    @property
    def chunks(self) -> list[Chunk]:
        return super().chunks if self._pieces is None else list(self._pieces)


class Exchange(Protocol):
    """The request under way, as hooks see it."""

    request: ChatRequest
    streamed: bool
    """False: a whole answer is asked for."""
    notes: list[Callable[[Ledger], Ledger]]
    """Each adds to the ledger what a hook knows of the request, also where it is never planned."""
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
    checks: ClassVar[bool] = False
    """True: no interceptor's answer is released, wherever that stands in the order, before `before` was called."""

    async def before(self, exchange: Exchange) -> None:
        """Called before the first attempt, in the declared order. Called again where a late decision of one in front
        has replaced the request."""

    async def choices(self, choices: Choices) -> Choices:
        """The choices of a whole answer as the caller gets them."""
        return choices

    async def chunk(self, chunk: Chunk, release: Release) -> None:
        """Release the chunk of a stream: changed, later, in several pieces, or not at all."""
        release(chunk)

    async def finish(self, release: Release) -> None:
        """Release what is still held, once the stream has ended well."""

    async def answered(self, result: ChatResult) -> None:
        """Called once the whole answer has passed all hooks, before its caller knows that it has ended: for what must
        not be cut off with the process. `result`: without choices where they were streamed. Must not raise."""

    def after(self, outcome: ChatResult | RouterError, request: ChatRequest) -> None:
        """Called once at the end, also after a failure. `request`: as it was sent."""
