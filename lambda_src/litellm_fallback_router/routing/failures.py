"""How an attempt can fail, and THE table: what each failure means for the chain.

The table is the whole policy. The execution reads it; nothing else decides what falls back. An exception that
is no `ProviderFailure` is a bug and propagates.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .ledger import Usage


class FailureKind(StrEnum):
    """What went wrong with one attempt."""

    RATE_LIMITED = "rate_limited"
    """429, with or without Retry-After."""
    QUOTA_EXHAUSTED = "quota_exhausted"
    """Money or quota is gone (429 `insufficient_quota`, Anthropic's 400 "credit balance is too low")."""
    UNAVAILABLE = "unavailable"
    """408, 409, 424, 5xx, 529."""
    CONNECTION = "connection"
    """Connection reset or refused, DNS, TLS."""
    TIMEOUT = "timeout"
    """No first token, or no whole answer, in time."""
    AUTHENTICATION = "authentication"
    """401, or an expired or invalid token."""
    PERMISSION = "permission"
    """403 otherwise: a model or Region that is denied."""
    NOT_FOUND = "not_found"
    """404: the model does not exist there."""
    TOO_LARGE = "too_large"
    """413, or the context window is exceeded."""
    REJECTED = "rejected"
    """Any other 400 or 422, and a 404 of something that the request refers to, such as a stored item."""
    CONTENT_POLICY = "content_policy"
    """The provider's content filter, or a guardrail of its own, refused."""
    REDIRECTED = "redirected"
    """3xx: the provider points to another address. Requests, keys and prompts are not sent on."""
    INVALID_RESPONSE = "invalid_response"
    """A 200 that is no answer: HTML, an error object, no choices, a body that breaks off."""
    STREAM_BROKEN = "stream_broken"
    """A stream that was cut, stalled, malformed, carried an error or ended without a finish reason."""
    CALLER_LEFT = "caller_left"
    """The caller hung up; the work upstream was stopped."""
    SERVER_STOPPING = "server_stopping"
    """The gateway was told to stop; so was the work upstream."""
    GUARDRAIL = "guardrail"
    """The guardrail stopped the request, and so the work upstream."""
    HEDGED = "hedged"
    """Another attempt, beside this one, was faster (`settings.hedge`); the work upstream was stopped."""
    BUG = "bug"
    """A bug of the gateway's own ended the attempt."""


class NextStep(StrEnum):
    """Where the chain goes once a deployment is given up."""

    NEXT = "next"
    SKIP_CREDENTIAL = "skip_credential"
    """Next, passing over every deployment on the same credential."""
    LARGER_WINDOW = "larger_window"
    """Next candidate with a larger context window."""
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the table."""

    retry: bool
    """True: backoff and try the same deployment again, within the bounds."""
    next_step: NextStep
    counts_for_circuit: bool
    """True: counts against the deployment's circuit."""


FAILURE_POLICY: dict[FailureKind, Rule] = {
    FailureKind.RATE_LIMITED: Rule(retry=True, next_step=NextStep.NEXT, counts_for_circuit=True),
    FailureKind.QUOTA_EXHAUSTED: Rule(retry=False, next_step=NextStep.SKIP_CREDENTIAL, counts_for_circuit=False),
    FailureKind.UNAVAILABLE: Rule(retry=True, next_step=NextStep.NEXT, counts_for_circuit=True),
    FailureKind.CONNECTION: Rule(retry=True, next_step=NextStep.NEXT, counts_for_circuit=True),
    FailureKind.TIMEOUT: Rule(retry=False, next_step=NextStep.NEXT, counts_for_circuit=True),
    FailureKind.AUTHENTICATION: Rule(retry=False, next_step=NextStep.SKIP_CREDENTIAL, counts_for_circuit=False),
    FailureKind.PERMISSION: Rule(retry=False, next_step=NextStep.NEXT, counts_for_circuit=True),
    FailureKind.NOT_FOUND: Rule(retry=False, next_step=NextStep.NEXT, counts_for_circuit=True),
    FailureKind.TOO_LARGE: Rule(retry=False, next_step=NextStep.LARGER_WINDOW, counts_for_circuit=False),
    FailureKind.REJECTED: Rule(retry=False, next_step=NextStep.NEXT, counts_for_circuit=False),
    FailureKind.CONTENT_POLICY: Rule(retry=False, next_step=NextStep.STOP, counts_for_circuit=False),
    FailureKind.REDIRECTED: Rule(retry=False, next_step=NextStep.NEXT, counts_for_circuit=True),
    FailureKind.INVALID_RESPONSE: Rule(retry=True, next_step=NextStep.NEXT, counts_for_circuit=True),
    FailureKind.STREAM_BROKEN: Rule(retry=False, next_step=NextStep.NEXT, counts_for_circuit=True),
    FailureKind.CALLER_LEFT: Rule(retry=False, next_step=NextStep.STOP, counts_for_circuit=False),
    FailureKind.SERVER_STOPPING: Rule(retry=False, next_step=NextStep.STOP, counts_for_circuit=False),
    FailureKind.GUARDRAIL: Rule(retry=False, next_step=NextStep.STOP, counts_for_circuit=False),
    FailureKind.HEDGED: Rule(retry=False, next_step=NextStep.NEXT, counts_for_circuit=False),
    FailureKind.BUG: Rule(retry=False, next_step=NextStep.STOP, counts_for_circuit=False),
}


UNFIT = Rule(retry=False, next_step=NextStep.NEXT, counts_for_circuit=False)
"""For an answer that is not what its request asks for: another model may do better, and as with a rejection no request
takes a model away from the others."""

QUOTA_OF_MODEL = Rule(retry=False, next_step=NextStep.NEXT, counts_for_circuit=True)
"""For a quota of one model (Bedrock's tokens per day): the credential's other models have theirs left."""


class ProviderFailure(Exception):
    """One attempt failed. Raised by a Provider, read by the execution, never seen by a caller.

    `reason` is fit for a caller's eyes; `detail` is the operator's (the provider's own words, which may
    quote the prompt): it is neither logged nor sent unless the failure is the caller's own rejected request.
    """

    def __init__(
        self,
        kind: FailureKind,
        reason: str,
        *,
        status: int | None = None,
        retry_after: float | None = None,
        detail: str = "",
        param: str | None = None,
        caller_timeout: bool = False,
        unfit: bool = False,
        of_model: bool = False,
    ) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason
        self.status = status
        self.retry_after = retry_after
        """Seconds the provider asked us to wait; None where it did not say."""
        self.detail = detail
        self.param = param
        """The request field the provider objected to, where it named one."""
        self.caller_timeout = caller_timeout
        """A timeout that was the request's own haste, not the deployment's limit: it proves nothing against it."""
        self.unfit = unfit
        """An answer well formed, but not what the request asks for."""
        self.of_model = of_model
        """A quota of the model's own, not its credential's."""
        self.billed: tuple[Usage, float | None] | None = None
        """Tokens, and USD where they are known, of an attempt of several requests some of which were answered."""

    def forget_frames(self) -> None:
        """Drop the tracebacks of this exception and of its causes: their frames hold the request and the execution,
        which holds this exception. Such cycles wait for a full collection, which stops everything for longer the more
        there are."""
        seen: set[int] = set()
        left: list[BaseException | None] = [self]
        while left:
            one = left.pop()
            if one is not None and id(one) not in seen:
                seen.add(id(one))
                one.__traceback__ = None
                left += one.__cause__, one.__context__

    @property
    def rule(self) -> Rule:
        """What it means for the chain."""
        rule = UNFIT if self.unfit else QUOTA_OF_MODEL if self.of_model else FAILURE_POLICY[self.kind]
        return replace(rule, counts_for_circuit=False) if self.caller_timeout else rule


def no_answer() -> ProviderFailure:
    """For a 200 without an answer in it."""
    return ProviderFailure(FailureKind.INVALID_RESPONSE, "200 without an answer", status=200)


def withheld() -> ProviderFailure:
    """For an answer of a provider that filtered it."""
    return ProviderFailure(FailureKind.CONTENT_POLICY, "its content filter withheld the answer", status=200)


def unfit(reason: str) -> ProviderFailure:
    """For an answer that is not what its request asks for."""
    return ProviderFailure(FailureKind.INVALID_RESPONSE, reason, status=200, unfit=True)
