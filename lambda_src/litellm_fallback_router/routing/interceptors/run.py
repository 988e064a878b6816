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
from .befores import Befores
from .protocol import Choices, InPlace, Interceptor, Replay

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
        self.streamed = streamed
        self.notes: list[Callable[[Ledger], Ledger]] = []
        self._began = time.monotonic()
        self._interceptors = interceptors
        self._plan = plan
        self._settings, self._dependencies = settings, dependencies
        self._befores = Befores(interceptors)
        self._ended_by = -1
        """Index of the interceptor that has ended the stream; it and those before it get nothing more."""
        self._stand_in: Deployment | None = None
        """The responder that an interceptor has named for its own answer."""
        self._replayed: Replay | None = None
        self._source: AsyncGenerator[Sequence[Chunk], None] | None = None

    async def planned(self) -> ChainExecution:
        """The execution; the first call plans the request."""
        if self.execution is None:
            plan = await self._plan(self.request)
            self.execution = ChainExecution(
                self.request, plan, self._settings, self._dependencies, streamed=self.streamed
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
        ledger = Ledger(seconds=time.monotonic() - self._began) if self.execution is None else self.execution.ledger
        for note in self.notes:
            ledger = note(ledger)
        return ledger

    @property
    def responders(self) -> list[Deployment]:
        """The deployments that answered, in order."""
        if self._stand_in is not None:
            return [self._stand_in]
        return [] if self.execution is None else self.execution.responders

    @property
    def fallback(self) -> bool:
        """True where a deployment outside of the requested group answered. An interceptor is none."""
        if self._replayed is not None:
            return self._replayed.fallback
        if self.execution is None or self._stand_in is not None:
            return False
        return any(self.execution.fell_back(one) for one in self.responders)

    @property
    def result(self) -> ChatResult:
        """What is known so far, without choices."""
        replayed = self._replayed
        usage = Usage() if self.execution is None else self.execution.usage
        return ChatResult(
            request_id=self.request.request_id,
            requested_model=self.request.model,
            responders=tuple(self.responders),
            choices=[],
            usage=usage if replayed is None else replayed.usage,
            ledger=self.ledger,
            fallback=self.fallback,
            created=self.created,
            system_fingerprint=None if replayed is None else replayed.system_fingerprint,
        )

    async def answer(self) -> ChatResult:
        """A whole answer. Raises RouterError."""
        result: ChatResult | None = None
        try:
            try:
                if self._interceptors:
                    await self._befores.call(self)
                result = await self._decided((await self.planned()).answer)
                if not self._interceptors:
                    return result
                choices = await self._seen(result.choices)
            except InPlace as in_place:
                choices = await self._seen(in_place.choices, self._taken_over(in_place, self._befores.position))
        except RouterError as error:
            self._add_ledger(error)
            raise
        finally:
            await self.aclose()
        whole = self._replayed or result
        native = whole.native if whole is not None and choices is whole.choices else None
        result = replace(result or self.result, choices=choices, native=native, ledger=self.ledger)
        await self._tell(result)
        # What they note of it stands in the ledger.
        return replace(result, ledger=self.ledger)

    async def pull(self) -> None:
        """Wait for the next chunks of the stream and pass them through the hooks into `outbox`."""
        try:
            try:
                chunks = await (self._opened() if self._source is None else anext(self._source, None))
            except InPlace as in_place:
                await self._end_with(in_place, self._befores.position)
            else:
                if chunks is not None and not self._interceptors:
                    self.outbox.extend(chunks)
                else:
                    await self._pass_all(chunks)
        except RouterError as error:
            await self.aclose()
            self._add_ledger(error)
            self.failed = error
        except Exception as error:
            self._note_bug(error)
            raise
        if self.ended:
            await self.aclose()
            if self._interceptors:
                await self._tell(self.result)

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
        self.notes.clear()

    async def _seen(self, choices: Choices, at: int = 0) -> Choices:
        """A whole answer, seen by the interceptors from the one `at` this position on."""
        for interceptor in self._interceptors[at:]:
            try:
                choices = await interceptor.choices(choices)
            except InPlace as in_place:
                self._taken_over(in_place, at)
                choices = in_place.choices
        return choices

    def _taken_over(self, in_place: InPlace, position: int) -> int:
        """The index of the first interceptor that sees the answer which the one at this position gives itself."""
        self._stand_in = in_place.responder or self._stand_in
        if not isinstance(in_place, Replay):
            return position + 1
        self._replayed, self.created = in_place, in_place.created
        return 0

    async def _tell(self, result: ChatResult) -> None:
        """Tell the interceptors that the answer is complete."""
        for interceptor in self._interceptors:
            await interceptor.answered(result)

    async def _opened(self) -> Sequence[Chunk] | None:
        """The first chunks."""
        if self._interceptors:
            await self._befores.call(self)
        execution = await self.planned()

        async def first() -> Sequence[Chunk] | None:
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
        await self._befores.call_behind(self)
        return await begin()

    async def _pass_all(self, chunks: Sequence[Chunk] | None) -> None:
        for chunk in (None,) if chunks is None else chunks:
            await self._pass(chunk)
            if self.ended:
                return
        self.ended = chunks is None

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
        first = self._taken_over(in_place, position)
        self._ended_by, self.ended = first - 1, True
        for one in in_place.chunks:
            await self._pass(one, first)
        await self._pass(None, first)

    def _note_bug(self, error: Exception) -> None:
        if self.execution is not None and not isinstance(error, (InPlace, RouterError)):
            self.execution.stopped = BUG

    def _add_ledger(self, error: RouterError) -> None:
        """Give the error all attempts, those included that it ended."""
        if self.execution is not None:
            error.ledger = self.ledger
