"""Whole answers and streams under a guardrail: the input is checked before a provider is asked (or beside it, where
the mapping says so), the output before the caller has it. A block is an answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import aclosing
from dataclasses import replace
from typing import Any, TypeVar

from ..continuation import is_structured
from ..errors import RouterError
from ..execution import ChainExecution, Stop, StreamExecution
from ..ledger import Usage
from ..types import ChatResult, Chunk, Deployment
from .choice import GuardedChoice
from .session import Blocked, GuardrailSession

T = TypeVar("T")

BLOCKED_INPUT = Stop("stopped: the guardrail blocked the request", of_use=False)
BLOCKED_OUTPUT = Stop("stopped: the guardrail blocked the answer", of_use=True)
MASKED_INPUT = Stop("stopped: the guardrail masked the request, which is sent again", of_use=False)
NO_VERDICT = Stop("stopped: the guardrail gave no verdict", of_use=False)


async def guarded_answer(
    execution: ChainExecution, checks: GuardrailSession, answer: Callable[[ChainExecution], Awaitable[ChatResult]]
) -> ChatResult:
    """A whole answer. Raises RouterError."""
    result: ChatResult | None = None
    try:
        if _beside(execution, checks):
            result = await _with_input_check(execution, checks, _awaited(answer(execution)))
        else:
            await checks.take_up(await checks.masked_input())
        if result is None:
            result = await answer(execution)
        checked = await checks.choices(result.choices)
        native = result.native if checked is result.choices else None
        return replace(result, choices=checked, native=native, ledger=execution.ledger)
    except Blocked as blocked:
        if checks.guardrail.on_block == "error":
            raise checks.refusal(blocked) from None
        indices = (
            range(execution.request.params.get("n") or 1) if result is None else [c["index"] for c in result.choices]
        )
        choices = [_refused(index, blocked.message) for index in indices]
        result = result or _answered_by(checks.responder, execution)
        return replace(result, choices=choices, native=None, ledger=execution.ledger)


async def guarded_chunks(stream: StreamExecution, checks: GuardrailSession) -> AsyncGenerator[Chunk, None]:
    """The chunks of a stream as the caller may have them. Raises RouterError."""
    execution, finished = stream.execution, set[int]()
    try:
        source = stream.chunks()
        first: Chunk | None = None
        if _beside(execution, checks):
            try:
                first = await _with_input_check(execution, checks, _awaited(anext(source, None)))
            except BaseException:
                await source.aclose()
                raise
            if first is None:
                await source.aclose()
                stream.start_again()
                source = stream.chunks()
        else:
            await checks.take_up(await checks.masked_input())
        async with aclosing(_checked(source, first, stream, checks)) as released:
            async for chunk in released:
                finished |= {choice["index"] for choice in chunk.choices if choice.get("finish_reason")}
                yield chunk
    except Blocked as blocked:
        if checks.guardrail.on_block == "error":
            raise checks.refusal(blocked) from None
        if blocked.source == "input":
            stream.responders[:] = [checks.responder]
        for index in range(execution.request.params.get("n") or 1):
            if index not in finished:
                yield Chunk([{"index": index, "delta": {"content": blocked.message}, "finish_reason": None}])
                yield Chunk([{"index": index, "delta": {}, "finish_reason": "content_filter"}])


async def _checked(
    source: AsyncGenerator[Chunk, None], first: Chunk | None, stream: StreamExecution, checks: GuardrailSession
) -> AsyncGenerator[Chunk, None]:
    window, execution = checks.guardrail.stream_window, stream.execution
    if window == "off":
        checks.unchecked_output()
    size = None if window in ("end", "off") or is_structured(execution.request) else int(window)
    choices: dict[int, GuardedChoice] = {}
    async with aclosing(source):
        try:
            chunk = first or await anext(source, None)
            while chunk is not None:
                if window == "off":
                    yield chunk
                else:
                    for choice in chunk.choices:
                        guarded = choices.setdefault(choice["index"], GuardedChoice(choice["index"], size, checks))
                        async for released in guarded.take(choice):
                            yield released
                chunk = await anext(source, None)
            for guarded in choices.values():
                async for released in guarded.finish():
                    yield released
        except Blocked:
            execution.stopped = BLOCKED_OUTPUT
            raise
        except RouterError:
            execution.stopped = NO_VERDICT
            raise


def _beside(execution: ChainExecution, checks: GuardrailSession) -> bool:
    candidates = execution.plan.candidates
    return checks.guardrail.parallel and bool(candidates) and candidates[0].deployment.profile.beside_guardrail


async def _with_input_check(
    execution: ChainExecution, checks: GuardrailSession, first: Coroutine[Any, Any, T]
) -> T | None:
    """What `first` gives, asked for beside the input check; None: the input was masked and has to be sent again."""
    verdict = asyncio.ensure_future(checks.masked_input())
    asked = asyncio.ensure_future(first)
    execution.gate = verdict
    try:
        await asyncio.wait({verdict, asked}, return_when=asyncio.FIRST_COMPLETED)
        masked = await verdict
        if masked is None:
            return await asked
        execution.stopped = MASKED_INPUT
    except Blocked:
        execution.stopped = BLOCKED_INPUT
        raise
    except RouterError:
        execution.stopped = NO_VERDICT
        raise
    finally:
        verdict.cancel()
        asked.cancel()
        await asyncio.gather(verdict, asked, return_exceptions=True)
    await checks.take_up(masked)
    return None


async def _awaited(work: Awaitable[T]) -> T:
    return await work


def _refused(index: int, message: str) -> dict[str, Any]:
    said = {"role": "assistant", "content": message, "refusal": None}
    return {"index": index, "message": said, "finish_reason": "content_filter", "logprobs": None}


def _answered_by(responder: Deployment, execution: ChainExecution) -> ChatResult:
    return ChatResult(
        request_id=execution.request.request_id,
        requested_model=execution.request.model,
        responders=(responder,),
        choices=[],
        usage=Usage(),
        ledger=execution.ledger,
        fallback=False,
        created=int(time.time()),
    )
