"""Metrics and traces of a gateway that runs as its operators run it, read by what would read them."""

from __future__ import annotations

import json
import math
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from prometheus_client.parser import text_string_to_metric_families

from litellm_fallback_router.mapping import ROUTER_STYLE_MAPPING
from local.simulator import Fault, SimulatorControl
from tests.support.gateway import Gateway, free_port, gateway_process

WAIT = 20.0
"""Seconds for what comes from another thread or process."""
SECRET = "the prompt nobody may read"


class Collector(ThreadingHTTPServer):
    """Takes OTLP over HTTP on loopback, as a collector does."""

    daemon_threads = True

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.bodies: list[bytes] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.bodies.append(body)
        request = ExportTraceServiceRequest.FromString(body)
        self.server.spans += [s for r in request.resource_spans for scope in r.scope_spans for s in scope.spans]
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def ask(gateway: Gateway, times: int = 1, **options: Any) -> None:
    with gateway.client() as client:
        for _ in range(times):
            messages: Any = [{"role": "user", "content": SECRET}]
            answer = client.chat.completions.create(model="openai-gpt4o", messages=messages, **options)
            if options.get("stream"):
                list(answer)


def attributes(span: Span) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value") or "string_value") for one in span.attributes}


def test_what_a_collector_is_sent_sums_to_the_log_and_holds_no_prompt(
    simulator: SimulatorControl, tmp_path: Path, collector: Collector
) -> None:
    simulator.reset()
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
    with gateway_process(tmp_path, ROUTER_STYLE_MAPPING, simulator_url=simulator.url, env=env) as running:
        ask(running)
        simulator.inject(Fault(kind="cut", after_chunks=3), provider="openai", stream=True)
        ask(running, stream=True)
        simulator.reset()
    # The process has ended, and with it everything was sent.
    lines = [json.loads(line) for line in running.log.read_text().splitlines() if line.startswith("{")]
    ended = {line["request_id"]: line for line in lines if line["event"].startswith("request_")}
    roots = {span.span_id: attributes(span) for span in collector.spans if span.kind == Span.SPAN_KIND_SERVER}
    assert {one["router.request_id"] for one in roots.values()} == set(ended)
    below: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for span in collector.spans:
        if span.kind == Span.SPAN_KIND_CLIENT:
            below[roots[span.parent_span_id]["router.request_id"]].append(attributes(span))
    assert sorted(map(len, below.values())) == [1, 2]
    for root in roots.values():
        line, attempts = ended[root["router.request_id"]], below[root["router.request_id"]]
        assert root["router.cost_usd"] == pytest.approx(line["cost_usd"])
        assert math.fsum(one.get("router.cost_usd", 0.0) for one in attempts) == pytest.approx(line["cost_usd"])
        assert root["router.wasted_usd"] == pytest.approx(line["wasted_usd"])
        assert [one["router.deployment"] for one in attempts] == [a["deployment"] for a in line["history"]["attempts"]]
    assert all(SECRET.encode() not in body and b"Paris" not in body for body in collector.bodies)


def test_a_collector_that_is_gone_costs_no_answer_and_is_one_line_of_the_log(
    simulator: SimulatorControl, tmp_path: Path
) -> None:
    simulator.reset()
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}", "OTEL_BSP_SCHEDULE_DELAY": "100"}
    with gateway_process(tmp_path, ROUTER_STYLE_MAPPING, simulator_url=simulator.url, env=env) as running:
        until = time.monotonic() + WAIT
        while "traces_not_sent" not in running.log.read_text():
            assert time.monotonic() < until
            ask(running, 3)
        ask(running, 3)
    events = [json.loads(line)["event"] for line in running.log.read_text().splitlines()]
    assert set(events) == {"request_answered", "traces_not_sent"}
    assert events.count("traces_not_sent") <= 2


def scraped(port: int) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    text = httpx.get(f"http://127.0.0.1:{port}/metrics").text
    families = text_string_to_metric_families(text)
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


def test_prometheus_sees_circuits_move_and_counts_on_under_another_mapping(
    simulator: SimulatorControl, tmp_path: Path
) -> None:
    simulator.reset()
    port = free_port()
    env = {"ROUTER_METRICS_PORT": str(port)}
    with gateway_process(tmp_path, ROUTER_STYLE_MAPPING, simulator_url=simulator.url, env=env) as running:
        simulator.inject(Fault(kind="status", status=503), provider="openai")
        ask(running, 4)
        opened = ("router_circuit_transitions_total", (("deployment", "openai-gpt4o"), ("state", "open")))
        before = scraped(port)
        assert before[opened] == 1
        assert '"circuit_moved", "deployment": "openai-gpt4o", "state": "open"' in running.log.read_text()
        changed = {**ROUTER_STYLE_MAPPING, "settings": {"deadline": 50}}
        (tmp_path / "mapping.json").write_text(json.dumps(changed))
        until = time.monotonic() + WAIT
        while "mapping_replaced" not in running.log.read_text():
            assert time.monotonic() < until
            time.sleep(0.1)
        ask(running)
        after = scraped(port)
        assert after["router_requests_total", ()] == before["router_requests_total", ()] + 1 == 5
        assert after[opened] == 1
        names = {f"<{n}>" for n in range(50)}
        with running.client() as client:
            for name in names:
                with pytest.raises(openai.NotFoundError):
                    client.chat.completions.create(model=name, messages=[{"role": "user", "content": "hi"}])
        assert len(scraped(port)) <= len(after) + 2, "a caller makes no new series"
    simulator.reset()
