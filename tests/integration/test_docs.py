"""The examples of the pages do what the pages say; what is said of `litellm.Router` is still so."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from litellm_fallback_router.mapping import ROUTER_STYLE_MAPPING
from local.simulator import Fault, SimulatorControl
from tests.support.documents import REPOSITORY, Example, examples
from tests.support.gateway import Gateway, gateway_process
from tests.support.litellm_alone import CALL_TIMEOUT, MESSAGES

GATEWAY = "http://127.0.0.1:4000"
"""What the examples call."""
SITUATIONS: dict[str, tuple[Fault, dict[str, Any]] | None] = {
    "": None,
    "OpenAI is down": (Fault(kind="status", status=503), {"provider": "openai"}),
    "OpenAI breaks off": (Fault(kind="cut", after_chunks=8), {"provider": "openai"}),
    "everything is down": (Fault(kind="status", status=503), {}),
}
DOCS = REPOSITORY / "docs"
PAGES = [
    REPOSITORY / "README.md",
    *(
        DOCS / f"{name}.md"
        for name in ("python", "http", "failures", "command-line", "messages", "responses", "response-cache")
    ),
]
FOUND = [example for page in PAGES for example in examples(page).values()]
EXAMPLES = {example.name: example for example in FOUND}
PYTHON = [one for one in EXAMPLES.values() if one.language == "python"]
CURL = [one for one in EXAMPLES.values() if one.text.startswith("curl ")]
COMMANDS = [line for line in EXAMPLES["commands"].text.splitlines() if line]


@pytest.fixture(scope="module")
def gateway(simulator: SimulatorControl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    # The shipped mapping; its circuits stay closed, so that one example's outage is not the next one's.
    # Only the example that asks for it is given a kept answer.
    mapping = {**ROUTER_STYLE_MAPPING, "settings": {"circuit_failures": 100}, "cache": {"store": "memory"}}
    with gateway_process(tmp_path_factory.mktemp("docs"), mapping, simulator_url=simulator.url) as running:
        yield running


@pytest.fixture
def situation(simulator: SimulatorControl, request: pytest.FixtureRequest) -> Iterator[None]:
    """Breaks what the example says is broken."""
    simulator.reset()
    if (broken := SITUATIONS[request.getfixturevalue("example").situation]) is not None:
        fault, where = broken
        simulator.inject(fault, **where)
    yield
    simulator.reset()


def run(arguments: list[str], simulator: SimulatorControl, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "ROUTER_SIMULATOR_URL": simulator.url, "ROUTER_PROMPTS": "CAPITALS01", **variables}
    return subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_no_two_examples_have_one_name() -> None:
    assert len(EXAMPLES) == len(FOUND)


def test_every_example_is_run() -> None:
    here = {example.name for example in (*PYTHON, *CURL)} | {"commands", "guardrail"}
    elsewhere = {"mapping", "agentcore"}
    names = ("agentcore", "before-the-night", "evaluations", "guardrails", "keys", "prompts")
    with_tests_of_their_own = {DOCS / f"{name}.md" for name in names}

    assert EXAMPLES.keys() == here | elsewhere
    assert {page for page in DOCS.rglob("*.md") if examples(page)} <= {*PAGES, *with_tests_of_their_own}


@pytest.mark.usefixtures("situation")
@pytest.mark.parametrize("example", PYTHON, ids=lambda example: example.name)
def test_python_example_prints_what_the_page_shows(
    example: Example, gateway: Gateway, simulator: SimulatorControl
) -> None:
    done = run(["-c", example.text.replace(GATEWAY, gateway.url)], simulator)

    assert (done.stderr, done.stdout) == ("", example.output)


@pytest.mark.usefixtures("situation")
@pytest.mark.parametrize("example", CURL, ids=lambda example: example.name)
def test_curl_example_gets_what_the_page_shows(example: Example, gateway: Gateway) -> None:
    assert example.output is not None
    shown_head, _, shown_body = example.output.rpartition("\n\n")

    response = send(example.text, gateway)

    assert steady(response.json()) == steady(json.loads(shown_body))
    if "-i" in shlex.split(example.text):
        assert masked(head(response)) == masked(shown_head)


def send(command: str, gateway: Gateway) -> httpx.Response:
    """The request of a curl command line. Only what the page uses: -i, -H, -d."""
    words = iter(shlex.split(command.replace("\\\n", " "))[1:])
    url, headers, body = "", {}, None
    for word in words:
        if word == "-H":
            name, _, value = next(words).partition(": ")
            headers[name] = value
        elif word == "-d":
            body = next(words)
        elif word != "-i":
            assert word.startswith(GATEWAY), f"the test does not know curl's {word}"
            url = word.replace(GATEWAY, gateway.url)
    return httpx.request("GET" if body is None else "POST", url, headers=headers, content=body, timeout=30)


def head(response: httpx.Response) -> str:
    lines = [f"{response.http_version} {response.status_code} {response.reason_phrase}"]
    return "\n".join([*lines, *(f"{name}: {value}" for name, value in response.headers.items())])


def masked(text: str) -> str:
    return re.sub(r"^(date|content-length|x-request-id|x-router-mapping): .*$", r"\1: ...", text, flags=re.MULTILINE)


def steady(value: Any) -> Any:
    """A JSON value without what differs from call to call."""
    if isinstance(value, dict):
        changing = {"id", "created", "request_id", "started", "seconds"}
        return {name: "..." if name in changing else steady(inner) for name, inner in value.items()}
    if isinstance(value, float):
        return round(value, 9)
    return [steady(inner) for inner in value] if isinstance(value, list) else value


@pytest.mark.parametrize("command", COMMANDS)
def test_command_of_the_page_works(command: str, simulator: SimulatorControl) -> None:
    simulator.reset()
    program, *arguments = shlex.split(command)

    done = run(["-m", "litellm_fallback_router.cli", *arguments], simulator)

    assert program == "fallback-router"
    assert (done.returncode, bool(done.stdout)) == (0, True), done.stderr


def test_the_guardrails_example_prints_what_the_page_shows(simulator: SimulatorControl) -> None:
    simulator.reset()
    words = shlex.split(EXAMPLES["guardrail"].text)
    program = words.index("fallback-router")
    variables = dict(word.split("=", 1) for word in words[:program])

    done = run(["-m", "litellm_fallback_router.cli", *words[program + 1 :]], simulator, **variables)

    assert (done.returncode, done.stdout) == (0, EXAMPLES["guardrail"].output), done.stderr


@pytest.fixture(scope="module")
def litellm_alone(simulator: SimulatorControl) -> dict[str, Any]:
    done = run(["-m", "tests.support.litellm_alone", simulator.url], simulator)
    assert done.returncode == 0, done.stderr
    simulator.reset()
    return dict(json.loads(done.stdout))


def test_litellms_timeout_is_still_one_for_each_call(litellm_alone: dict[str, Any]) -> None:
    silent = litellm_alone["silent"]

    assert silent["error"] == "Timeout"
    assert silent["requests"] == 2
    assert silent["seconds"] > 2 * CALL_TIMEOUT


def test_litellms_router_still_falls_over_before_the_first_token_only(litellm_alone: dict[str, Any]) -> None:
    before, after = litellm_alone["cut_before_text"], litellm_alone["cut_after_text"]

    assert (before["error"], before["asked"]) == ("", ["openai", "anthropic"])
    assert before["text"].endswith("19, 20.")
    assert (after["error"], after["asked"]) == ("APIConnectionError", ["openai"])
    assert after["text"].endswith("7, 8, ")


def test_the_same_chain_ends_inside_the_callers_time_here(gateway: Gateway, simulator: SimulatorControl) -> None:
    simulator.reset()
    simulator.inject(Fault(kind="silence"))
    question = {"model": "cost-optimized", "messages": MESSAGES}
    began = time.monotonic()

    response = httpx.post(
        f"{gateway.url}/v1/chat/completions", json=question, headers={"x-router-timeout-ms": "2000"}, timeout=30
    )

    assert time.monotonic() - began < 4
    assert response.status_code == 504
    assert len(simulator.requests()) == len(response.json()["router"]["attempts"]) == 3
    simulator.reset()
