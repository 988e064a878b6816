"""The Router: validates a request, runs it through interceptors and chain, and tells the observer."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

from .callers import Priority
from .errors import CallerLeftError, ConfigurationError, InternalError, RouterError, ServerStoppingError
from .execution import TokenCount, counted, estimated, health_for_plan, run_in_background
from .interceptors import RouterDependencies, Run, interceptors, tagged
from .mapping import RouterConfig
from .observe import LiveObserver
from .plan import Plan, check_choice, plan
from .ports import ResponseStore
from .request import MessageFeatures, validated
from .stream import ChatStream
from .turns import after_step
from .types import ChatRequest, ChatResult

__all__ = ["ChatStream", "Router"]

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
        return await self.complete_with(request, _as_it_is)

    async def complete_with(self, request: ChatRequest, write: Callable[[ChatResult], Awaitable[T]]) -> T:
        """Do as `complete`, and write the answer for its caller: one that cannot be written was not given.

        Args:
            request: What to ask, of which model or strategy.
            write: Makes of the answer what its caller gets.

        Returns:
            What `write` gave.

        Raises:
            RouterError: As `complete` raises it, or `write`. What else `write` raises is a bug, and recorded as that.
        """
        run = self._run(request, streamed=False)
        try:
            result = await run.answer()
            written = await _written(run, result, write)
        except RouterError as error:
            self._finish(run, error)
            raise
        except BaseException as error:
            self._finish(run, self._cut_off(run, error))
            raise
        self._finish(run, result)
        return written

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
        return ChatStream(self._run(request, streamed=True), self._finish, self._cut_off)

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
        return await self._run(request, streamed=False).explain()

    async def count_tokens(self, request: ChatRequest) -> TokenCount:
        """Count the tokens of a request without asking for an answer.

        Under a guardrail the tokens are estimated: what it has not checked reaches no provider.

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
    def dependencies(self) -> RouterDependencies:
        """What asks providers and keeps state."""
        return self._dependencies

    @property
    def responses(self) -> ResponseStore | None:
        """Where responses are kept; None: nowhere."""
        return self._dependencies.responses

    @property
    def live(self) -> LiveObserver | None:
        """What happens now, for those who look; None: nobody can."""
        return self._dependencies.live

    async def status(self) -> list[dict[str, Any]]:
        """Tell how each deployment is now.

        Returns:
            For each of the mapping its `id`, `state` (`ready`, or the code of why it is not asked), the `reason`, the
            recent average seconds to a `first_token` and to an `answer`, `rpm`, `rpm_left`, and the `last_failure`.
        """
        deployments, live = self.config.deployments, self._dependencies.live
        settings, anyone = self.config.settings, Priority.INTERACTIVE
        health = await health_for_plan(deployments, self._dependencies, settings, anyone, streamed=False)
        latencies = self._dependencies.latencies
        found = []
        for one in deployments:
            unfit = health.unfit(one)
            found.append(
                {
                    "id": one.id,
                    "state": "ready" if unfit is None else unfit.code,
                    "reason": "" if unfit is None else unfit.reason,
                    "first_token": latencies.average(one.id, streamed=True),
                    "answer": latencies.average(one.id, streamed=False),
                    "rpm": one.rpm,
                    "rpm_left": health.rpm_left.get(one.id),
                    "last_failure": None if live is None else live.last_failure(one.id),
                }
            )
        return found

    @property
    def stopping(self) -> bool:
        return self._dependencies.shutdown.ending

    def stop(self) -> None:
        """Tell the Router that the process ends: requests cancelled from now on end in ServerStoppingError."""
        self._dependencies.shutdown.ending = True

    async def flush(self) -> None:
        """Wait until what requests have used is written to its accounts, but no longer than a second."""
        written = (self._dependencies.accounts, self._dependencies.spending)
        await asyncio.gather(*(one.flush() for one in written if one is not None))

    async def aclose(self) -> None:
        """Close the connections to the providers; `async with build_router() as router` does so at its end.

        The connections are shared by the process: they stay open while a request of any Router is under way, and a
        Router that is used again makes new ones.
        """
        await self._dependencies.provider.aclose()
        if self._dependencies.samples is not None:
            await asyncio.to_thread(self._dependencies.samples.close)
        if self._dependencies.accounts is not None:
            await self._dependencies.accounts.aclose()
        if self._dependencies.spending is not None:
            await self._dependencies.spending.flush()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def _run(self, request: ChatRequest, *, streamed: bool) -> Run:
        """The request, validated, on its way. Raises InvalidRequestError."""
        request = validated(request, self._settings)
        if not request.request_id:
            request = replace(request, request_id=uuid.uuid4().hex)
        if self.config.budgets.tags:
            request = tagged(request, self.config.budgets)
        config = self.config.for_key(request.key)
        hooks = interceptors(request, config, self._dependencies)
        decide = partial(self._plan, config=config, streamed=streamed)
        return Run(request, hooks, decide, self._settings, self._dependencies, streamed=streamed)

    def _finish(self, run: Run, outcome: ChatResult | RouterError) -> None:
        self._dependencies.observer.finished(run.request, outcome)
        run.after(outcome)
        if self._dependencies.spending is not None:
            self._dependencies.spending.record(run.request, outcome.ledger)

    async def _plan(self, request: ChatRequest, *, config: RouterConfig, streamed: bool) -> Plan:
        check_choice(request.params)
        name = config.resolve(request.model, param=request.param("model"))
        health = await health_for_plan(
            config.chain(name), self._dependencies, config.settings, request.priority, streamed=streamed
        )
        began = time.thread_time()
        features = MessageFeatures.of(request.messages)
        began = await after_step(began)
        decided = plan(request, config, health, self._dependencies.rng, features)
        await after_step(began)
        return decided

    def _cut_off(self, run: Run, error: BaseException | None = None) -> RouterError:
        """Why a request that was cancelled, or ended by a bug, has no answer."""
        if isinstance(error, Exception):
            return InternalError("a bug of the gateway", ledger=run.ledger)
        if self.stopping:
            return ServerStoppingError(STOPPING, retry_after=1.0, ledger=run.ledger)
        return CallerLeftError("the caller left before the answer", ledger=run.ledger)


async def _as_it_is(result: ChatResult) -> ChatResult:
    return result


async def _written(run: Run, result: ChatResult, write: Callable[[ChatResult], Awaitable[T]]) -> T:
    try:
        return await write(result)
    except RouterError as error:
        error.ledger = run.ledger  # it is paid for all the same
        raise
