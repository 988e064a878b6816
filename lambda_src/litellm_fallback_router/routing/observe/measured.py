"""What a request and its attempts measure: values of the metrics, with the dimensions that are known of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..errors import (
    CallerLeftError,
    DeadlineExceededError,
    ProvidersFailedError,
    RateLimitedError,
    RouterError,
    UnavailableError,
)
from ..failures import FailureKind
from ..ledger import AttemptRecord
from ..types import ChatResult
from ..verdicts import GuardRecord, Outcome

NO_FAULT = frozenset(
    {
        FailureKind.CALLER_LEFT,
        FailureKind.SERVER_STOPPING,
        FailureKind.GUARDRAIL,
        FailureKind.HEDGED,
        FailureKind.BUG,
    }
)
"""Ends of an attempt that say nothing about its deployment."""
EXHAUSTED = (ProvidersFailedError, UnavailableError, RateLimitedError, DeadlineExceededError)


@dataclass(frozen=True, slots=True)
class Measured:
    """Values by metric, for one set of dimensions."""

    values: dict[str, float]
    dimensions: dict[str, str] = field(default_factory=dict)


def is_fault(attempt: AttemptRecord) -> bool:
    """True where the attempt failed, and for a reason that lies with its deployment."""
    return attempt.failure is not None and attempt.failure not in NO_FAULT


def measured_attempt(attempt: AttemptRecord) -> list[Measured]:
    """What an attempt measures, once it has ended."""
    where = {"provider": attempt.provider, "model": attempt.model}
    measured: list[Measured] = []
    values: dict[str, float] = {}
    if attempt.failure is None:
        values |= {"AttemptFailures": 0, "AttemptLatency": attempt.seconds * 1000}
    elif is_fault(attempt):
        measured.append(Measured({"AttemptFailures": 1}, where | {"kind": attempt.failure.value}))
    else:
        values["AttemptFailures"] = 0
    if attempt.first_token_seconds is not None:
        values["TimeToFirstToken"] = attempt.first_token_seconds * 1000
    if attempt.usage is not None:
        values |= {"InputTokens": attempt.usage.prompt_tokens, "OutputTokens": attempt.usage.completion_tokens}
    if attempt.cost_usd is not None:
        values |= {"CostUsd": attempt.cost_usd, "WastedCostUsd": attempt.cost_usd if attempt.wasted else 0}
    return [*measured, Measured(values, where)]


def measured_request(outcome: ChatResult | RouterError, *, cold: bool) -> list[Measured]:
    """What a request measures, once it has ended. `cold`: it was the first of its process."""
    attempts = outcome.ledger.attempts
    values: dict[str, float] = {
        "Requests": 1,
        "ChainsExhausted": isinstance(outcome, EXHAUSTED),
        "DeadlinesMissed": isinstance(outcome, DeadlineExceededError),
        "ResumedStreams": any(attempt.resumed for attempt in attempts),
        "ColdStarts": cold,
    }
    if not isinstance(outcome, CallerLeftError):
        values["Latency"] = outcome.ledger.seconds * 1000
    if (cache := outcome.ledger.cache) is not None:
        values |= {"CacheHits": cache.outcome == "hit", "CacheStores": cache.stored}
    record = outcome.ledger.guardrail
    measured = [] if record is None else _measured_guardrail(record)
    if isinstance(outcome, ChatResult):
        depth = max(0, len({one.deployment for one in attempts if one.failure is not FailureKind.HEDGED}) - 1)
        return [
            *measured,
            Measured(values | {"RequestErrors": 0, "Fallbacks": outcome.fallback, "FallbackDepth": depth}),
        ]
    failed = (outcome.status >= 500 or outcome.status == 429) and not isinstance(outcome, CallerLeftError)
    if failed:
        return [*measured, Measured({"RequestErrors": 1}, {"code": str(outcome.code)}), Measured(values)]
    return [*measured, Measured(values | {"RequestErrors": 0})]


def _measured_guardrail(record: GuardRecord) -> list[Measured]:
    blocked = [s for s, said in (("input", record.input), ("output", record.output)) if said is Outcome.BLOCKED]
    measured = [Measured({"GuardrailBlocks": 1}, {"source": source}) for source in blocked]
    measured += [Measured({"GuardrailUnits": units}, {"policy": policy}) for policy, units in record.units.items()]
    values: dict[str, float] = {
        **({} if blocked else {"GuardrailBlocks": 0}),
        "GuardrailMasks": Outcome.MASKED in (record.input, record.output),
        "GuardrailLatency": record.seconds * 1000,
        "GuardrailUnreachable": bool(record.unreachable),
    }
    return [*measured, Measured(values)]
