"""One attempt, timed and recorded: asks the provider once and turns what happened into a line of the ledger."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from ..adaptation import Chunks, processed
from ..deadline import Deadline, OutOfTimeError, in_words
from ..failures import FailureKind, ProviderFailure, no_answer, withheld
from ..finish_reasons import incomplete
from ..ledger import AttemptRecord, Usage
from ..mapping import RouterSettings
from ..plan import estimate_tokens
from ..ports import Provider
from ..request import characters_of, prompt_characters
from ..types import Chunk, Deployment, Message, NativeRequest, ProviderAnswer
from .chain import Attempt, ChainExecution

NO_TOKENS_SPENT = frozenset(
    {
        FailureKind.RATE_LIMITED,
        FailureKind.QUOTA_EXHAUSTED,
        FailureKind.AUTHENTICATION,
        FailureKind.PERMISSION,
        FailureKind.NOT_FOUND,
        FailureKind.TOO_LARGE,
        FailureKind.REJECTED,
        FailureKind.CONTENT_POLICY,
        FailureKind.REDIRECTED,
        FailureKind.UNAVAILABLE,
        FailureKind.CONNECTION,
    }
)
"""Failures in place of work on the prompt, as long as nothing of an answer came: they are not billed."""


async def ask(provider: Provider, attempt: Attempt, recorder: Recorder, *, settings: RouterSettings) -> ProviderAnswer:
    """A whole answer inside the attempt's budget. Raises ProviderFailure."""
    deployment, candidate = attempt.deployment, attempt.candidate
    own_limit = deployment.answer_timeout or settings.answer_timeout
    limit = min(attempt.budget, own_limit)
    try:
        async with asyncio.timeout(limit):
            await _take_turns()
            answer = await provider.complete(deployment, candidate.messages, candidate.params, candidate.native)
    except TimeoutError as error:
        reason = f"no answer within {in_words(limit)}"
        raise ProviderFailure(FailureKind.TIMEOUT, reason, caller_timeout=limit < own_limit) from error
    recorder.heard(answer)
    if not answer.choices:
        raise no_answer()
    if answer.broken is not None:
        raise incomplete(answer.broken)
    if settings.content_policy_fallback and all(
        choice.get("finish_reason") == "content_filter" for choice in answer.choices
    ):
        raise withheld()
    return processed(answer, candidate.postprocessors)


async def _take_turns() -> None:
    """To plan for the largest request that is taken, and to make a provider's request of it, take 20 ms or 30 each, on
    the event loop: other requests get their turn in between."""
    await asyncio.sleep(0)


async def listen(
    provider: Provider,
    attempt: Attempt,
    recorder: Recorder,
    messages: list[Message],
    params: Mapping[str, Any],
    *,
    native: NativeRequest | None,
    settings: RouterSettings,
    end: Deadline,
) -> AsyncGenerator[Chunk, None]:
    """A stream whose first token comes inside the attempt's budget and which never stalls for long.

    Every chunk with a token goes into the record, and then through the candidate's postprocessors to the caller.
    Raises ProviderFailure, and OutOfTimeError where `end` comes while it flows.
    """
    deployment = attempt.deployment
    own_limit = _first_token_limit(deployment, params, settings)
    stall_limit = deployment.stall_timeout or settings.stall_timeout
    if native is not None and native.only:
        # Whatever the provider does for itself meanwhile, it does in silence.
        own_limit = max(own_limit, settings.reasoning_first_token_timeout)
        stall_limit = max(stall_limit, settings.reasoning_first_token_timeout)
    first_limit = min(attempt.budget, own_limit)
    begun = False
    after = Chunks(attempt.candidate.postprocessors)
    await _take_turns()
    async with aclosing(provider.stream(deployment, messages, params, native)) as chunks:
        while True:
            ending = begun and end.left < stall_limit
            limit = min(stall_limit, end.left) if begun else max(0.0, first_limit - _since(attempt))
            try:
                async with asyncio.timeout(limit):
                    chunk = await anext(chunks, None)
            except TimeoutError as error:
                if ending:
                    raise OutOfTimeError from error
                if begun:
                    reason = f"the stream stalled for {in_words(stall_limit)}"
                    raise ProviderFailure(FailureKind.STREAM_BROKEN, reason) from error
                reason = f"no first token within {in_words(first_limit)}"
                raise ProviderFailure(FailureKind.TIMEOUT, reason, caller_timeout=first_limit < own_limit) from error
            if chunk is None:
                return
            if chunk.usage is None and not _has_token(chunk):
                continue
            begun = begun or chunk.usage is None
            recorder.heard_chunk(chunk)
            if (chunk := after.processed(chunk)).choices:
                yield chunk


def _since(attempt: Attempt) -> float:
    return asyncio.get_running_loop().time() - attempt.began


