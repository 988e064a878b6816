"""What one attempt received and how it ended, as a record of the ledger."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..failures import FailureKind, ProviderFailure
from ..ledger import AttemptRecord, Usage
from ..plan import estimate_tokens
from ..prices import usd_of
from ..request import characters_of, prompt_characters
from ..types import Chunk, Message, ProviderAnswer
from .attempt import Attempt
from .schedule import AttemptSchedule

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
"""Failures that a provider does not bill, as long as it has sent no part of an answer."""


def seconds_since(attempt: Attempt) -> float:
    """Seconds since the attempt began."""
    return asyncio.get_running_loop().time() - attempt.began


class Recorder:
    """Collects what an attempt receives and makes its AttemptRecord."""

    def __init__(self, execution: AttemptSchedule, attempt: Attempt, *, resumed: bool = False) -> None:
        self._execution = execution
        self._attempt = attempt
        self._resumed = resumed
        self._messages, self._params = attempt.candidate.messages, attempt.candidate.params
        self._adjusted = attempt.candidate.adjusted
        self._reported = Usage(estimated=True)
        self._reported_usd: float | None = None
        self.first_token: float | None = None
        """Seconds from sending to the first token."""
        self.characters = 0
        """Characters of text received, for the estimate where the provider never says."""

    def continues(self, messages: list[Message], params: Mapping[str, Any], adjusted: tuple[str, ...]) -> None:
        """Note the messages of a resumed stream, which include what was delivered, and what was left out of it."""
        self._messages, self._params = messages, params
        self._adjusted += adjusted

    def token(self, characters: int) -> None:
        if self.first_token is None:
            self.first_token = seconds_since(self._attempt)
        self.characters += characters

    def record_answer(self, answer: ProviderAnswer) -> None:
        """Note a whole answer."""
        self.reported(answer.usage, answer.cost_usd)
        self.characters = characters_of(choice["message"] for choice in answer.choices)

    def record_chunk(self, chunk: Chunk) -> None:
        """Note a chunk."""
        if chunk.usage is not None:
            self.reported(chunk.usage, chunk.cost_usd)
        if chunk.choices:
            self.token(characters_of([choice["delta"] for choice in chunk.choices]))

    def reported(self, usage: Usage, cost_usd: float | None) -> None:
        """Note the usage that the provider reports, finally or (estimated) so far."""
        self._reported, self._reported_usd = usage, cost_usd

    def answered(self) -> AttemptRecord:
        """The record of an attempt that answered. Usage that was not reported is estimated."""
        usage, cost = self._spent()
        return self._record(None, None, "", usage, cost, wasted=False)

    def failed(self, failure: ProviderFailure, *, of_use: bool = False) -> AttemptRecord:
        """The record of a failed attempt. `of_use`: a part of its text was delivered."""
        if failure.billed is not None and failure.kind in NO_TOKENS_SPENT:
            self.reported(*failure.billed)
        usage, cost = (None, None) if self._free(failure) else self._spent()
        record = self._record(failure.kind, failure.status, failure.reason, usage, cost, wasted=not of_use)
        return record if failure.retry_after is None else replace(record, retry_after=failure.retry_after)

    def beaten(self, why: str) -> AttemptRecord:
        """The record of an attempt that was cancelled because another one beside it ended the race."""
        usage, cost = self._spent()
        return self._record(FailureKind.HEDGED, None, why, usage, cost, wasted=True)

    def abandoned(self) -> AttemptRecord:
        """The record of an attempt that was cancelled: by its caller, by a Stop, or by the end of the process."""
        usage, cost = self._spent()
        if (stop := self._execution.stopped) is not None:
            return self._record(stop.kind, None, stop.reason, usage, cost, wasted=not stop.of_use)
        if self._execution.dependencies.shutdown.ending:
            reason = "stopped: the gateway was told to stop"
            return self._record(FailureKind.SERVER_STOPPING, None, reason, usage, cost, wasted=True)
        reason = "the caller left before the answer was complete"
        return self._record(FailureKind.CALLER_LEFT, None, reason, usage, cost, wasted=True)

    def _free(self, failure: ProviderFailure) -> bool:
        worked = self.characters > 0 or self._reported.total_tokens > 0 or failure.status == 200
        return failure.kind in NO_TOKENS_SPENT and not worked

    def _spent(self) -> tuple[Usage, float | None]:
        """Usage and cost as reported, else estimated."""
        said = self._reported
        if not said.estimated:
            return said, self._reported_usd
        prompt = said.prompt_tokens or estimate_tokens(prompt_characters(self._messages, self._params))
        written = max(said.completion_tokens, estimate_tokens(self.characters))
        usage = replace(said, prompt_tokens=prompt, completion_tokens=written)
        return usage, usd_of(self._attempt.deployment.info, usage)

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
        seconds = seconds_since(self._attempt)
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
            adjusted=self._adjusted,
            resumed=self._resumed,
        )
