"""A mistake in what writes an answer is recorded as a bug of the gateway, never as an answer or a caller that left."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import replace
from typing import Any, cast

import httpx
import pytest

from litellm_fallback_router.api import handler
from litellm_fallback_router.api.formats import chat
from litellm_fallback_router.api.formats.messages.open_blocks import OpenBlocks
from litellm_fallback_router.api.formats.responses.output import Output
from litellm_fallback_router.bootstrap import assemble, load
from litellm_fallback_router.routing.errors import InternalError
from litellm_fallback_router.routing.failures import FailureKind
from litellm_fallback_router.settings import Settings
from local.simulator import SimulatorControl
from tests.support.scripted import Notes
from tests.support.waiting import wait_until
from tests.unit.api.fakes import FakeRouter, gateway

MODELS = {
    "model_list": [
        {"model_name": "claude", "litellm_provider": "bedrock", "params": {"model": "us.amazon.nova-2-lite-v1:0"}},
    ],
    "settings": {"circuit_failures": 1},
}
SAID = "Count to 300"
ASKED = {"model": "claude", "messages": [{"role": "user", "content": SAID}], "stream": True, "max_tokens": 900}
CHAT = "/v1/chat/completions"
PLACES = {
    CHAT: (chat, "_with_one_role", ASKED),
    "/v1/messages": (OpenBlocks, "text", ASKED),
    "/v1/responses": (Output, "feed", {"model": "claude", "input": SAID, "stream": True}),
}


def wrong(*_: object, **__: object) -> Any:
    raise TypeError(SAID)


def streamed(simulator: SimulatorControl, path: str, body: dict[str, Any]) -> tuple[int, str, Notes]:
    """The status and the text that the caller receives, and what the observer is given."""
    simulator.reset()
    router, notes = assemble(load(Settings(simulator_url=simulator.url), MODELS)), Notes()
    router._dependencies = replace(router._dependencies, observer=notes)
    text = ""
    with gateway(cast(FakeRouter, router)) as url, httpx.stream("POST", url + path, json=body, timeout=20) as answer:
        with suppress(httpx.RemoteProtocolError):  # a stream without its last event is cut off
            for piece in answer.iter_text():
                text += piece
        wait_until(lambda: bool(notes.outcomes))
    return answer.status_code, text, notes


def assert_bug(notes: Notes) -> None:
    (outcome,) = notes.outcomes
    assert isinstance(outcome, InternalError)
    assert outcome.status == 500
    assert [attempt.failure for attempt in notes.attempts] == [FailureKind.BUG]
    assert list(outcome.ledger.attempts) == notes.attempts


@pytest.mark.parametrize("path", PLACES)
def test_a_bug_in_a_format_s_events_is_a_500_in_the_log(
    simulator: SimulatorControl, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    where, name, body = PLACES[path]
    monkeypatch.setattr(where, name, wrong)
    status, text, notes = streamed(simulator, path, body)
    assert (status, "internal error; the log has the details" in text) == (200, True)
    assert_bug(notes)
    (line,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert "TypeError" in line.getMessage()
    assert SAID not in line.getMessage()


def test_a_bug_in_the_event_that_ends_a_broken_stream_is_one_too(
    simulator: SimulatorControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat, "_with_one_role", wrong)
    monkeypatch.setattr(handler, "bug", wrong)
    _, text, notes = streamed(simulator, CHAT, ASKED)
    assert text == ""
    assert_bug(notes)


def test_a_bug_before_the_first_event_is_one_too(simulator: SimulatorControl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handler, "answer_headers", wrong)
    status, text, notes = streamed(simulator, CHAT, ASKED)
    assert (status, "internal error; the log has the details" in text) == (500, True)
    assert_bug(notes)


WHOLE = {**ASKED, "stream": False}


@pytest.mark.parametrize("name", ["answer_headers", "reply"])
def test_a_bug_in_what_writes_a_whole_answer_is_one_too_and_what_was_asked_is_paid_for(
    simulator: SimulatorControl, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(handler, name, wrong)
    status, text, notes = streamed(simulator, CHAT, WHOLE)
    assert (status, "internal error; the log has the details" in text) == (500, True)
    (outcome,) = notes.outcomes
    assert isinstance(outcome, InternalError)
    assert [attempt.failure for attempt in notes.attempts] == [None], "the provider has answered"
    assert list(outcome.ledger.attempts) == notes.attempts
    assert outcome.ledger.cost_usd