def _first_token_limit(deployment: Deployment, params: Mapping[str, Any], settings: RouterSettings) -> float:
    if deployment.first_token_timeout is not None:
        return deployment.first_token_timeout
    thinking = params.get("thinking") or {}
    effort = params.get("reasoning_effort")
    if thinking.get("type") not in (None, "disabled") or effort not in (None, "none", "minimal"):
        return max(settings.first_token_timeout, settings.reasoning_first_token_timeout)
    return settings.first_token_timeout


def _has_token(chunk: Chunk) -> bool:
    return any(
        choice.get("finish_reason") or any(v for k, v in choice["delta"].items() if k != "role")
        for choice in chunk.choices
    )


class Recorder:
    """Writes the attempt's line of the ledger."""

    def __init__(self, execution: ChainExecution, attempt: Attempt, *, resumed: bool = False) -> None:
        self._execution = execution
        self._attempt = attempt
        self._resumed = resumed
        self._messages, self._params = attempt.candidate.messages, attempt.candidate.params
        self._reported = Usage(estimated=True)
        self._reported_usd: float | None = None
        self.first_token: float | None = None
        """Seconds from sending to the first token."""
        self.characters = 0
        """Characters of text received, for the estimate where the provider never says."""

    def continues(self, messages: list[Message], params: Mapping[str, Any]) -> None:
        """It is sent these: the conversation with what others said of the answer."""
        self._messages, self._params = messages, params

    def token(self, characters: int) -> None:
        if self.first_token is None:
            self.first_token = _since(self._attempt)
        self.characters += characters

    def heard(self, answer: ProviderAnswer) -> None:
        """A whole answer."""
        self.reported(answer.usage, answer.cost_usd)
        self.characters = characters_of(choice["message"] for choice in answer.choices)

    def heard_chunk(self, chunk: Chunk) -> None:
        """A piece of a stream."""
        if chunk.usage is not None:
            self.reported(chunk.usage, chunk.cost_usd)
        if chunk.choices:
            self.token(characters_of(choice["delta"] for choice in chunk.choices))

    def reported(self, usage: Usage, cost_usd: float | None) -> None:
        """What the provider says it spent, or, estimated, what it says so far."""
        self._reported, self._reported_usd = usage, cost_usd

    def answered(self) -> AttemptRecord:
        """It answered. Usage the provider did not report is estimated."""
        usage, cost = self._spent()
        return self._record(None, None, "", usage, cost, wasted=False)

    def failed(self, failure: ProviderFailure, *, of_use: bool = False) -> AttemptRecord:
        """It failed. `of_use`: the caller got text from it all the same."""
        usage, cost = (None, None) if self._free(failure) else self._spent()
        return self._record(failure.kind, failure.status, failure.reason, usage, cost, wasted=not of_use)

    def abandoned(self) -> AttemptRecord:
        """The caller left, or the guardrail or the end of the process stopped it."""
        usage, cost = self._spent()
        if (stop := self._execution.stopped) is not None:
            return self._record(FailureKind.GUARDRAIL, None, stop.reason, usage, cost, wasted=not stop.of_use)
        if self._execution.dependencies.shutdown.ending:
            reason = "stopped: the gateway was told to stop"
            return self._record(FailureKind.SERVER_STOPPING, None, reason, usage, cost, wasted=True)
        reason = "the caller left before the answer was complete"
        return self._record(FailureKind.CALLER_LEFT, None, reason, usage, cost, wasted=True)

    def _free(self, failure: ProviderFailure) -> bool:
        worked = self.characters > 0 or self._reported.total_tokens > 0 or failure.status == 200
        return failure.kind in NO_TOKENS_SPENT and not worked

    def _spent(self) -> tuple[Usage, float | None]:
        """As reported; what was not reported is estimated."""
        said = self._reported
        if not said.estimated:
            return said, self._reported_usd
        prompt = said.prompt_tokens or estimate_tokens(prompt_characters(self._messages, self._params))
        written = max(said.completion_tokens, estimate_tokens(self.characters))
        usage = replace(said, prompt_tokens=prompt, completion_tokens=written)
        return usage, self._execution.estimated_cost(self._attempt.deployment, usage)

    def _record(
        self,
        failure: FailureKind | None,
        status: int | None,
        reason: str,
        usage: Usage | None,
        cost_usd: float | None,
        *,
        wasted: bool,
    ) -> AttemptRecord:
        deployment = self._attempt.deployment
        seconds = _since(self._attempt)
        return AttemptRecord(
            deployment=deployment.id,
            provider=deployment.provider,
            model=deployment.model,
            region=deployment.region,
            number=self._attempt.number,
            started=self._execution.elapsed - seconds,
            seconds=seconds,
            first_token_seconds=self.first_token,
            failure=failure,
            status=status,
            reason=reason,
            usage=usage,
            cost_usd=cost_usd,
            wasted=wasted and usage is not None,
            adjusted=self._attempt.candidate.adjusted,
            resumed=self._resumed,
        )
