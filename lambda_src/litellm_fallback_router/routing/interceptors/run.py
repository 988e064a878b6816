"""One request on its way through the interceptors and the chain, whole or streamed."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from ..errors import RouterError
from ..execution import BUG, ChainExecution, ExecutionDependencies
from ..ledger import Ledger, Usage
from ..mapping import RouterSettings
from ..plan import Plan
from ..types import ChatRequest, ChatResult, Chunk, Deployment
from .protocol import Choices, InPlace, Interceptor

T = TypeVar("T")


class Run:
    """The `Exchange` that hooks get. Either `answer()` is called, once, or `pull()` until `ended` or `failed`."""

    def __init__(
        self,
        request: ChatRequest,
        interceptors: Sequence[Interceptor],
        plan: Callable[[ChatRequest], Awaitable[Plan]],
        settings: RouterSettings,
        dependencies: ExecutionDependencies,
        *,
        streamed: bool,
    ) -> None:
        self.request = request
        self.created = int(time.time())
        """Unix seconds."""
        self.late: asyncio.Future[ChatRequest | None] | None = None
        self.outbox: deque[Chunk] = deque()
        """Chunks that the caller may have now."""
        self.ended = False
        """True once nothing more comes into `outbox`."""
        self.failed: RouterError | None = None
        """Why the stream ends after what is in `outbox`."""
        self.execution: ChainExecution | None = None
        self._interceptors = interceptors
        self._plan = plan
        self._settings, self._dependencies, self._streamed = settings, dependencies, streamed
        self._position = -1
        """Index of the interceptor whose decision before the answer counts, which those behind it see."""
        self._ended_by = -1
        """Index of the interceptor that has ended the stream; it and those before it get nothing more."""
        self._stand_in: Deployment | None = None
        """The responder that an interceptor has named for its own answer."""
        self._source: AsyncGenerator[Chunk, None] | None = None

    async def planned(self) -> ChainExecution:
        """The execution; the first call plans the request."""
        if self.execution is None:
            plan = await self._plan(self.request)
            self.execution = ChainExecution(
                self.request, plan, self._settings, self._dependencies, streamed=self._streamed
            )
        return self.execution

    async def replace(self, request: ChatRequest) -> None:
        """Continue with another request, planned anew within the same deadline."""
        self.request = request
        if self.execution is not None:
            self.execution.start_again(request, await self._plan(request))

    async def explain(self) -> Plan:
        """The plan that the request would get now."""
        for interceptor in self._interceptors:
            if interceptor.before_plan:
                await interceptor.before(self)
        return await self._plan(self.request)

    @property
    def ledger(self) -> Ledger:
        return Ledger() if self.execution is None else self.execution.ledger

    @property
    def responders(self) -> list[Deployment]:
        """The deployments that answered, in order."""
        if self._stand_in is not None:
            return [self._stand_in]
        return [] if self.execution is None else self.execution.responders

    @property
    def fallback(self) -> bool:
        """True where a deployment outside of the requested group answered. An interceptor is none."""
        if self.execution is None or self._stand_in is not None:
            return False
        return any(self.execution.fell_back(one) for one in self.responders)

    @property
    def result(self) -> ChatResult:
        """What is known so far, without choices."""
        return ChatResult(
            request_id=self.request.request_id,
            requested_model=self.request.model,
            responders=tuple(self.responders),
            choices=[],
            usage=Usage() if self.execution is None else self.execution.usage,
            ledger=self.ledger,
            fallback=self.fallback,
            created=self.created,
        )

    async def answer(self) -> ChatResult:
        """A whole answer. Raises RouterError."""
        result: ChatResult | None = None
        try:
            try:
                await self._before()
                result = await self._decided((await self.planned()).answer)
                choices = await self._seen(result.choices)
            except InPlace as in_place:
                self._stand_in = in_place.responder
                choices = await self._seen(in_place.choices, self._position + 1)
        except RouterError as error:
            self._add_ledger(error)
            raise
        finally:
            await self.aclose()
        native = result.native if result is not None and choices is result.choices else None
        return replace(result or self.result, choices=choices, native=native, ledger=self.ledger)

    async def pull(self) -> None:
        """Wait for the next chunk of the stream and pass it through the hooks into `outbox`."""
        try:
            try:
                chunk = await (self._opened() if self._source is None else anext(self._source, None))
            except InPlace as in_place:
                await self._end_with(in_place, self._position)
            else:
                await self._pass(chunk)
                self.ended = self.ended or chunk is None
        except RouterError as error:
            await self.aclose()
            self._add_ledger(error)
            self.failed = error
        except Exception as error:
            self._note_bug(error)
            raise
        if self.ended:
            await self.aclose()

    async def aclose(self) -> None:
        """Cancel what is under way for this request."""
        if self.late is not None:
            self.late.cancel()
            await asyncio.gather(self.late, return_exceptions=True)
        if self._source is not None:
            await self._source.aclose()

    def after(self, outcome: ChatResult | RouterError) -> None:
        """Tell the interceptors how the request ended."""
        for interceptor in self._interceptors:
            interceptor.after(outcome, self.request)
        if self.execution is not None:
            # What they have put there refers to them, and they to the execution: a circle waits for the collector.
            self.execution.gates.clear()
            self.execution.hooks.clear()
            self.execution.notes.clear()

    async def _before(self) -> None:
        for position, interceptor in enumerate(self._interceptors):
            late = self.late
            try:
                await interceptor.before(self)
            except InPlace:
                if late is None or (replaced := await late) is None:
                    self._position = position
                    raise
                # What it answered is not what is asked.
                await self.replace(replaced)
                self.late, self._position = None, position
                await interceptor.before(self)
            else:
                if self.late is not late:
                    self._position = position

    async def _seen(self, choices: Choices, at: int = 0) -> Choices:
        """A whole answer, seen by the interceptors from the one `at` this position on."""
        for interceptor in self._interceptors[at:]:
            try:
                choices = await interceptor.choices(choices)
            except InPlace as in_place:
                self._stand_in, choices = in_place.responder, in_place.choices
        return choices

    async def _opened(self) -> Chunk | None:
        """The first chunk."""
        await self._before()
        execution = await self.planned()

        async def first() -> Chunk | None:
            self._source = execution.chunks()
            return await anext(self._source, None)

        return await self._decided(first)

    async def _decided(self, begin: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What `begin` gives, once a late decision lets it pass; begun anew where the request was replaced."""
        late = self.late
        if late is None:
            return await begin()
        begun = asyncio.ensure_future(begin())
        both: set[asyncio.Future[Any]] = {late, begun}
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            replaced = await late
            if replaced is None:
                return await begun
        except Exception as error:
            self._note_bug(error)
            raise
        finally:
            late.cancel()
            begun.cancel()
            await asyncio.gather(*both, return_exceptions=True)
            # The exceptions in them refer to this frame: a circle waits for the collector.
            self.late = None
            del late, begun, both
        await self.aclose()
        await self.replace(replaced)
        return await begin()

    async def _pass(self, chunk: Chunk | None, at: int = 0) -> None:
        """Through the hooks from the one `at` this position on; None: the stream has ended well."""
        if at <= self._ended_by:
            return
        if at == len(self._interceptors):
            if chunk is not None:
                self.outbox.append(chunk)
            return
        released: list[Chunk] = []
        stop: InPlace | RouterError | None = None
        try:
            interceptor = self._interceptors[at]
            await (interceptor.finish(released.append) if chunk is None else interceptor.chunk(chunk, released.append))
        except (InPlace, RouterError) as error:
            stop = error
        for one in released:
            await self._pass(one, at + 1)
        if isinstance(stop, InPlace):
            await self._end_with(stop, at)
        elif stop is not None:
            try:
                raise stop
            finally:
                del stop  # it refers to this frame
        elif chunk is None:
            await self._pass(None, at + 1)

    async def _end_with(self, in_place: InPlace, position: int) -> None:
        """End the stream with an interceptor's own answer, which those behind it see."""
        self._stand_in, self._ended_by, self.ended = in_place.responder, position, True
        for one in in_place.chunks:
            await self._pass(one, position + 1)
        await self._pass(None, position + 1)

    def _note_bug(self, error: Exception) -> None:
        if self.execution is not None and not isinstance(error, (InPlace, RouterError)):
            self.execution.stopped = BUG

    def _add_ledger(self, error: RouterError) -> None:
        """Give the error all attempts, those included that it ended."""
        if self.execution is not None:
            error.ledger = self.ledger
