"""What happened, for CloudWatch: metrics as EMF lines through Powertools Metrics, events through Powertools Logger.

Both go to stdout, which Lambda sends to CloudWatch Logs. EMF lines are written past the logger: no log level of ours
drops them. Never a prompt, an answer or a key.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Sequence
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics

from ..routing.errors import RouterError
from ..routing.ledger import AttemptRecord, cache_facts, costs_of, guardrail_facts
from ..routing.observe import (
    METRICS,
    NAMESPACE,
    SERVICE,
    Measured,
    history_of,
    is_fault,
    measured_attempt,
    measured_request,
)
from ..routing.types import ChatRequest, ChatResult


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
        if is_fault(attempt):
            self._logger.warning("attempt_failed", extra=_asked(request) | attempt.to_json())
        emit(self._service, measured_attempt(attempt))

    def finished(self, request: ChatRequest, outcome: ChatResult | RouterError) -> None:
        emit(self._service, measured_request(outcome, cold=self._cold))
        self._cold = False
        if isinstance(outcome, ChatResult):
            self._logger.info(
                "request_answered", extra=_asked(request) | _answered(outcome) | history_of(request, outcome.ledger)
            )
            return
        write = self._logger.error if outcome.status >= 500 else self._logger.info
        write("request_failed", extra=_asked(request) | _failed(outcome) | history_of(request, outcome.ledger))

    def circuit_moved(self, deployment: str, state: str) -> None:
        emit(self._service, [Measured({"CircuitTransitions": 1}, {"deployment": deployment, "state": state})])
        self._logger.warning("circuit_moved", extra={"deployment": deployment, "state": state})

    def state_unavailable(self, what: str, why: str) -> None:
        emit(self._service, [Measured({"StateUnavailable": 1})])
        self._logger.warning("state_unavailable", extra={"what": what, "why": why})


def emit(service: str, measured: Sequence[Measured]) -> None:
    """Write each metric of a stage under those of its declared dimension sets that are known: a line for each set."""
    for one in measured:
        lines: dict[tuple[str, ...], list[str]] = {}
        for name in one.values:
            for names in METRICS[name].sets:
                if one.dimensions.keys() >= set(names):
                    lines.setdefault(names, []).append(name)
        for names, metrics in lines.items():
            # An instance for each line: what Powertools' usual class collects is shared by the whole process.
            line = EphemeralMetrics(namespace=NAMESPACE, service=service)
            line.add_dimension(SERVICE, service)
            for name in names:
                line.add_dimension(name, one.dimensions[name])
            for name in metrics:
                line.add_metric(name, METRICS[name].unit, float(one.values[name]))
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
        **cache_facts(ledger),
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
