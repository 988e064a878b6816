"""OpenTelemetry: one span for each request and one below it for each attempt, made from the ledger once all is known.

Names and values of attributes: OpenTelemetry, "Semantic conventions for generative client AI spans", as of v1.41
(`gen_ai.*`, `error.type`, `http.response.status_code`, `cloud.region`). What these have no name for begins with
`router.`. No prompt and no answer is in any of them.

Only imported where `OTEL_EXPORTER_OTLP_ENDPOINT` is set. The SDK reads its own variables (sampling, headers, limits).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from ..providers import provider_profile
from ..routing.errors import RouterError
from ..routing.ledger import AttemptRecord, Ledger, Usage
from ..routing.ports import Observer
from ..routing.types import ChatRequest, ChatResult

SCOPE = "litellm_fallback_router"
NANO = 1_000_000_000
"""Span times are nanoseconds since 1970."""
QUEUE = 2_048
"""Spans that wait to be sent; beyond, new ones are lost."""
SEND_SECONDS = 5.0
"""Longest wait for the collector, in a thread of its own."""
TOLD_EVERY = 60.0
"""Seconds between two lines that say that spans are not sent."""
_PROPAGATOR = TraceContextTextMapPropagator()


class SendingTrouble(logging.Handler):
    """Takes what the SDK logs, several lines of plain text for each batch that a collector does not take, and says it
    in the gateway's own log: as an event, and once in a while."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(logging.WARNING)
        self._clock = clock
        self._told_at: float | None = None

    def emit(self, record: logging.LogRecord) -> None:
        now = self._clock()
        if self._told_at is None or now - self._told_at >= TOLD_EVERY:
            self._told_at = now
            logging.getLogger(SCOPE).warning({"event": "traces_not_sent", "why": record.getMessage()[:200]})


def otlp_provider(service: str) -> TracerProvider:
    """Sends spans by OTLP over HTTP to where the environment says. What is left is sent when the process ends."""
    sdk = logging.getLogger("opentelemetry")
    if not any(isinstance(handler, SendingTrouble) for handler in sdk.handlers):
        sdk.addHandler(SendingTrouble())
        sdk.propagate = False
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: service}))
    exporter = OTLPSpanExporter(timeout=SEND_SECONDS)
    provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=QUEUE))
    return provider


class TracingObserver:
    """Implements the `Observer` port: passes everything on, and traces each request that has ended."""

    def __init__(
        self, passed_on: Observer, provider: TracerProvider, *, clock: Callable[[], float] = time.time
    ) -> None:
        """`clock` gives Unix seconds."""
        self._passed_on = passed_on
        self._tracer = provider.get_tracer(SCOPE)
        self._clock = clock

    def attempted(self, request: ChatRequest, attempt: AttemptRecord) -> None:
        self._passed_on.attempted(request, attempt)

    def finished(self, request: ChatRequest, outcome: ChatResult | RouterError) -> None:
        self._passed_on.finished(request, outcome)
        ledger, ended = outcome.ledger, self._clock()
        began = ended - ledger.seconds
        carrier = {} if request.traceparent is None else {"traceparent": request.traceparent}
        span = self._tracer.start_span(
            f"{_operation(request)} {request.model[:100]}",
            context=_PROPAGATOR.extract(carrier),
            kind=SpanKind.SERVER,
            start_time=_nano(began),
            attributes=_of_request(request, outcome),
        )
        for drop in ledger.dropped:
            said = {"router.deployment": drop.deployment, "router.reason": drop.code}
            span.add_event("router.skipped", said, timestamp=_nano(began))
        context = set_span_in_context(span)
        for attempt in ledger.attempts:
            own = self._tracer.start_span(
                f"{_operation(request)} {attempt.model}",
                context=context,
                kind=SpanKind.CLIENT,
                start_time=_nano(began + attempt.started),
                attributes=_of_attempt(request, attempt),
            )
            if attempt.failure is not None:
                _failed(own, attempt.failure.value)
            own.end(_nano(began + attempt.started + attempt.seconds))
        if isinstance(outcome, RouterError):
            _failed(span, outcome.code or type(outcome).__name__)
        span.end(_nano(ended))


def _operation(request: ChatRequest) -> str:
    return "embeddings" if request.native is not None and request.native.format == "embeddings" else "chat"


def _of_request(request: ChatRequest, outcome: ChatResult | RouterError) -> dict[str, Any]:
    ledger = outcome.ledger
    said: dict[str, Any] = {
        "gen_ai.operation.name": _operation(request),
        "gen_ai.request.model": request.model[:100],
        "router.request_id": request.request_id,
        "router.caller": request.caller,
        "router.attempts": len(ledger.attempts),
        "router.cost_usd": ledger.cost_usd,
        "router.wasted_usd": ledger.wasted_usd,
        "router.wasted_tokens": _wasted_tokens(ledger),
    }
    if isinstance(outcome, ChatResult):
        said |= {
            "gen_ai.provider.name": _provider(outcome.deployment.provider),
            "gen_ai.response.model": outcome.model,
            "gen_ai.response.id": outcome.request_id,
            "router.fallback": outcome.fallback,
            "router.deployment": outcome.deployment.id,
            **_of_usage(outcome.usage),
        }
        reasons = [choice["finish_reason"] for choice in outcome.choices if choice.get("finish_reason")]
        said["gen_ai.response.finish_reasons"] = reasons or None
    else:
        said["http.response.status_code"] = outcome.status
    return _known(said)


def _of_attempt(request: ChatRequest, attempt: AttemptRecord) -> dict[str, Any]:
    said = {
        "gen_ai.operation.name": _operation(request),
        "gen_ai.provider.name": _provider(attempt.provider),
        "gen_ai.request.model": attempt.model,
        "cloud.region": attempt.region,
        "http.response.status_code": attempt.status,
        "router.deployment": attempt.deployment,
        "router.attempt": attempt.number,
        "router.resumed": attempt.resumed,
        "router.cost_usd": attempt.cost_usd,
        "router.wasted": attempt.wasted,
        "router.first_token_seconds": attempt.first_token_seconds,
        **({} if attempt.usage is None else _of_usage(attempt.usage)),
    }
    return _known(said)


def _of_usage(usage: Usage) -> dict[str, Any]:
    return {
        "gen_ai.usage.input_tokens": usage.prompt_tokens,
        "gen_ai.usage.output_tokens": usage.completion_tokens,
        "gen_ai.usage.cache_read.input_tokens": usage.cached_tokens,
        "router.usage_estimated": usage.estimated,
    }


def _wasted_tokens(ledger: Ledger) -> int:
    return sum(a.usage.total_tokens for a in ledger.attempts if a.wasted and a.usage is not None)


def _provider(name: str) -> str:
    return provider_profile(name).telemetry_name or name


def _known(said: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in said.items() if value is not None}


def _failed(span: Span, kind: str) -> None:
    span.set_attribute("error.type", kind)
    span.set_status(Status(StatusCode.ERROR))


def _nano(seconds: float) -> int:
    return int(seconds * NANO)
