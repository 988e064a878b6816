"""The guardrail's hooks: the input is checked before the first attempt (or beside it, where the mapping says so), the
output before the caller has it. A block is an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from typing import TypeVar

from ...continuation import is_structured
from ...errors import RouterError
from ...execution import ChainExecution, Gate, Stop
from ...failures import FailureKind
from ...mapping import Guardrail
from ...plan import Candidate
from ...ports import Guard
from ...types import ChatRequest, Chunk
from ..protocol import Choices, Exchange, InPlace, Interceptor, Release
from .choice import CheckedChoice
from .session import Blocked, GuardrailSession

T = TypeVar("T")


def _stop(reason: str, *, of_use: bool = False) -> Stop:
    return Stop(FailureKind.GUARDRAIL, f"stopped: the guardrail {reason}", of_use)


BLOCKED_INPUT = _stop("blocked the request")
BLOCKED_OUTPUT = _stop("blocked the answer", of_use=True)
MASKED_INPUT = _stop("masked the request, which is sent again")
NO_VERDICT = _stop("gave no verdict")


class GuardrailInterceptor(Interceptor):
    """Checks one request and its answer."""

    checks = True

    def __init__(self, guardrail: Guardrail, guard: Guard) -> None:
        self._guardrail = guardrail
        self._guard = guard
        self._choices: dict[int, CheckedChoice] = {}
        self._finished: set[int] = set()

    async def before(self, exchange: Exchange) -> None:
        self._execution = execution = await exchange.planned()
        self._session = GuardrailSession(self._guardrail, self._guard, execution)
        window = self._guardrail.stream_window
        held = window in ("end", "off") or is_structured(exchange.request)
        self._window = None if held else int(window)
        if self._runs_beside(execution):
            exchange.late = asyncio.ensure_future(self._checked_input())
            execution.gates.append(self._gate(exchange.late))
        elif (masked := await self._checked_input()) is not None:
            await exchange.replace(masked)

    async def choices(self, choices: Choices) -> Choices:
        return await self._unless_blocked(self._session.choices(choices), [choice["index"] for choice in choices])

    async def chunk(self, chunk: Chunk, release: Release) -> None:
        if self._guardrail.stream_window == "off":
            if self._session.record.output is None:
                self._session.unchecked_output()
            release(chunk)
            return
        for choice in chunk.choices:
            index = choice["index"]
            if (checked := self._choices.get(index)) is None:
                checked = self._choices[index] = CheckedChoice(index, self._window, self._session)
            await self._output(checked.take(choice, release))

    async def finish(self, release: Release) -> None:
        for index, checked in self._choices.items():
            await self._output(checked.finish(release))
            self._finished.add(index)

    def _runs_beside(self, execution: ChainExecution) -> bool:
        candidates = execution.plan.candidates
        return self._guardrail.parallel and bool(candidates) and candidates[0].deployment.profile.beside_guardrail

    async def _checked_input(self) -> ChatRequest | None:
        """The masked request; None: it passed."""
        execution = self._execution
        try:
            masked = await self._unless_blocked(self._session.masked_input(), range(self._asked_for))
        except InPlace:
            execution.stopped = BLOCKED_INPUT
            raise
        except RouterError:
            execution.stopped = NO_VERDICT
            raise
        if masked is not None:
            execution.stopped = MASKED_INPUT
        return masked

    def _gate(self, verdict: asyncio.Future[ChatRequest | None]) -> Gate:
        async def lets(candidate: Candidate) -> bool:
            """A first attempt beside which the guardrail may run need not wait for the verdict; all others do."""
            execution = self._execution
            if not execution.begun and candidate.deployment.profile.beside_guardrail:
                return True
            masked = await asyncio.shield(verdict)
            return masked is None or masked is execution.request

        return lets

    async def _output(self, check: Awaitable[None]) -> None:
        try:
            await self._unless_blocked(check, [n for n in range(self._asked_for) if n not in self._finished])
        except InPlace:
            self._execution.stopped = BLOCKED_OUTPUT
            raise
        except RouterError:
            self._execution.stopped = NO_VERDICT
            raise

    @property
    def _asked_for(self) -> int:
        """Choices that the request asks for."""
        return self._execution.request.params.get("n") or 1

    async def _unless_blocked(self, check: Awaitable[T], indices: Iterable[int]) -> T:
        """Raises InPlace with the guardrail's message for each of `indices`, or its error."""
        try:
            return await check
        except Blocked as blocked:
            if self._guardrail.on_block == "error":
                raise self._session.refusal(blocked) from None
            responder = self._session.responder if blocked.source == "input" else None
            raise InPlace([_refused(index, blocked.message) for index in indices], responder) from None


def _refused(index: int, message: str) -> dict[str, object]:
    said = {"role": "assistant", "content": message, "refusal": None}
    return {"index": index, "message": said, "finish_reason": "content_filter", "logprobs": None}
