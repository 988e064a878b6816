"""The console's page and its events, from a gateway of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from litellm_fallback_router.adapters.keys_file import write_keys
from litellm_fallback_router.mapping import ROUTER_STYLE_MAPPING
from litellm_fallback_router.routing.callers import CallerKey, KeyEntry
from local.simulator import SimulatorControl
from tests.support.gateway import Gateway, gateway_process
from tests.support.key_hashes import hash_of


@pytest.fixture(scope="module")
def watched(simulator: SimulatorControl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("console")
    with gateway_process(folder, ROUTER_STYLE_MAPPING, simulator_url=simulator.url) as running:
        yield running


def events_of(lines: Iterator[str], *names: str) -> dict[str, Any]:
    """The first event of each name."""
    found: dict[str, Any] = {}
    name = ""
    for line in lines:
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: ") and name in names and name not in found:
            found[name] = json.loads(line.removeprefix("data: "))
        if len(found) == len(names):
            break
    return found


def test_the_page_brings_all_it_needs_and_may_load_nothing_else(watched: Gateway) -> None:
    page = httpx.get(f"{watched.url}/console")
    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "http" not in page.text.replace("http-equiv", "")
    for name in ("console.css", "console.js"):
        assert f"console/{name}" in page.text
        assert httpx.get(f"{watched.url}/console/{name}").status_code == 200
    assert httpx.get(f"{watched.url}/console/__init__.py").status_code == 404


def test_its_events_are_the_chains_their_state_and_each_request(watched: Gateway) -> None:
    with httpx.stream("GET", f"{watched.url}/console/events", timeout=20) as response:
        lines = response.iter_lines()
        found = events_of(lines, "chains", "state")
        with watched.client() as client:
            question: Any = [{"role": "user", "content": "What is the capital of France?"}]
            client.chat.completions.create(model="openai-gpt4o", messages=question)
        found |= events_of(lines, "attempt", "request")
    assert found["chains"]["chains"]["openai-gpt4o"][0] == ["openai-gpt4o"]
    assert {one["state"] for one in found["state"]["deployments"]} == {"ready"}
    assert (found["request"]["asked"], found["request"]["status"]) == ("openai-gpt4o", 200)
    assert found["attempt"]["request_id"] == found["request"]["request_id"]
    assert "France" not in repr(found)


def test_a_gateway_that_is_stopped_does_not_wait_for_who_looks(simulator: SimulatorControl, tmp_path: Path) -> None:
    with gateway_process(tmp_path, ROUTER_STYLE_MAPPING, simulator_url=simulator.url) as running:
        with httpx.stream("GET", f"{running.url}/console/events", timeout=20) as response:
            lines = response.iter_lines()
            events_of(lines, "state")
            running.process.terminate()
            assert list(lines)[-1:] in ([], [""]), "the stream ends well"
        assert running.process.wait(timeout=20) == 0


def status_of(url: str, key: str) -> int:
    with httpx.stream("GET", f"{url}/console/events", headers={"authorization": f"Bearer {key}"}) as response:
        return response.status_code


@pytest.mark.parametrize("switch", [None, "on"])
def test_where_callers_need_keys_the_console_is_off_unless_wanted_and_shows_an_operator_alone_what_they_spend(
    simulator: SimulatorControl, tmp_path: Path, switch: str | None
) -> None:
    keys = tmp_path / "keys.json"
    entries = [
        KeyEntry(CallerKey(name, operator=name == "sk-operator"), hash_of(name), created_at=1)
        for name in ("sk-caller", "sk-operator")
    ]
    write_keys(keys, entries)
    env = {"GATEWAY_API_KEYS": "a-key", "GATEWAY_KEYS_FILE": str(keys)}
    env |= {} if switch is None else {"ROUTER_CONSOLE": switch}
    with gateway_process(tmp_path, ROUTER_STYLE_MAPPING, simulator_url=simulator.url, env=env) as running:
        assert httpx.get(f"{running.url}/console").status_code == (200 if switch else 404)
        assert httpx.get(f"{running.url}/console/events").status_code == 401
        statuses = [status_of(running.url, key) for key in ("a-key", "sk-caller", "sk-operator")]
        assert statuses == ([403, 403, 200] if switch else [404, 404, 404])


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("rebound.example.com", 403),
        ("127.0.0.1.rebound.example.com:4000", 403),
        ("localhost.example.com", 403),
        ("[oops", 403),
        ("localhost:4000", 200),
        ("console.localhost", 200),
        ("192.168.1.7:4000", 200),
        ("[::1]:4000", 200),
    ],
)
def test_a_page_whose_name_was_pointed_at_this_machine_reads_and_asks_nothing(
    watched: Gateway, host: str, status: int
) -> None:
    body = {"model": "openai-gpt4o", "messages": [{"role": "user", "content": "What is the capital of France?"}]}
    names = {"host": host, "origin": f"http://{host}"}
    assert httpx.post(f"{watched.url}/v1/chat/completions", json=body, headers=names).status_code == status
    with httpx.stream("GET", f"{watched.url}/console/events", headers={"host": host}, timeout=20) as response:
        assert response.status_code == status
        if status == 403:
            assert "GATEWAY_API_KEYS" in response.read().decode()


def test_programs_may_call_the_gateway_what_they_like(watched: Gateway) -> None:
    """Behind a proxy, or by a name in a container's network: no browser, so no page."""
    assert httpx.get(f"{watched.url}/v1/models", headers={"host": "gateway:4000"}).status_code == 200
