"""Which error an exhausted chain ends in."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...providers import Feature
from ..deadline import in_words
from ..errors import (
    BudgetExceededError,
    ContentPolicyError,
    ContextWindowExceededError,
    DeadlineExceededError,
    InvalidRequestError,
    ProvidersFailedError,
    RateLimitedError,
    RouterError,
    UnavailableError,
)
from ..failures import FailureKind, ProviderFailure
from ..ledger import AttemptRecord, Dropped, Ledger

INCAPABLE = frozenset(
    {feature.code for feature in Feature}
    | {"tools", "images", "content", "context", "schema", "native", "narrowed", "budget_tools"}
)
"""Drops that lie in the request itself: the caller can mend them."""
SHORT = frozenset({"rpm", "busy"})
"""Drops of deployments that take no more at present."""
UNUSABLE = frozenset({"no_key", "no_price"})
"""Drops that lie in the mapping or its keys: the operator can mend them, and no waiting does."""
OUT_OF_RATE = frozenset({FailureKind.RATE_LIMITED, FailureKind.QUOTA_EXHAUSTED})


def exhausted_error(
    failures: Sequence[ProviderFailure], ledger: Ledger, *, expired: bool, param: Callable[[str], str] = str
) -> RouterError:
    """The error when no candidate is left, or no time for the ones that are.

    `param` gives the caller's own name of a field, for an error that names it.
    """
    if not failures:
        return _nothing_asked(ledger, param, expired=expired)
    kinds = {failure.kind for failure in failures}
    summary, whose = _summary(ledger), _whose(ledger)
    if FailureKind.CONTENT_POLICY in kinds and failures[-1].kind is FailureKind.CONTENT_POLICY:
        return ContentPolicyError(f"a content filter refused: {summary}", ledger=ledger, detail=failures[-1].detail)
    if kinds == {FailureKind.TOO_LARGE}:
        message = f"the request is larger than the window of {whose}: {summary}"
        return ContextWindowExceededError(message, param=param("messages"), ledger=ledger)
    if kinds <= {FailureKind.REJECTED, FailureKind.TOO_LARGE}:
        first = next(f for f in failures if f.kind is FailureKind.REJECTED)
        message = f"{whose} rejected the request: {summary}"
        return InvalidRequestError(message, param=first.param, ledger=ledger, detail=first.detail)
    return _outage(failures, ledger, summary, expired=expired)


def _outage(failures: Sequence[ProviderFailure], ledger: Ledger, summary: str, *, expired: bool) -> RouterError:
    kinds, whose = {failure.kind for failure in failures}, _whose(ledger)
    retry_after = _retry_after(failures, ledger.dropped)
    if expired or kinds == {FailureKind.TIMEOUT}:
        message = f"no answer within {in_words(ledger.seconds)}: {summary}"
        return DeadlineExceededError(message, ledger=ledger, retry_after=retry_after)
    if kinds <= OUT_OF_RATE:
        message = f"{whose} had no rate left: {summary}"
        return RateLimitedError(message, ledger=ledger, retry_after=retry_after)
    message = f"{whose} failed: {summary}"
    return ProvidersFailedError(message, ledger=ledger, retry_after=retry_after)


def _nothing_asked(ledger: Ledger, param: Callable[[str], str], *, expired: bool) -> RouterError:
    summary = "; ".join(f"{drop.deployment}: {drop.reason}" for drop in ledger.dropped)
    codes = {drop.code for drop in ledger.dropped}
    retry_after = _retry_after((), ledger.dropped)
    if expired:
        return DeadlineExceededError("the request's time ran out before any candidate was asked", ledger=ledger)
    if codes == {"context"}:
        message = f"the request is larger than the window of every candidate: {summary}"
        return ContextWindowExceededError(message, param=param("messages"), ledger=ledger)
    if codes <= INCAPABLE:
        named = next((param(drop.param) for drop in ledger.dropped if drop.param), None)
        return InvalidRequestError(f"no candidate can do what the request needs: {summary}", param=named, ledger=ledger)
    if "budget" in codes and codes <= INCAPABLE | UNUSABLE | {"budget", "drained"}:
        return BudgetExceededError(f"no candidate can be paid for: {summary}", ledger=ledger, retry_after=retry_after)
    if codes & SHORT and codes <= INCAPABLE | SHORT | UNUSABLE:
        message = f"no deployment that could be asked has any of its rate left: {summary}"
        return RateLimitedError(message, ledger=ledger, retry_after=retry_after)
    return UnavailableError(f"no candidate can be asked: {summary}", ledger=ledger, retry_after=retry_after)


def _summary(ledger: Ledger) -> str:
    """The failed attempts with their reasons, then the dropped deployments, in one line."""
    attempts = [_line(attempt) for attempt in ledger.attempts]
    asked = {attempt.deployment for attempt in ledger.attempts}
    drops = [
        f"{drop.deployment} not asked {'again ' if drop.deployment in asked else ''}({drop.reason})"
        for drop in ledger.dropped
    ]
    return "; ".join(attempts + drops)


def _whose(ledger: Ledger) -> str:
    """The subject of an error: only deployments that were sent the request failed."""
    asked = {attempt.deployment for attempt in ledger.attempts}
    if all(drop.deployment in asked for drop in ledger.dropped):
        return "every candidate"
    return "the only deployment that was asked" if len(asked) == 1 else f"all {len(asked)} deployments that were asked"


def _line(attempt: AttemptRecord) -> str:
    return f"{attempt.deployment}: {attempt.reason or 'no finish reason'} after {in_words(attempt.seconds)}"


def _retry_after(failures: Sequence[ProviderFailure], dropped: Sequence[Dropped]) -> float | None:
    known = [f.retry_after for f in failures if f.retry_after is not None]
    known += [d.retry_after for d in dropped if d.retry_after is not None]
    return min(known) if known else None
