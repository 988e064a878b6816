"""The built package in a container through the SAM command line: every event, and the API with OpenAI's client.

    make e2e-sam

starts it with a Docker engine that has the runtime's image.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from infra.sam import engine, project, running
from infra.sam.__main__ import ARCH
from infra.sam.running import Invocation, Setup
from local.simulator import Fault
from tests.support.gateway import free_port

EVENTS = Path(__file__).resolve().parents[1] / "events"
CALLERS_KEY = "sk-caller-3f9c1d"
PROVIDERS_KEY = "sk-provider-77ab02"
SERVICE = "from-the-environment-file"
QUESTION = "What is the capital of France?"
ANSWER = "Paris is the capital of France."
ANSWERED = {
    "ask": '"provider":"openai:gpt-4o"',
    "chat": ANSWER,
    "chat-stream": "data: [DONE]",
    "strategy": '"attempts"',
    "models": "openai-gpt4o",
    "model": "openai-gpt4o",
    "health": "ok",
}
REFUSED = {"bad-json": "JSON", "bad-field": "temperature"}
TOOL_CALLS = {"ask": ANSWER, "chat-completion": ANSWER, "missing-question": "question", "unknown-tool": "no such tool"}


@pytest.fixture(scope="module")
def setup(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Setup]:
    own = tmp_path_factory.mktemp("env") / "env.json"
    own.write_text(
        json.dumps({"OPENAI_API_KEY": PROVIDERS_KEY, "ROUTER_SERVICE": SERVICE, "ROUTER_LOG_LEVEL": "DEBUG"})
    )
    with running.set_up(engine.running(), project.prepared(ARCH), ARCH, own) as ready:
        yield ready


@pytest.fixture(autouse=True)
def fresh_simulator(setup: Setup) -> Iterator[None]:
    yield
    setup.simulator.reset()


def with_key(event: Path, folder: Path) -> Path:
    """A copy of an event in which the caller sends a key."""
    content = json.loads(event.read_text())
    content["headers"]["Authorization"] = f"Bearer {CALLERS_KEY}"
    content["multiValueHeaders"]["Authorization"] = [f"Bearer {CALLERS_KEY}"]
    copy = folder / event.name
    copy.write_text(json.dumps(content))
    return copy


def invoke(setup: Setup, name: str, folder: Path) -> Invocation:
    done = running.invoke(setup, with_key(EVENTS / f"{name}.json", folder), setup.project.gateway)
    assert CALLERS_KEY not in done.log
    assert PROVIDERS_KEY not in done.log
    assert QUESTION not in done.log
    if setup.simulator.requests():
        assert f'"service":"{SERVICE}"' in done.log
    return done


def test_every_event_is_tried() -> None:
    assert {path.stem for path in EVENTS.glob("*.json")} == ANSWERED.keys() | REFUSED.keys()
    assert {path.stem for path in (EVENTS / "agentcore").glob("*.json")} == TOOL_CALLS.keys()


@pytest.mark.parametrize("name", ANSWERED)
def test_event_is_answered(name: str, setup: Setup, tmp_path: Path) -> None:
    answer = invoke(setup, name, tmp_path).answer
    assert answer["statusCode"] == 200, answer
    assert ANSWERED[name] in answer["body"]
    if name == "chat-stream":
        assert answer["headers"]["content-type"].startswith("text/event-stream")
        deltas = [json.loads(line[6:]) for line in answer["body"].splitlines() if line.startswith("data: {")]
        assert "".join(choice["delta"].get("content") or "" for one in deltas for choice in one["choices"]).strip()


@pytest.mark.parametrize("name", REFUSED)
def test_bad_input_is_refused_with_its_field(name: str, setup: Setup, tmp_path: Path) -> None:
    answer = invoke(setup, name, tmp_path).answer
    assert answer["statusCode"] == 400, answer
    error = json.loads(answer["body"])["error"]
    assert error["type"] == "invalid_request_error"
    assert REFUSED[name] in error["message"]
    assert setup.simulator.requests() == []


@pytest.mark.parametrize("name", TOOL_CALLS)
def test_a_tool_of_agentcore_is_answered(name: str, setup: Setup) -> None:
    done = running.call_tool(setup, **json.loads((EVENTS / "agentcore" / f"{name}.json").read_text()))
    assert TOOL_CALLS[name] in json.dumps(done.answer)
    assert PROVIDERS_KEY not in done.log


def test_a_tool_called_without_its_name_says_how_it_is_named(setup: Setup, tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"question": QUESTION}))
    answer = running.invoke(setup, event, setup.project.tool).answer
    assert "bedrockAgentCoreToolName" in answer["error"]["message"]


def test_openais_client_talks_to_the_api(setup: Setup, tmp_path: Path) -> None:
    log = tmp_path / "api.log"
    with running.api(setup, free_port(), log) as url:
        client = openai.OpenAI(base_url=f"{url}/v1", api_key=CALLERS_KEY, max_retries=0, timeout=120)
        messages: Any = [{"role": "user", "content": QUESTION}]
        seconds = []
        for _ in range(3):
            began = time.monotonic()
            whole = client.chat.completions.create(model="openai-gpt4o", messages=messages)
            seconds.append(time.monotonic() - began)
            assert whole.choices[0].message.content == ANSWER
        pieces = client.chat.completions.create(model="anthropic-claude-haiku", messages=messages, stream=True)
        assert "".join(piece.choices[0].delta.content or "" for piece in pieces if piece.choices) == ANSWER
        setup.simulator.inject(Fault(kind="status", status=503), provider="openai")
        fallen = client.chat.completions.with_raw_response.create(model="openai-gpt4o", messages=messages)
        assert (fallen.headers["x-router-provider"], fallen.headers["x-router-fallback"]) == ("anthropic", "true")
        with pytest.raises(openai.NotFoundError):
            client.chat.completions.create(model="no-such-model", messages=messages)
        assert "openai-gpt4o" in {model.id for model in client.models.list()}
    said = log.read_text()
    assert "request_answered" in said
    assert CALLERS_KEY not in said
    assert PROVIDERS_KEY not in said
    assert QUESTION not in said
    first, warm = seconds[0], min(seconds[1:])
    print(f"\nsam local start-api: first request {first:.1f} s, warm {warm:.3f} s")  # noqa: T201 - for the page on SAM
