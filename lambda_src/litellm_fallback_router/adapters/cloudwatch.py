"""What happened, for CloudWatch: metrics as EMF lines through Powertools Metrics, events through Powertools Logger.

Both go to stdout, which Lambda sends to CloudWatch Logs. EMF lines are written past the logger: no log level of ours
drops them. Never a prompt, an answer or a key.
"""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics

from ..routing.errors import (
    CallerLeftError,
    DeadlineExceededError,
    ProvidersFailedError,
    RateLimitedError,
    RouterError,
    UnavailableError,
)
from ..routing.failures import FailureKind
from ..routing.ledger import AttemptRecord, costs_of, guardrail_facts
from ..routing.observe import METRICS, NAMESPACE, SERVICE
from ..routing.types import ChatRequest, ChatResult
from ..routing.verdicts import GuardRecord, Outcome

NO_FAULT = frozenset({FailureKind.CALLER_LEFT, FailureKind.SERVER_STOPPING, FailureKind.GUARDRAIL, FailureKind.BUG})
"""Ends of an attempt that say nothing about its deployment."""
EXHAUSTED = (ProvidersFailedError, UnavailableError, RateLimitedError, DeadlineExceededError)


class CloudWatchObserver:
    """Implements the `Observer` port, and `StateObserver` for the shared state."""

    def __init__(self, service: str, log_level: str) -> None:
        """`service`: the stage's name, which tells its metrics and logs from those of others."""
        self._service = service
        self._logger = Logger(service=service, level=log_level, utc=True, use_rfc3339=True)
        # What the rest of the package logs comes out the same way, and only once.
        package = logging.getLogger("litellm_fallback_router")
        package.handlers, package.propagate = list(self._logger.handlers), False
        package.setLevel(log_level)
        self._cold = True

    def attempted(self, request: ChatRequest, attempt: AttemptRecord) -> None:
        where = {"provider": attempt.provider, "model": attempt.model}
        values: dict[str, float] = {}
        if attempt.failure is None:
            values |= {"AttemptFailures": 0, "AttemptLatency": attempt.seconds * 1000}
        elif attempt.failure in NO_FAULT:
            values["AttemptFailures"] = 0
        else:
            self._emit({"AttemptFailures": 1}, where | {"kind": attempt.failure.value})
            self._logger.warning("attempt_failed", extra=_asked(request) | attempt.to_json())
        if attempt.first_token_seconds is not None:
            values["TimeToFirstToken"] = attempt.first_token_seconds * 1000
        if attempt.usage is not None:
            values |= {"InputTokens": attempt.usage.prompt_tokens, "OutputTokens": attempt.usage.completion_tokens}
        if attempt.cost_usd is not None:
            values |= {"CostUsd": attempt.cost_usd, "WastedCostUsd": attempt.cost_usd if attempt.wasted else 0}
        self._emit(values, where)

    def finished(self, request: ChatRequest, outcome: ChatResult | RouterError) -> None:
        attempts = outcome.ledger.attempts
        values: dict[str, float] = {
            "Requests": 1,
            "ChainsExhausted": isinstance(outcome, EXHAUSTED),
            "DeadlinesMissed": isinstance(outcome, DeadlineExceededError),
            "ResumedStreams": any(attempt.resumed for attempt in attempts),
            "ColdStarts": self._cold,
        }
        self._cold = False
        if not isinstance(outcome, CallerLeftError):
            values["Latency"] = outcome.ledger.seconds * 1000
        if (record := outcome.ledger.guardrail) is not None:
            self._guarded(record)
        if isinstance(outcome, ChatResult):
            depth = max(0, len({attempt.deployment for attempt in attempts}) - 1)
            self._emit(values | {"RequestErrors": 0, "Fallbacks": outcome.fallback, "FallbackDepth": depth})
            self._logger.info("request_answered", extra=_asked(request) | _answered(outcome))
            return
        failed = (outcome.status >= 500 or outcome.status == 429) and not isinstance(outcome, CallerLeftError)
        if failed:
            self._emit({"RequestErrors": 1}, {"code": str(outcome.code)})
        self._emit(values | ({} if failed else {"RequestErrors": 0}))
        write = self._logger.error if outcome.status >= 500 else self._logger.info
        write("request_failed", extra=_asked(request) | _failed(outcome))

    def circuit_moved(self, deployment: str, state: str) -> None:
        self._emit({"CircuitTransitions": 1}, {"deployment": deployment, "state": state})
        self._logger.warning("circuit_moved", extra={"deployment": deployment, "state": state})

    def state_unavailable(self, what: str, why: str) -> None:
        self._emit({"StateUnavailable": 1})
        self._logger.warning("state_unavailable", extra={"what": what, "why": why})

    def _guarded(self, record: GuardRecord) -> None:
        blocked = [s for s, said in (("input", record.input), ("output", record.output)) if said is Outcome.BLOCKED]
        for source in blocked:
            self._emit({"GuardrailBlocks": 1}, {"source": source})
        for policy, units in record.units.items():
            self._emit({"GuardrailUnits": units}, {"policy": policy})
        self._emit(
            {
                **({} if blocked else {"GuardrailBlocks": 0}),
                "GuardrailMasks": Outcome.MASKED in (record.input, record.output),
                "GuardrailLatency": record.seconds * 1000,
                "GuardrailUnreachable": bool(record.unreachable),
            }
        )

    def _emit(self, values: dict[str, float], dimensions: dict[str, str] | None = None) -> None:
        """Each metric under those of its declared dimension sets that `dimensions` can fill: a line for each set."""
        given = dimensions or {}
        lines: dict[tuple[str, ...], list[str]] = {}
        for name in values:
            for names in METRICS[name].sets:
                if given.keys() >= set(names):
                    lines.setdefault(names, []).append(name)
        for names, metrics in lines.items():
            # An instance for each line: what Powertools' usual class collects is shared by the whole process.
            line = EphemeralMetrics(namespace=NAMESPACE, service=self._service)
            line.add_dimension(SERVICE, self._service)
            for name in names:
                line.add_dimension(name, given[name])
            for name in metrics:
                line.add_metric(name, METRICS[name].unit, float(values[name]))
            sys.stdout.write(json.dumps(line.serialize_metric_set(), separators=(",", ":")) + "\n")
        sys.stdout.flush()


def _asked(request: ChatRequest) -> dict[str, Any]:
    """The ids, the model and the prompt of a request, for the log."""
    return {
        "request_id": request.request_id,
        "requested_model": request.model[:100],
        "traceparent": request.traceparent,
        **request.caller_facts,
        **request.prompt_facts,
    }


def _answered(result: ChatResult) -> dict[str, Any]:
    ledger = result.ledger
    return {
        "deployment": result.deployment.id,
        "provider": result.deployment.provider,
        "model": result.model,
        "region": result.deployment.region,
        "fallback": result.fallback,
        "attempts": len(ledger.attempts),
        "seconds": round(ledger.seconds, 3),
        **costs_of(ledger),
        **guardrail_facts(ledger),
    }


def _failed(error: RouterError) -> dict[str, Any]:
    return {
        "status": error.status,
        "code": error.code,
        "attempts": len(error.ledger.attempts),
        "dropped": [f"{drop.deployment}: {drop.code}" for drop in error.ledger.dropped],
        "seconds": round(error.ledger.seconds, 3),
        **costs_of(error.ledger),
        **guardrail_facts(error.ledger),
    }
