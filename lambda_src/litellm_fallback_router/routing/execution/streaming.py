"""What only streams have: an answer that is half sent when its deployment fails, and is continued elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from ..continuation import Seam, SentAnswer, is_structured, length_chunk
from ..deadline import OutOfTimeError
from ..errors import StreamInterruptedError
from ..failures import FailureKind, ProviderFailure, withheld
from ..ledger import Usage
from ..types import Chunk, Deployment
from .attempts import Recorder, listen
from .chain import Attempt, ChainExecution

OUT_OF_TIME = "the gateway's own time for one request ran out; raise its timeout, or ask for less"


class StreamExecution:
    """Walks the plan for one stream. `chunks()` gives what the caller gets, in order, exactly once."""

    def __init__(self, execution: ChainExecution) -> None:
        self.execution = execution
        self.responders: list[Deployment] = []
        """Who the caller has something from, in order."""
        self._sent = SentAnswer(execution.request)
        self._choices = execution.request.params.get("n") or 1
        self._finished = 0
        """Choices whose finish reason the caller has."""

    def start_again(self) -> None:
        """Nothing of what came so far has reached the caller."""
        self.responders.clear()
        self._sent, self._finished = SentAnswer(self.execution.request), 0

    @property
    def usage(self) -> Usage:
        """Tokens of every attempt whose text the caller has."""
        total = Usage()
        for record in self.execution.attempts:
            if record.usage is not None and not record.wasted:
                total += record.usage
        return total

    async def chunks(self) -> AsyncGenerator[Chunk, None]:
        """Raises RouterError when no honest end can be reached."""
        while (attempt := await self.execution.next()) is not None:
            recorder = Recorder(self.execution, attempt, resumed=self._sent.anything)
            before = self._sent.useful_characters
            try:
                async with aclosing(self._attempt(attempt, recorder)) as chunks:
                    async for chunk in chunks:
                        self._note(attempt.deployment, chunk)
                        yield chunk
            except ProviderFailure as failure:
                if not self._complete:
                    await self._failed(attempt, failure, recorder, of_use=self._sent.useful_characters > before)
                    if not self._sent.used_up:
                        continue
                    yield length_chunk()
                    return
                await self.execution.succeeded(attempt, recorder.answered())
            except OutOfTimeError as error:
                if not self._complete:
                    await self._cut_short(attempt, recorder, of_use=self._sent.useful_characters > before)
                    raise self._interrupted(OUT_OF_TIME) from error
                await self.execution.succeeded(attempt, recorder.answered())
            except (asyncio.CancelledError, GeneratorExit):
                await self.execution.abandoned(attempt, recorder.abandoned())
                raise
            return
        raise self._interrupted(self.execution.ended) if self._sent.anything else self.execution.error()

    @property
    def _complete(self) -> bool:
        return self._finished >= self._choices

    def _note(self, deployment: Deployment, chunk: Chunk) -> None:
        self._sent.add(chunk)
        self._finished += sum(1 for choice in chunk.choices if choice.get("finish_reason"))
        if not self.responders or self.responders[-1] is not deployment:
            self.responders.append(deployment)

    async def _attempt(self, attempt: Attempt, recorder: Recorder) -> AsyncGenerator[Chunk, None]:
        """One deployment's part of the stream, joined to what was sent before it."""
        candidate, settings = attempt.candidate, self.execution.settings
        seam = Seam(self._sent, candidate) if self._sent.anything else None
        messages, params = (seam.messages, seam.params) if seam else (candidate.messages, candidate.params)
        if seam:
            recorder.continues(messages, params)
        held: list[Chunk] = []
        filtered = False
        provider, end = self.execution.dependencies.provider, self.execution.end
        native = seam.native if seam else candidate.native
        source = listen(provider, attempt, recorder, messages, params, native=native, settings=settings, end=end)
        async with aclosing(source) as chunks:
            async for chunk in chunks:
                filtered = filtered or self._is_filtered(chunk)
                if filtered:
                    continue  # to its end, where its usage is
                if held or self._is_held(chunk):
                    held.append(chunk)
                    continue
                for joined in seam.feed(chunk) if seam else (chunk,):
                    yield joined
                if seam and seam.stopped:
                    break
        if filtered:
            raise withheld()
        for chunk in held:
            for joined in seam.feed(chunk) if seam else (chunk,):
                yield joined
        await self.execution.succeeded(attempt, recorder.answered())

    def _is_held(self, chunk: Chunk) -> bool:
        return self.execution.settings.hold_structured and (
            is_structured(self.execution.request) or any("tool_calls" in c["delta"] for c in chunk.choices)
        )

    def _is_filtered(self, chunk: Chunk) -> bool:
        """With `content_policy_fallback`, a filtered answer of which nothing was sent goes to the next candidate."""
        filtered = any(choice.get("finish_reason") == "content_filter" for choice in chunk.choices)
        return filtered and self.execution.settings.content_policy_fallback and not self._sent.anything

    async def _failed(self, attempt: Attempt, failure: ProviderFailure, recorder: Recorder, *, of_use: bool) -> None:
        if self.responders and self.responders[-1] is attempt.deployment:
            self.execution.renew_deadline()
        await self.execution.failed(attempt, failure, recorder.failed(failure, of_use=of_use))
        if self._sent.anything and self._sent.obstacle:
            raise self._interrupted(self._sent.obstacle) from failure

    async def _cut_short(self, attempt: Attempt, recorder: Recorder, *, of_use: bool) -> None:
        """Its deployment was answering well: that does not count against it."""
        failure = ProviderFailure(FailureKind.TIMEOUT, OUT_OF_TIME)
        await self.execution.abandoned(attempt, recorder.failed(failure, of_use=of_use))

    def _interrupted(self, why: str) -> StreamInterruptedError:
        story = "; ".join(f"{a.deployment}: {a.reason}" for a in self.execution.attempts)
        message = f"the answer is incomplete and could not be continued ({why}): {story}"
        return StreamInterruptedError(message, ledger=self.execution.ledger)
