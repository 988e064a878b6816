"""What Prometheus reads is what happened, under the names that the other metrics have."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from litellm_fallback_router.adapters.logs import LogObserver
from litellm_fallback_router.adapters.prometheus import PrometheusObserver
from litellm_fallback_router.routing.errors import ConfigurationError
from litellm_fallback_router.routing.failures import FailureKind as Kind
from litellm_fallback_router.routing.observe import DRILL_METRICS, METRICS
from tests.support.gateway import free_port
from tests.support.scripted import fails, question, rig


def test_a_scrape_says_what_was_asked_failed_and_cost() -> None:
    observer, port = PrometheusObserver(LogObserver()), free_port()
    observer.serve(port)

    async def main() -> float:
        r = rig("a", "b", scripts={"a": [fails(Kind.NOT_FOUND)]})
        r.router._dependencies = replace(r.router._dependencies, observer=observer)
        results = [await r.router.complete(question()) for _ in range(2)]
        return sum(result.cost_usd or 0 for result in results)

    cost = asyncio.run(main())
    observer.circuit_moved("a", "open")
    observer.state_unavailable("read circuits", "slow")
    text = httpx.get(f"http://127.0.0.1:{port}/metrics").text
    found = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert found["router_requests_total", ()] == 2
    assert not [name for name, _ in found if name.endswith("_created")]
    assert found["router_fallbacks_total", ()] == 2
    failed = (("kind", "not_found"), ("model", "a"), ("provider", "openai"))
    assert found["router_attempt_failures_total", failed] == 2
    answered = (("model", "b"), ("provider", "openai"))
    assert found["router_attempt_latency_seconds_count", answered] == 2
    assert found["router_cost_usd_total", answered] == pytest.approx(cost)
    assert found["router_circuit_transitions_total", (("deployment", "a"), ("state", "open"))] == 1
    assert found["router_state_unavailable_total", ()] == 1


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:9464", 200),
        ("[::1]:9464", 200),
        ("metrics.example", 403),
        ("127.0.0.1.rebind.example:9464", 403),
        ("localhost.example", 403),
        ("", 403),
    ],
)
def test_a_page_under_a_name_of_its_own_reads_nothing(host: str, status: int) -> None:
    observer, port = PrometheusObserver(LogObserver()), free_port()
    observer.serve(port)
    answer = httpx.get(f"http://127.0.0.1:{port}/metrics", headers={"host": host})
    assert answer.status_code == status
    assert ("router_" in answer.text) == (status == 200)


def test_every_metric_but_those_of_drills_has_a_name_of_prometheus() -> None:
    names = {family.name for family in PrometheusObserver(LogObserver()).registry.collect()}
    assert len(names) == len(METRICS) - len(DRILL_METRICS)
    assert not any("proven" in name for name in names)
    assert {"router_time_to_first_token_seconds", "router_wasted_cost_usd", "router_requests"} <= names


def test_a_port_in_use_stops_the_start_with_its_name() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ConfigurationError, match="ROUTER_METRICS_PORT: port"):
            PrometheusObserver(LogObserver()).serve(taken.getsockname()[1])
