"""A caller that hangs up stops the work upstream; silence in a stream is not mistaken for a dead line."""

from __future__ import annotations

import contextlib
import socket
import time
from urllib.parse import urlsplit

import httpx
import openai
import pytest

from litellm_fallback_router.api import handler
from tests.support.waiting import wait_until
from tests.unit.api.fakes import FakeRouter, text_chunk

PATH = "/v1/chat/completions"
QUESTION = {"model": "openai-gpt4o", "messages": [{"role": "user", "content": "hi"}]}


@pytest.mark.parametrize("extra", [{}, {"stream": True}])
def test_hanging_up_before_the_answer_stops_the_work(
    http: httpx.Client, router: FakeRouter, extra: dict[str, bool]
) -> None:
    router.delay = 60.0
    with pytest.raises(httpx.ReadTimeout):
        http.post(PATH, json=QUESTION | extra, timeout=httpx.Timeout(20, read=0.5))
    assert router.cancelled.wait(10)
    assert not extra or router.stream_closed.wait(10)


def test_hanging_up_before_an_ask_is_answered_stops_the_work(http: httpx.Client, router: FakeRouter) -> None:
    router.delay = 60.0
    with pytest.raises(httpx.ReadTimeout):
        http.post("/ask", json={"question": "hi"}, timeout=httpx.Timeout(20, read=0.5))
    assert router.cancelled.wait(10)


def test_hanging_up_inside_a_silent_stream_stops_the_work(http: httpx.Client, router: FakeRouter) -> None:
    router.pauses = (0.0, 60.0)
    with http.stream("POST", PATH, json=QUESTION | {"stream": True}) as answer:
        assert next(answer.iter_lines()).startswith("data: {")
    assert router.cancelled.wait(10)
    assert router.stream_closed.wait(10)


def test_hanging_up_inside_a_flowing_stream_stops_the_work(http: httpx.Client, router: FakeRouter) -> None:
    router.chunks = [text_chunk("x" * 1000)] * 100_000
    router.pauses = (0.0005,) * len(router.chunks)
    with http.stream("POST", PATH, json=QUESTION | {"stream": True}) as answer:
        assert next(answer.iter_lines()).startswith("data: {")
    assert router.stream_closed.wait(10)


def test_stream_is_closed_when_it_has_been_read_to_its_end(http: httpx.Client, router: FakeRouter) -> None:
    assert http.post(PATH, json=QUESTION | {"stream": True}).text.endswith("data: [DONE]\n\n")
    assert router.stream_closed.wait(10)
    assert not router.cancelled.is_set()


def test_slow_reader_holds_the_stream_back_instead_of_filling_memory(http: httpx.Client, router: FakeRouter) -> None:
    router.chunks = [text_chunk("x" * 10_000)] * 5_000
    url = urlsplit(str(http.base_url))
    with socket.create_connection((url.hostname or "", url.port or 0), timeout=10) as line:
        body = b'{"model":"openai-gpt4o","stream":true,"messages":[{"role":"user","content":"hi"}]}'
        line.sendall(b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (PATH.encode(), len(body), body))
        wait_until(lambda: bool(router.asked))
        time.sleep(1)
        assert not router.stream_closed.is_set()
    assert router.stream_closed.wait(10)


def test_silence_is_filled_with_comments_that_clients_ignore(
    http: httpx.Client, client: openai.OpenAI, router: FakeRouter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler, "KEEP_ALIVE_SECONDS", 0.1)
    router.pauses = (0.0, 0.8)
    assert http.post(PATH, json=QUESTION | {"stream": True}).text.count(": keep-alive\n\n") >= 2
    chunks = client.chat.completions.create(
        model="openai-gpt4o", messages=[{"role": "user", "content": "hi"}], stream=True
    )
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "Paris."


def test_nothing_is_sent_before_the_first_token(http: httpx.Client, router: FakeRouter) -> None:
    router.delay = 0.5
    started = time.monotonic()
    with contextlib.closing(http), http.stream("POST", PATH, json=QUESTION | {"stream": True}) as answer:
        assert time.monotonic() - started >= 0.4
        assert answer.status_code == 200
