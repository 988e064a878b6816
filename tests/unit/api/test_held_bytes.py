"""How many bytes the bodies of all requests may be together: over sockets, with bodies that do not end."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from urllib.parse import urlsplit

import httpx
import pytest

from litellm_fallback_router.routing.mapping.settings import RouterSettings
from tests.support.waiting import wait_until
from tests.unit.api.fakes import CONFIG, FakeRouter, gateway, text_chunk

PATH = "/v1/chat/completions"
KEYS = ("first-key", "second-key", "third-key")
MOST = 1_000_000
SHARE = MOST // 2


@pytest.fixture
def router() -> FakeRouter:
    return FakeRouter(replace(CONFIG, settings=RouterSettings(max_bytes_held=MOST)))


@pytest.fixture
def url(router: FakeRouter) -> Iterator[str]:
    with gateway(router, api_keys=KEYS) as base:
        yield base


def sent(url: str, key: str, body: bytes, held: ExitStack, *, length: int | None = None) -> socket.socket:
    """A connection on which a request has been sent, or as much of it as `body` is of `length`."""
    place = urlsplit(url)
    connection = held.enter_context(socket.create_connection((place.hostname, place.port), timeout=20))
    head = f"POST {PATH} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n"
    connection.sendall(f"{head}content-length: {length or len(body)}\r\n\r\n".encode() + body)
    return connection


def question(size: int, **more: bool) -> bytes:
    content = "x" * size
    return json.dumps({"model": "openai-gpt4o", "messages": [{"role": "user", "content": content}], **more}).encode()


def ask(url: str, key: str, size: int = 10) -> httpx.Response:
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    return httpx.post(f"{url}{PATH}", content=question(size), headers=headers, timeout=20)


def code(response: httpx.Response) -> tuple[int, str, str]:
    return response.status_code, response.json()["error"]["code"], response.headers["retry-after"]


def test_bodies_that_do_not_end_take_a_callers_share_and_no_more(url: str) -> None:
    with ExitStack() as held:
        sent(url, KEYS[0], b" " * (SHARE - 100), held, length=MOST)
        wait_until(lambda: ask(url, KEYS[0], 1000).status_code == 429)
        refused = ask(url, KEYS[0], 1000)
        assert code(refused) == (429, "too_many_requests_at_once", "1")
        assert "max_bytes_held" in refused.json()["error"]["message"]
        assert ask(url, KEYS[1], 1000).status_code == 200
    wait_until(lambda: ask(url, KEYS[0], 1000).status_code == 200)


def test_all_callers_together_have_a_limit(url: str) -> None:
    with ExitStack() as held:
        for key in KEYS[:2]:
            sent(url, key, b" " * (SHARE - 100), held, length=MOST)
        wait_until(lambda: ask(url, KEYS[2], 1000).status_code == 503)
        refused = ask(url, KEYS[2], 1000)
        assert code(refused) == (503, "gateway_busy", "1")
        assert "max_bytes_held" in refused.json()["error"]["message"]
        assert httpx.get(f"{url}/health").status_code == 200
    wait_until(lambda: ask(url, KEYS[2], 1000).status_code == 200)


def test_a_body_counts_until_its_answer_has_ended(url: str, router: FakeRouter) -> None:
    router.chunks = [text_chunk("Pa"), text_chunk("ris.")]
    router.pauses = (0.0, 60.0)
    with ExitStack() as held:
        stream = sent(url, KEYS[0], question(SHARE - 1000, stream=True), held)
        assert stream.recv(12) == b"HTTP/1.1 200"
        assert code(ask(url, KEYS[0], 2000)) == (429, "too_many_requests_at_once", "1")
        router.reset()
    wait_until(lambda: ask(url, KEYS[0], 2000).status_code == 200)


def test_the_only_request_is_taken_however_large_it_is(url: str) -> None:
    assert [ask(url, KEYS[0], 3 * MOST).status_code for _ in range(3)] == [200] * 3
