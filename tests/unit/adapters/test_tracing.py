"""The spans of a request say what its ledger says, and hold nothing of what was asked or answered."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from litellm_fallback_router.adapters.tracing import NANO, SendingTrouble, TracingObserver, otlp_provider
from litellm_fallback_router.bootstrap import build_router
from litellm_fallback_router.routing.errors import RouterError
from litellm_fallback_router.routing.failures import FailureKind as Kind
from litellm_fallback_router.routing.ledger import Ledger
from litellm_fallback_router.settings import load_settings
from tests.support.scripted import Notes, Rig, Step, fails, question, rig, says
from tests.support.virtual_time import run_virtually

STEPS = st.sampled_from(
    [
        says("Paris."),
        fails(Kind.UNAVAILABLE),
        fails(Kind.AUTHENTICATION),
        Step(("Par", "is "), failure=fails(Kind.STREAM_BROKEN).failure),
        fails(Kind.RATE_LIMITED, retry_after=60.0),
    ]
)


def traced(r: Rig) -> tuple[InMemorySpanExporter, Notes]:
    """The rig with a tracer before its observer."""
    exporter, provider, notes = InMemorySpanExporter(), TracerProvider(), r.notes
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    observer = TracingObserver(notes, provider, clock=lambda: 1_800_000_000.0 + asyncio.get_running_loop().time())
    r.router._dependencies = _with_observer(r, observer)
    return exporter, notes


def _with_observer(r: Rig, observer: TracingObserver) -> Any:
    from dataclasses import replace  # noqa: PLC0415 - beside its only use

    return replace(r.router._dependencies, observer=observer)


def spans_of(exporter: InMemorySpanExporter) -> tuple[ReadableSpan, list[ReadableSpan]]:
    """The span of the one request, and those of its attempts in order."""
    spans = exporter.get_finished_spans()
    (request,) = [span for span in spans if span.kind is SpanKind.SERVER]
    attempts = [span for span in spans if span.kind is SpanKind.CLIENT]
    assert all(span.parent is not None and span.parent.span_id == request.context.span_id for span in attempts)
    return request, attempts


def said(span: ReadableSpan, name: str) -> Any:
    return (span.attributes or {}).get(name)


def check(ledger: Ledger, exporter: InMemorySpanExporter) -> None:
    request, attempts = spans_of(exporter)
    assert [said(span, "router.deployment") for span in attempts] == [a.deployment for a in ledger.attempts]
    assert sum(said(span, "router.cost_usd") or 0 for span in attempts) == pytest.approx(ledger.cost_usd or 0)
    assert said(request, "router.wasted_usd") == ledger.wasted_usd
    wasted = [span for span in attempts if said(span, "router.wasted")]
    assert sum(said(span, "router.cost_usd") or 0 for span in wasted) == pytest.approx(ledger.wasted_usd)
    skipped = [(e.attributes or {})["router.deployment"] for e in request.events if e.name == "router.skipped"]
    assert skipped == [drop.deployment for drop in ledger.dropped]
    assert request.start_time is not None
    assert request.end_time is not None
    for span, attempt in zip(attempts, ledger.attempts, strict=True):
        assert span.start_time is not None
        assert span.end_time is not None
        assert request.start_time <= span.start_time <= span.end_time <= request.end_time + NANO // 1_000
        assert (span.end_time - span.start_time) / NANO == pytest.approx(attempt.seconds, abs=1e-6)
        assert (span.status.status_code is StatusCode.ERROR) == (attempt.failure is not None)


@settings(max_examples=60)
@given(a=st.lists(STEPS, min_size=1, max_size=3), b=st.lists(STEPS, min_size=1, max_size=3), streamed=st.booleans())
def test_spans_sum_to_the_ledger(a: list[Step], b: list[Step], streamed: bool) -> None:
    async def main() -> None:
        r = rig("a", "b", scripts={"a": list(a), "b": list(b)})
        exporter, notes = traced(r)
        try:
            if streamed:
                async with r.router.stream(question()) as stream:
                    async for _ in stream:
                        pass
            else:
                await r.router.complete(question())
        except RouterError:
            pass
        (outcome,) = notes.outcomes
        check(outcome.ledger, exporter)
        request, _ = spans_of(exporter)
        assert (request.status.status_code is StatusCode.ERROR) == isinstance(outcome, RouterError)
        texts = repr([(span.name, span.attributes, span.events) for span in exporter.get_finished_spans()])
        assert "Paris" not in texts
        assert "France" not in texts

    run_virtually(main())


def test_a_request_belongs_to_its_callers_trace() -> None:
    async def main() -> None:
        r = rig("a")
        exporter, _ = traced(r)
        trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
        await r.router.complete(question(traceparent=f"00-{trace}-{parent}-01"))
        request, _ = spans_of(exporter)
        assert request.parent is not None
        assert (f"{request.context.trace_id:032x}", f"{request.parent.span_id:016x}") == (trace, parent)
        assert request.name == "chat a"
        assert said(request, "gen_ai.provider.name") == "openai"

    run_virtually(main())


class Collector(BaseHTTPRequestHandler):
    received: list[tuple[str, bytes]] = []  # noqa: RUF012 - the server makes the handlers, so they share it by class

    def do_POST(self) -> None:
        self.received.append((self.path, self.rfile.read(int(self.headers["content-length"]))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    Collector.received.clear()
    server = HTTPServer(("127.0.0.1", 0), Collector)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
    yield url
    server.shutdown()
    thread.join()
    server.server_close()


def test_spans_arrive_at_a_collector_as_otlp(collector: str) -> None:
    async def main() -> None:
        r = rig("a", "b", scripts={"a": [fails(Kind.NOT_FOUND)]})
        provider = otlp_provider("stage-x")
        r.router._dependencies = _with_observer(r, TracingObserver(r.notes, provider))
        await r.router.complete(question())
        await asyncio.to_thread(provider.force_flush)
        provider.shutdown()

    asyncio.run(main())
    ((path, body),) = Collector.received
    (resource,) = ExportTraceServiceRequest.FromString(body).resource_spans
    assert path == "/v1/traces"
    assert [a.value.string_value for a in resource.resource.attributes if a.key == "service.name"] == ["stage-x"]
    assert sorted(span.name for scope in resource.scope_spans for span in scope.spans) == ["chat a", "chat a", "chat b"]


def test_an_endpoint_in_the_environment_turns_tracing_on(collector: str) -> None:
    off = {"ROUTER_CONSOLE": "off"}
    router = build_router(load_settings({**off, "OTEL_EXPORTER_OTLP_ENDPOINT": collector}))
    assert isinstance(router._dependencies.observer, TracingObserver)
    assert not isinstance(build_router(load_settings(off))._dependencies.observer, TracingObserver)


def test_what_the_sdk_complains_of_is_an_event_of_ours_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    times = iter((0.0, 1.0, 59.0, 61.0, 62.0))
    handler = SendingTrouble(clock=lambda: next(times))
    record = logging.LogRecord("opentelemetry.sdk", logging.ERROR, "", 0, "refused " + "x" * 500, None, None)
    with caplog.at_level(logging.WARNING, "litellm_fallback_router"):
        for _ in range(5):
            handler.handle(record)
    told: list[Any] = [one.msg for one in caplog.records]
    assert [one["event"] for one in told] == ["traces_not_sent"] * 2
    assert told[0]["why"].startswith("refused x")
    assert len(told[0]["why"]) == 200
