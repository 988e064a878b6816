"""The one way in which a plan is executed, for whole answers and for streams."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Any, TypeVar

from ..continuation import SentAnswer
from ..deadline import OutOfTimeError
from ..errors import StreamInterruptedError
from ..failures import FailureKind, ProviderFailure
from ..ledger import Usage
from ..mapping import RouterSettings
from ..plan import Plan
from ..types import ChatRequest, ChatResult, Chunk, Deployment, ProviderAnswer
from .attempt import BUG, Attempt
from .dependencies import ExecutionDependencies
from .hedging import HedgedSchedule
from .parts import Part, StreamPart, WholePart
from .race import Leg, PartOf, Race
from .recorder import Recorder

T = TypeVar("T")
OUT_OF_TIME = "the gateway's own time for one request ran out; raise its timeout, or ask for less"


class ChainExecution(HedgedSchedule):
    """Executes the plan of one request: `answer()` for a whole answer, `chunks()` for a stream."""

    def __init__(
        self,
        request: ChatRequest,
        plan: Plan,
        settings: RouterSettings,
        dependencies: ExecutionDependencies,
        *,
        streamed: bool = False,
    ) -> None:
        super().__init__(request, plan, settings, dependencies, streamed=streamed)
        self._delivery = _Delivery(request)

    def start_again(self, request: ChatRequest, plan: Plan) -> None:
        super().start_again(request, plan)
        self._delivery = _Delivery(request)

    @property
    def responders(self) -> list[Deployment]:
        """The deployments whose output was delivered, in order."""
        return self._delivery.responders

    @property
    def delivered_text(self) -> str:
        """The text of the stream that the caller already has, which the next attempt continues."""
        return self._delivery.sent.text

    @property
    def usage(self) -> Usage:
        """Tokens of every attempt whose output was delivered."""
        total = Usage()
        for record in self.attempts:
            if record.usage is not None and not record.wasted:
                total += record.usage
        return total

    async def answer(self) -> ChatResult:
        """A whole answer. Raises RouterError where no attempt returns one."""
        ((answer,),) = [answers async for answers in self._run(self._whole_part, self._delivery.note_answer)]
        return ChatResult(
            request_id=self.request.request_id,
            requested_model=self.request.model,
            responders=tuple(self.responders),
            choices=answer.choices,
            usage=self.usage,
            ledger=self.ledger,
            fallback=any(self.fell_back(one) for one in self.responders),
            created=int(time.time()),
            system_fingerprint=answer.system_fingerprint,
            native=answer.native,
        )

    def chunks(self) -> AsyncGenerator[Sequence[Chunk], None]:
        """The chunks for the caller, in order, each once; each time, those that are there together. Raises RouterError
        where the stream cannot be completed."""
        return self._run(self._stream_part, self._delivery.note_chunks)

    def _whole_part(self, attempt: Attempt, recorder: Recorder) -> Part[ProviderAnswer]:
        return WholePart(self, attempt, recorder)

    def _stream_part(self, attempt: Attempt, recorder: Recorder) -> Part[Chunk]:
        return StreamPart(self, attempt, recorder, self._delivery.sent)

    async def _run(
        self, part_of: PartOf[T], note: Callable[[Deployment, Sequence[T]], None]
    ) -> AsyncGenerator[Sequence[T], None]:
        """The attempt loop. `part_of` says how an attempt is consumed, `note` records what is delivered."""
        delivery = self._delivery
        while (attempt := await self.next()) is not None:
            leg: Leg[T] = self._leg(attempt)
            if self.plan.hedge is not None and not delivery.sent.anything:
                leg = await Race(self, leg, self._leg, part_of).winner(self.plan.hedge)
            attempt, recorder = leg.attempt, leg.recorder
            before = delivery.sent.useful_characters
            try:
                part, opened = leg.opened(part_of)
                async with aclosing(opened) as source:
                    if pieces := leg.so_far():
                        note(attempt.deployment, pieces)
                        yield pieces
                    while not part.done:
                        try:
                            async with asyncio.timeout(part.limit()):
                                items = await anext(source, None)
                        except TimeoutError as error:
                            raise part.late() from error
                        if pieces := part.take(items):
                            note(attempt.deployment, pieces)
                            yield pieces
            except (ProviderFailure, OutOfTimeError) as failure:
                if not delivery.complete:
                    await self._broken(attempt, failure, recorder, of_use=delivery.sent.useful_characters > before)
                    if (closing := part.closing()) is None:
                        continue
                    yield closing
                    return
            except BaseException as error:
                if isinstance(error, Exception):
                    self.stopped = BUG
                await self.abandoned(attempt, recorder.abandoned())
                raise
            await self.succeeded(attempt, recorder.answered())
            return
        raise self._interrupted(self.ended) if delivery.sent.anything else self.error()

    def _leg(self, attempt: Attempt) -> Leg[Any]:
        return Leg(attempt, Recorder(self, attempt, resumed=self._delivery.sent.anything))

    async def _broken(
        self, attempt: Attempt, failure: ProviderFailure | OutOfTimeError, recorder: Recorder, *, of_use: bool
    ) -> None:
        """Record the failure. Raises StreamInterruptedError where what was delivered must not be continued."""
        delivery = self._delivery
        if isinstance(failure, OutOfTimeError):
            # The deployment was sending: this does not count against it.
            record = recorder.failed(ProviderFailure(FailureKind.TIMEOUT, OUT_OF_TIME), of_use=of_use)
            await self.abandoned(attempt, record)
            raise self._interrupted(OUT_OF_TIME) from failure
        if delivery.responders and delivery.responders[-1] is attempt.deployment:
            self.renew_deadline()
        await self.failed(attempt, failure, recorder.failed(failure, of_use=of_use))
        if delivery.sent.anything and delivery.sent.obstacle:
            raise self._interrupted(delivery.sent.obstacle) from failure

    def _interrupted(self, why: str) -> StreamInterruptedError:
        attempts = "; ".join(f"{a.deployment}: {a.reason}" for a in self.attempts)
        message = f"the answer is incomplete and could not be continued ({why}): {attempts}"
        return StreamInterruptedError(message, ledger=self.ledger)


class _Delivery:
    """What the caller has of an answer."""

    def __init__(self, request: ChatRequest) -> None:
        self.sent = SentAnswer(request)
        self.responders: list[Deployment] = []
        self._unfinished = request.params.get("n") or 1
        """Choices without a finish reason."""

    @property
    def complete(self) -> bool:
        return self._unfinished <= 0

    def note_answer(self, deployment: Deployment, _: Sequence[ProviderAnswer]) -> None:
        self.responders.append(deployment)

    def note_chunks(self, deployment: Deployment, chunks: Sequence[Chunk]) -> None:
        for chunk in chunks:
            self.sent.add(chunk)
            for choice in chunk.choices:
                if choice.get("finish_reason"):
                    self._unfinished -= 1
        if not self.responders or self.responders[-1] is not deployment:
            self.responders.append(deployment)
