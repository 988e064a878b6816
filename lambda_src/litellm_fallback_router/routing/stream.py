"""A streamed answer as its caller iterates it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import Self

from .errors import RouterError, ServerStoppingError
from .execution import BUG
from .interceptors import Run
from .ledger import CacheRecord
from .types import ChatRequest, ChatResult, Chunk, Deployment
from .verdicts import Outcome


class ChatStream:
    """One streamed answer: iterate it with `async for`, or await `start()` first to learn which deployment answers.

    Use it as an async context manager, or call `aclose()`, so that the request to the provider is cancelled when you
    stop reading.
    """

    def __init__(
        self,
        run: Run,
        finish: Callable[[Run, ChatResult | RouterError], None],
        cut_off: Callable[[Run, BaseException | None], RouterError],
    ) -> None:
        """Make a stream; `Router.stream` does so.

        Args:
            run: The request.
            finish: Called once with the result, or with the error that ended the stream.
            cut_off: Returns the error that stands for a request that was cancelled, or ended by this exception.
        """
        self._run = run
        self._tell = finish
        self._cut_off = cut_off
        self._done = False
        self._result: ChatResult | None = None

    async def start(self) -> Deployment:
        """Wait for the first token.

        Returns:
            The deployment that sends it.

        Raises:
            RouterError: The whole chain failed before its first token. The `ledger` lists the attempts.
        """
        if not self._run.responders:
            await self._filled()
        return self.first

    @property
    def request(self) -> ChatRequest:
        """The request, once started with its managed prompt in it."""
        return self._run.request

    @property
    def created(self) -> int:
        """Unix seconds."""
        return self._run.created

    @property
    def first(self) -> Deployment:
        """The first responder. Known once started."""
        if not self._run.responders:
            raise RuntimeError("the stream has not been started: await start() first")
        return self._run.responders[0]

    @property
    def attempts_so_far(self) -> int:
        """Number of attempts, the one under way included."""
        execution = self._run.execution
        return 0 if execution is None else execution.begun

    @property
    def guardrail_so_far(self) -> Outcome | None:
        """The guardrail's outcome for the input and what was released; None: there is no guardrail."""
        record = self._run.ledger.guardrail
        return None if record is None else record.outcome

    @property
    def cache(self) -> CacheRecord | None:
        """What the response cache did; None: the request takes no part in it. Known once started."""
        return self._run.ledger.cache

    @property
    def fallback_so_far(self) -> bool:
        """True where a responder is not a member of the requested group."""
        return self._run.fallback

    @property
    def result(self) -> ChatResult:
        """What is known once the stream has ended.

        Raises:
            RuntimeError: It has not.
        """
        if self._result is None:
            raise RuntimeError("the stream has not ended yet: iterate it to its end first")
        return self._result

    def __aiter__(self) -> AsyncIterator[Chunk]:
        return self

    async def __anext__(self) -> Chunk:
        if not self._run.outbox and not await self._filled():
            raise StopAsyncIteration
        return self._run.outbox.popleft()

    @property
    def pending(self) -> bool:
        """True where the next chunk is there already."""
        return bool(self._run.outbox)

    async def aclose(self, bug: Exception | None = None) -> None:
        """Cancel the request to the provider. Does nothing once the stream has ended.

        Args:
            bug: The gateway's own mistake that ends the stream, which is recorded; None: its caller stops reading.
        """
        if bug is not None and not self._done and self._run.execution is not None:
            self._run.execution.stopped = BUG
        await self._run.aclose()
        if not self._done:
            self._finish(self._cut_off(self._run, bug))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _filled(self) -> bool:
        """Wait for a chunk in the outbox; False once the stream has ended well."""
        run = self._run
        try:
            while not (run.outbox or run.ended or run.failed or self._done):
                await run.pull()
        except BaseException as error:
            await run.aclose()  # an interceptor may have ended, not the attempt: it is told before the end
            told = self._cut_off(run, error)
            self._finish(told)
            if not isinstance(told, ServerStoppingError):
                raise
            try:
                raise told from None
            finally:
                del told  # it refers to this frame
        if run.outbox:
            return True
        if run.failed is not None and not self._done:
            failed, run.failed = run.failed, None
            self._finish(failed)
            try:
                raise failed
            finally:
                del failed  # it refers to this frame
        if not self._done:
            self._result = run.result
            self._finish(self._result)
        return False

    def _finish(self, outcome: ChatResult | RouterError) -> None:
        if not self._done:
            self._done = True
            self._tell(self._run, outcome)
