"""The metrics of a gateway on this machine, for Prometheus: `GET /metrics` on a port of its own, which callers of the
gateway cannot reach through it. Only imported where `ROUTER_METRICS_PORT` is set.

Names: Prometheus, "Metric and label naming" (base units, `_total`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
    make_wsgi_app,
    start_http_server,
)

from ..host_names import is_own, name_of
from ..routing.errors import ConfigurationError, RouterError
from ..routing.ledger import AttemptRecord
from ..routing.observe import DRILL_METRICS, METRICS, Measured, measured_attempt, measured_request
from ..routing.types import ChatRequest, ChatResult

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

ADDRESS = "127.0.0.1"
MILLISECONDS = "Milliseconds"
BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 60.0, 120.0)
"""Seconds."""


class Inner(Protocol):
    """An observer of requests and of the shared state."""

    def attempted(self, request: ChatRequest, attempt: AttemptRecord) -> None: ...
    def finished(self, request: ChatRequest, outcome: ChatResult | RouterError) -> None: ...
    def circuit_moved(self, deployment: str, state: str) -> None: ...
    def state_unavailable(self, what: str, why: str) -> None: ...


class PrometheusObserver:
    """Implements the `Observer` port, and `StateObserver`: passes everything on, and counts it."""

    def __init__(self, passed_on: Inner) -> None:
        # A gauge beside each series, of when it began: as many again, for a question that nobody asks here.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._passed_on = passed_on
        self.registry = CollectorRegistry()
        # Drills of a stage are on AWS alone: a count of 0 here would say that everything is proven.
        counted = {name: metric for name, metric in METRICS.items() if name not in DRILL_METRICS}
        self._labels = {name: _labels(metric.sets) for name, metric in counted.items()}
        self._counters: dict[str, Counter] = {}
        self._histograms: dict[str, Histogram] = {}
        for name, metric in counted.items():
            known = f"router_{_snake(name)}"
            if metric.unit == MILLISECONDS:
                self._histograms[name] = Histogram(
                    f"{known}_seconds", metric.meaning, self._labels[name], buckets=BUCKETS, registry=self.registry
                )
            else:
                self._counters[name] = Counter(known, metric.meaning, self._labels[name], registry=self.registry)
        self._cold = True

    def serve(self, port: int) -> None:
        """Answer `GET /metrics` from a thread of its own. Raises ConfigurationError where the port cannot be had."""
        try:
            server, _ = start_http_server(port, addr=ADDRESS, registry=self.registry)
        except OSError as error:
            what = error.strerror or type(error).__name__
            raise ConfigurationError([f"ROUTER_METRICS_PORT: port {port} cannot be listened on: {what}"]) from error
        server.set_app(_for_own_names(make_wsgi_app(self.registry)))

    def attempted(self, request: ChatRequest, attempt: AttemptRecord) -> None:
        self._passed_on.attempted(request, attempt)
        self._count(measured_attempt(attempt))

    def finished(self, request: ChatRequest, outcome: ChatResult | RouterError) -> None:
        self._passed_on.finished(request, outcome)
        self._count(measured_request(outcome, cold=self._cold))
        self._cold = False

    def circuit_moved(self, deployment: str, state: str) -> None:
        self._passed_on.circuit_moved(deployment, state)
        self._count([Measured({"CircuitTransitions": 1}, {"deployment": deployment, "state": state})])

    def state_unavailable(self, what: str, why: str) -> None:
        self._passed_on.state_unavailable(what, why)
        self._count([Measured({"StateUnavailable": 1})])

    def _count(self, measured: list[Measured]) -> None:
        for one in measured:
            for name, value in one.values.items():
                labels = [one.dimensions.get(label, "") for label in self._labels[name]]
                if (histogram := self._histograms.get(name)) is not None:
                    (histogram.labels(*labels) if labels else histogram).observe(value / 1000)
                else:
                    counter = self._counters[name]
                    (counter.labels(*labels) if labels else counter).inc(float(value))


def _for_own_names(app: WSGIApplication) -> WSGIApplication:
    """The same, but a 403 under a foreign name: a web page may have pointed it here."""

    def guarded(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        name = name_of(environ.get("HTTP_HOST", ""))
        if is_own(name):
            return app(environ, start_response)
        start_response("403 Forbidden", [("Content-Type", "text/plain; charset=utf-8")])
        return [f"Scrape it by its address ({ADDRESS}) or as localhost, not as {name[:100]!r}.\n".encode()]

    return guarded


def _labels(sets: tuple[tuple[str, ...], ...]) -> tuple[str, ...]:
    """All dimensions of a metric: Prometheus sums over those that are not asked for."""
    return tuple(dict.fromkeys(label for names in sets for label in names))


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
