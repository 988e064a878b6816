"""A router that says what it is told to, and a gateway around it on a real socket."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from typing import Any, cast

import uvicorn

from litellm_fallback_router.api.app import create_app
from litellm_fallback_router.routing.errors import RouterError, UnknownModelError
from litellm_fallback_router.routing.failures import FailureKind
from litellm_fallback_router.routing.ledger import AttemptRecord, Ledger, Usage
from litellm_fallback_router.routing.mapping.config import RouterConfig
from litellm_fallback_router.routing.mapping.settings import RouterSettings
from litellm_fallback_router.routing.ports import CallerKeys, ResponseStore
from litellm_fallback_router.routing.router import Router
from litellm_fallback_router.routing.types import ChatRequest, ChatResult, Chunk, Deployment
from litellm_fallback_router.routing.verdicts import Outcome
from tests.support.waiting import wait_until

USAGE = Usage(prompt_tokens=11, completion_tokens=3)


def deployment(name: str, provider: str, model: str) -> Deployment:
    return Deployment(
        id=name,
        model_name=name,
        provider=provider,
        model=model,
        litellm_model=f"{provider}/{model}",
        credential=provider,
    )


GPT = deployment("openai-gpt4o", "openai", "gpt-4o")
CLAUDE = deployment("anthropic-claude-sonnet", "anthropic", "claude-sonnet-4-6")
CONFIG = RouterConfig(
    deployments=(GPT, CLAUDE),
    chains={
        "openai-gpt4o": ("openai-gpt4o", "anthropic-claude-sonnet"),
        "anthropic-claude-sonnet": ("anthropic-claude-sonnet",),
        "cost-optimized": ("anthropic-claude-sonnet", "openai-gpt4o"),
    },
    strategies=frozenset({"cost-optimized"}),
    settings=RouterSettings(max_request_bytes=200_000),
)


def attempt(target: Deployment, number: int = 1, failure: FailureKind | None = None) -> AttemptRecord:
    return AttemptRecord(
        deployment=target.id,
        provider=target.provider,
        model=target.model,
        region=None,
        number=number,
        started=0.0,
        seconds=0.2,
        first_token_seconds=None if failure else 0.1,
        failure=failure,
        status=503 if failure else 200,
        reason="overloaded" if failure else "",
        usage=None if failure else USAGE,
        cost_usd=None if failure else 0.00025,
        wasted=False,
    )


FAILED = attempt(GPT, 1, FailureKind.UNAVAILABLE)
ANSWERED = Ledger((attempt(GPT),), seconds=0.2)
FELL_BACK = Ledger((FAILED, attempt(CLAUDE, 2)), seconds=0.4)


def text_chunk(content: str, finish: str | None = None) -> Chunk:
    return Chunk([{"index": 0, "delta": {"content": content}, "finish_reason": finish}])


class FakeRouter:
    """Router's interface. Set `answer`, `failure`, `chunks` and the like, then read `asked`."""

    def __init__(self, config: RouterConfig = CONFIG) -> None:
        self.config = config
        self.closed = False
        self.responses: ResponseStore | None = None
        self.reset()

    def reset(self) -> None:
        self.asked: list[ChatRequest] = []
        self.choices: list[dict[str, Any]] = [
            {"index": 0, "message": {"role": "assistant", "content": "Paris."}, "finish_reason": "stop"}
        ]
        self.failure: Exception | None = None
        """Raised instead of an answer, or before a stream's first token."""
        self.delay = 0.0
        """Seconds before an answer or a stream's first token."""
        self.pauses: tuple[float, ...] = ()
        """Seconds before each chunk."""
        self.chunks: Sequence[Chunk] = (text_chunk("Pa"), text_chunk("ris."), text_chunk("", "stop"))
        self.together = False
        """True: all of them are there at once."""
        self.broken: Exception | None = None
        """Raised after the last chunk."""
        self.responders: tuple[Deployment, ...] = (GPT,)
        self.ledger = ANSWERED
        self.cancelled = threading.Event()
        """Set when work was stopped before its end."""
        self.stream_closed = threading.Event()

    @property
    def fallback(self) -> bool:
        return self.responders[-1] is not GPT

    async def complete(self, request: ChatRequest) -> ChatResult:
        await self.begin(request)
        return self.result(request, self.choices)

    async def complete_with(self, request: ChatRequest, write: Callable[[ChatResult], Awaitable[Any]]) -> Any:
        return await write(await self.complete(request))

    def stream(self, request: ChatRequest) -> FakeStream:
        return FakeStream(self, request)

    async def begin(self, request: ChatRequest) -> None:
        self.asked.append(request)
        if request.model not in self.config.chains:
            raise UnknownModelError(f"unknown model {request.model!r}; known: openai-gpt4o", param="model")
        await self.wait(self.delay)
        if self.failure:
            raise self.failure

    async def wait(self, seconds: float) -> None:
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise

    def result(self, request: ChatRequest, choices: list[dict[str, Any]]) -> ChatResult:
        return ChatResult(
            request_id=request.request_id,
            requested_model=request.model,
            responders=self.responders,
            choices=choices,
            usage=USAGE,
            ledger=self.ledger,
            fallback=self.fallback,
            created=1_790_000_000,
        )

    async def aclose(self) -> None:
        self.closed = True


class FakeStream:
    def __init__(self, router: FakeRouter, request: ChatRequest) -> None:
        self.router = router
        self.request = request
        self.created = 1_790_000_000
        self._left = len(router.chunks)

    async def start(self) -> Deployment:
        await self.router.begin(self.request)
        return self.first

    @property
    def first(self) -> Deployment:
        return self.router.responders[0]

    @property
    def attempts_so_far(self) -> int:
        return len(self.router.ledger.attempts)

    @property
    def fallback_so_far(self) -> bool:
        return self.first is not GPT

    @property
    def guardrail_so_far(self) -> Outcome | None:
        return None

    @property
    def cache(self) -> None:
        return None

    @property
    def pending(self) -> bool:
        return self.router.together and self._left > 0

    @property
    def result(self) -> ChatResult:
        return self.router.result(self.request, [])

    async def __aiter__(self) -> AsyncIterator[Chunk]:
        for chunk, pause in zip_longest(self.router.chunks, self.router.pauses, fillvalue=0.0):
            assert isinstance(chunk, Chunk)
            assert isinstance(pause, float)
            await self.router.wait(pause)
            self._left -= 1
            yield chunk
        if self.router.broken:
            raise self.router.broken

    async def aclose(self, bug: Exception | None = None) -> None:
        self.router.stream_closed.set()


def as_router(fake: FakeRouter) -> Router:
    return cast(Router, fake)


def exhausted(error: type[RouterError], message: str, retry_after: float | None = None) -> RouterError:
    """What the router raises once it has asked and got nothing."""
    return error(message, ledger=Ledger((FAILED,)), retry_after=retry_after)


@contextmanager
def gateway(router: FakeRouter, api_keys: Sequence[str] = (), caller_keys: CallerKeys | None = None) -> Iterator[str]:
    """The real app under a real server on loopback; gives its base URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    app = create_app(lambda: as_router(router), api_keys=api_keys, caller_keys=caller_keys)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=2))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        wait_until(lambda: server.started)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        listener.close()
    assert not thread.is_alive(), "the server did not stop"
