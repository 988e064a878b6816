"""Router: plan, execute, observe. What everything above calls."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

from .errors import CallerLeftError, ConfigurationError, RouterError, ServerStoppingError
from .execution import (
    ChainExecution,
    Recorder,
    RouterDependencies,
    StreamExecution,
    TokenCount,
    ask,
    counted,
    estimated,
    health_of,
    run_in_background,
)
from .failures import ProviderFailure
from .guardrail import GuardrailSession, guarded_answer, guarded_chunks
from .mapping import RouterConfig
from .observe import StreamAccumulator, sample_of
from .plan import Health, Plan, check_choice, plan
from .ports import ResponseStore
from .prompts import apply_prompt
from .request import validated
from .types import ChatRequest, ChatResult, Chunk, Deployment
from .verdicts import Outcome

T = TypeVar("T")
STOPPING = "the gateway was told to stop before the answer was complete; ask again"


class Router:
    """Answers requests through fallback chains.

    One Router serves any number of concurrent requests on one event loop. `build_router` makes one; as an async context
    manager it closes its connections at the end.
    """

    def __init__(self, config: RouterConfig, dependencies: RouterDependencies) -> None:
        """Make a Router from its parts; `build_router` does so from environment variables.

        Args:
            config: The validated mapping.
            dependencies: What asks providers and keeps state, and what is shared by all requests.

        Raises:
            ConfigurationError: The mapping needs something that `dependencies` lack: a guardrail, or fetched images.
        """
        if config.guardrail is not None and dependencies.guard is None:
            raise ConfigurationError(["guardrail: nothing here can ask it; build the router with `build_router`"])
        if config.settings.fetch_images and dependencies.images is None:
            raise ConfigurationError(["settings.fetch_images: nothing here can; build the router with `build_router`"])
        self.config = config
        self._dependencies = dependencies
        self._settings = config.settings
        if config.guardrail is not None:
            # A tool call is checked whole; held back until then, it can also still fall over.
            self._settings = config.settings.model_copy(update={"hold_structured": True})

    async def complete(self, request: ChatRequest) -> ChatResult:
        """Ask and wait for the whole answer. Cancelling the call cancels the request to the provider.

        Args:
            request: What to ask, of which model or strategy.

        Returns:
            The answer, who gave it, its usage and cost, and the ledger of all attempts.

        Raises:
            InvalidRequestError: The request is wrong, or no candidate can do what it needs.
            RouterError: The whole chain failed. Its `ledger` lists the attempts.
        """
        request = _identified(validated(request, self._settings))
        execution: ChainExecution | None = None
        try:
            request = await self._started(request)
            execution = await self._execution(request, streamed=False)
            checks = self._checks(execution)
            result = await (
                self._answer(execution) if checks is None else guarded_answer(execution, checks, self._answer)
            )
        except RouterError as error:
            self._dependencies.observer.finished(request, error)
            raise
        except asyncio.CancelledError:
            self._dependencies.observer.finished(request, self._cut_off(execution))
            raise
        self._dependencies.observer.finished(request, result)
        self._offer(execution.request, result, result.choices)
        return result

    def complete_sync(self, request: ChatRequest) -> ChatResult:
        """Do as `complete`, for callers without an event loop; blocks the calling thread.

        Args:
            request: What to ask, of which model or strategy.

        Returns:
            What `complete` returns.

        Raises:
            RouterError: As `complete` raises it.
        """
        return run_in_background(self.complete(request))

    def stream(self, request: ChatRequest) -> ChatStream:
        """Prepare a streamed answer. Nothing is sent before it is started or iterated.

        Args:
            request: What to ask, of which model or strategy.

        Returns:
            A stream of chunks; use it as an async context manager.

        Raises:
            InvalidRequestError: The request is wrong.
        """
        return ChatStream(self, _identified(validated(request, self._settings)))

    async def explain(self, request: ChatRequest) -> Plan:
        """Plan a request without sending it.

        Args:
            request: What would be asked.

        Returns:
            The candidates in order, and the deployments that were dropped, each with its reason.

        Raises:
            InvalidRequestError: The request is wrong.
            UnknownModelError: Its model is unknown.
        """
        return await self._plan(await self._started(validated(request, self._settings)), streamed=False)

    async def count_tokens(self, request: ChatRequest) -> TokenCount:
        """Count the tokens of a request without asking for an answer.

        Under a guardrail nobody is asked: what it has not checked reaches no provider.

        Args:
            request: What would be asked; counted where it is in a format whose API counts.

        Returns:
            The tokens, and the deployment that counted them; none where they are estimated.

        Raises:
            InvalidRequestError: The request is wrong.
            UnknownModelError: Its model is unknown.
        """
        decided = await self.explain(request)
        if self.config.guardrail is not None:
            return estimated(request)
        return await counted(request, decided, self._dependencies.provider)

    @property
    def responses(self) -> ResponseStore | None:
        """Where responses are kept; None: nowhere."""
        return self._dependencies.responses

    @property
    def stopping(self) -> bool:
        return self._dependencies.shutdown.ending

    def stop(self) -> None:
        """Tell the Router that the process ends: requests cancelled from now on end in ServerStoppingError."""
        self._dependencies.shutdown.ending = True

    async def aclose(self) -> None:
        """Close the connections to the providers; `async with build_router() as router` does so at its end.

        The connections are shared by the process: they stay open while a request of any Router is under way, and a
        Router that is used again makes new ones.
        """
        await self._dependencies.provider.aclose()
        if self._dependencies.samples is not None:
            await asyncio.to_thread(self._dependencies.samples.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _started(self, request: ChatRequest) -> ChatRequest:
        """The request with its managed prompt in it, if it has one."""
        if request.prompt is None:
            return request
        return await apply_prompt(request, request.prompt, self.config, self._dependencies.prompts)

    async def _plan(self, request: ChatRequest, *, streamed: bool) -> Plan:
        check_choice(request.params)
        name = self.config.resolve(request.model, param=request.model_param)
        health = await self._health(self.config.chain(name), streamed=streamed)
        return plan(request, self.config, health, self._dependencies.rng)

    async def _execution(self, request: ChatRequest, *, streamed: bool) -> ChainExecution:
        decided = await self._plan(request, streamed=streamed)
        return ChainExecution(request, decided, self._settings, self._dependencies, streamed=streamed)

    def _checks(self, execution: ChainExecution) -> GuardrailSession | None:
        """What the request and its answer go through; None: the mapping has no guardrail."""
        if self.config.guardrail is None or self._dependencies.guard is None:
            return None
        return GuardrailSession(
            self.config.guardrail, self._dependencies.guard, execution, partial(self._plan, streamed=execution.streamed)
        )

    def _offer(self, request: ChatRequest, result: ChatResult, choices: list[dict[str, Any]]) -> None:
        samples = self._dependencies.samples
        if samples is not None and (sample := sample_of(request, result, choices)) is not None:
            samples.offer(sample)

    def _cut_off(self, execution: ChainExecution | None) -> RouterError:
        """Why a request that was cancelled has no answer."""
        ledger = execution.ledger if execution else None
        if self.stopping:
            return ServerStoppingError(STOPPING, retry_after=1.0, ledger=ledger)
        return CallerLeftError("the caller left before the answer", ledger=ledger)

    async def _answer(self, execution: ChainExecution) -> ChatResult:
        while (attempt := await execution.next()) is not None:
            recorder = Recorder(execution, attempt)
            try:
                answer = await ask(self._dependencies.provider, attempt, recorder, settings=self.config.settings)
            except ProviderFailure as failure:
                await execution.failed(attempt, failure, recorder.failed(failure))
                continue
            except asyncio.CancelledError:
                await execution.abandoned(attempt, recorder.abandoned())
                raise
            record = recorder.answered()
            await execution.succeeded(attempt, record)
            return ChatResult(
                request_id=execution.request.request_id,
                requested_model=execution.request.model,
                responders=(attempt.deployment,),
                choices=answer.choices,
                usage=record.usage or answer.usage,
                ledger=execution.ledger,
                fallback=execution.fell_back(attempt.deployment),
                created=int(time.time()),
                system_fingerprint=answer.system_fingerprint,
                native=answer.native,
            )
        raise execution.error()

    async def _health(self, deployments: tuple[Deployment, ...], *, streamed: bool) -> Health:
        dependencies = self._dependencies
        limited = [d for d in deployments if d.rpm is not None]
        return replace(
            await health_of(deployments, dependencies),
            rpm_left=await dependencies.rate_limits.left(limited) if limited else {},
            rpm_retry_after={d.id: dependencies.rate_limits.retry_after(d) for d in limited},
            timed_out={d.id: dependencies.short_timeouts.longest(d.id, streamed=streamed) for d in deployments},
        )


class ChatStream:
    """One streamed answer. `async for chunk in stream`, or `await start()` first to learn who answers.

    Use it as an async context manager, or call `aclose()`, so that the work upstream stops when you do.
    """

    def __init__(self, router: Router, request: ChatRequest) -> None:
        self._router = router
        self._observer = router._dependencies.observer
        self.request = request
        self.created = int(time.time())
        """Unix seconds."""
        self._stream: StreamExecution | None = None
        self._chunks: AsyncGenerator[Chunk, None] | None = None
        self._first: Chunk | None = None
        self._done = False
        self._result: ChatResult | None = None
        self._heard = None if router._dependencies.samples is None else StreamAccumulator()

    async def start(self) -> Deployment:
        """Wait for the first token.

        Returns:
            The deployment that sends it.

        Raises:
            RouterError: The whole chain failed before its first token. The `ledger` lists the attempts.
        """
        if self._chunks is None:
            request = await self._observed(self._router._started(self.request))
            execution = await self._observed(self._router._execution(request, streamed=True))
            self.request = request
            self._stream = StreamExecution(execution)
            checks = self._router._checks(execution)
            self._chunks = self._stream.chunks() if checks is None else guarded_chunks(self._stream, checks)
            self._first = await self._advance()
        return self.first

    @property
    def first(self) -> Deployment:
        """The first responder. Known once started."""
        return self._executed().responders[0]

    @property
    def attempts_so_far(self) -> int:
        execution = self._executed().execution
        return len(execution.attempts) + execution.asking

    @property
    def guardrail_so_far(self) -> Outcome | None:
        """What the guardrail made of the input and of what was released; None: there is no guardrail."""
        record = self._executed().execution.guard_record
        return None if record is None else record.outcome

    @property
    def fallback_so_far(self) -> bool:
        stream = self._executed()
        return any(stream.execution.fell_back(d) for d in stream.responders)

    @property
    def result(self) -> ChatResult:
        """What is known once the stream has ended."""
        if self._result is None:
            raise RuntimeError("the stream has not ended yet: iterate it to its end first")
        return self._result

    def __aiter__(self) -> AsyncIterator[Chunk]:
        return self

    async def __anext__(self) -> Chunk:
        await self.start()
        chunk, self._first = self._first, None
        if chunk is None:
            chunk = await self._advance()
        if chunk is None:
            raise StopAsyncIteration
        return chunk

    async def aclose(self) -> None:
        """Cancel the request to the provider. Does nothing once the stream has ended."""
        if self._chunks is not None:
            await self._chunks.aclose()
        if not self._done:
            self._finish(self._router._cut_off(self._stream.execution if self._stream else None))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _advance(self) -> Chunk | None:
        """The next chunk; None once the stream has ended well."""
        if self._done or self._chunks is None:
            return None
        chunk = await self._observed(anext(self._chunks, None))
        if chunk is None:
            self._finish(self._conclude())
        elif self._heard is not None:
            self._heard.add(chunk)
        return chunk

    async def _observed(self, step: Awaitable[T]) -> T:
        try:
            return await step
        except RouterError as error:
            self._finish(error)
            raise
        except asyncio.CancelledError:
            cut_off = self._router._cut_off(self._stream.execution if self._stream else None)
            self._finish(cut_off)
            if self._router.stopping:
                raise cut_off from None
            raise

    def _finish(self, outcome: ChatResult | RouterError) -> None:
        if not self._done:
            self._done = True
            self._observer.finished(self.request, outcome)

    def _conclude(self) -> ChatResult:
        stream = self._executed()
        self._result = result = ChatResult(
            request_id=self.request.request_id,
            requested_model=self.request.model,
            responders=tuple(stream.responders),
            choices=[],
            usage=stream.usage,
            ledger=stream.execution.ledger,
            fallback=self.fallback_so_far,
            created=self.created,
        )
        if self._heard is not None:
            self._router._offer(stream.execution.request, result, self._heard.choices)
        return result

    def _executed(self) -> StreamExecution:
        if self._stream is None:
            raise RuntimeError("the stream has not been started: await start() first")
        return self._stream


def _identified(request: ChatRequest) -> ChatRequest:
    return request if request.request_id else replace(request, request_id=uuid.uuid4().hex)
