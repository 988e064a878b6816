"""What happened, as one line of JSON per attempt that failed and per request. Never a prompt, an answer or a key."""

from __future__ import annotations

import json
import logging
from typing import Any

from ..routing.errors import RouterError
from ..routing.failures import FailureKind
from ..routing.ledger import AttemptRecord, cache_facts, costs_of, guardrail_facts
from ..routing.observe import history_of
from ..routing.types import ChatRequest, ChatResult

logger = logging.getLogger("litellm_fallback_router")


class Event(dict[str, Any]):
    """What a log record says; its text is JSON. A formatter that writes JSON itself need not parse that again."""

    def __str__(self) -> str:
        return json.dumps(self)


class LogObserver:
    """Observer that writes to the standard library's logging, logger `litellm_fallback_router`."""

    def attempted(self, request: ChatRequest, attempt: AttemptRecord) -> None:
        if attempt.failure is not None:
            level = logging.INFO if attempt.failure is FailureKind.HEDGED else logging.WARNING
            _write(level, "attempt_failed", request, attempt.to_json())

    def finished(self, request: ChatRequest, outcome: ChatResult | RouterError) -> None:
        if isinstance(outcome, RouterError):
            facts: dict[str, Any] = {
                "status": outcome.status,
                "code": outcome.code,
                "attempts": len(outcome.ledger.attempts),
            }
            level = logging.INFO if outcome.status < 500 else logging.ERROR
            facts |= {"seconds": round(outcome.ledger.seconds, 3), **costs_of(outcome.ledger)}
            facts |= guardrail_facts(outcome.ledger) | history_of(request, outcome.ledger)
            _write(level, "request_failed", request, facts)
            return
        facts = {
            "provider": outcome.provider,
            "fallback": outcome.fallback,
            "attempts": len(outcome.ledger.attempts),
            "seconds": round(outcome.ledger.seconds, 3),
            **costs_of(outcome.ledger),
            **guardrail_facts(outcome.ledger),
            **cache_facts(outcome.ledger),
            **history_of(request, outcome.ledger),
        }
        _write(logging.INFO, "request_answered", request, facts)

    def circuit_moved(self, deployment: str, state: str) -> None:
        logger.warning(Event(event="circuit_moved", deployment=deployment, state=state))

    def state_unavailable(self, what: str, why: str) -> None:
        logger.warning(Event(event="state_unavailable", what=what, why=why))


def _write(level: int, event: str, request: ChatRequest, facts: dict[str, Any]) -> None:
    if logger.isEnabledFor(level):
        line = {
            "event": event,
            "request_id": request.request_id,
            "requested_model": request.model[:100],
            **request.caller_facts,
            **request.prompt_facts,
        }
        logger.log(level, Event(line | facts))
