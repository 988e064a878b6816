"""What no client of OpenAI's sends, as bytes on a socket to the real gateway: it answers in OpenAI's words or closes,
soon, and goes on."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from litellm_fallback_router.commands.connections import MAX_CONNECTIONS, allow_open_files
from local.simulator import SimulatorControl
from tests.support.gateway import Gateway, gateway_process

CHAT = json.dumps({"model": "openai", "messages": [{"role": "user", "content": "What is the capital of France?"}]})
BODY = CHAT.encode()
SIZED = b"content-length: %d\r\n" % len(BODY)
CHUNKED = b"transfer-encoding: chunked\r\n"
POST = b"POST /v1/chat/completions HTTP/1.1\r\nhost: gateway\r\n"
GET = b"GET /health HTTP/1.1\r\nhost: gateway\r\n"
CLOSE = b"connection: close\r\n"
H2C = b"connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
WEBSOCKET = b"connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: aGVsbG8=\r\n"


@pytest.fixture(scope="module")
def gateway(simulator: SimulatorControl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    simulator.reset()
    models = [{"model_name": "openai", "litellm_provider": "openai", "params": {"model": "gpt-4o"}}]
    folder: Path = tmp_path_factory.mktemp("gateway")
    with gateway_process(folder, {"model_list": models}, simulator_url=simulator.url) as running:
        yield running
        assert httpx.post(f"{running.url}/v1/chat/completions", content=BODY, timeout=30).status_code == 200
        log = [json.loads(line) for line in running.log.read_text().splitlines() if line.startswith("{")]
        assert not [line for line in log if "exception" in line or line["level"] == "ERROR"]
        assert "Traceback" not in running.log.read_text()
    simulator.reset()


def connected(gateway: Gateway) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(gateway.url.rsplit(":", 1)[1])), timeout=20)


def rest_of(connection: socket.socket) -> bytes:
    """All that comes until the gateway closes. A reset by then is a close: it had not read what we sent."""
    received = b""
    while True:
        try:
            part = connection.recv(65_536)
        except ConnectionResetError:
            return received
        if not part:
            return received
        received += part


def answers_to(gateway: Gateway, request: bytes) -> list[tuple[int, Any]]:
    """Status and JSON of each answer on one connection, which must end with them."""
    with connected(gateway) as connection:
        with suppress(ConnectionResetError, BrokenPipeError):
            connection.sendall(request)
        received = rest_of(connection)
    answers = []
    for answer in re.split(rb"(?=HTTP/1\.1 [2-5])", received.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n"))[1:]:
        head, _, body = answer.partition(b"\r\n\r\n")
        answers.append((int(head.split()[1]), json.loads(body) if body else None))
    return answers


def chunked(body: bytes, *, extension: bytes = b"", trailers: bytes = b"") -> bytes:
    return b"%x" % len(body) + extension + b"\r\n" + body + b"\r\n0\r\n" + trailers + b"\r\n"


MALFORMED = {
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "unknown method": b"FOO /health HTTP/1.1\r\n\r\n",
    "authority": b"CONNECT example.com:443 HTTP/1.1\r\n\r\n",
    "NUL in the path": b"GET /a\0b HTTP/1.1\r\n\r\n",
    "NUL in a header": GET + b"x: a\0b\r\n\r\n",
    "space before the colon": GET + b"x : y\r\n\r\n",
    "chunk size no number": POST + CHUNKED + b"\r\nZZ\r\nhello\r\n0\r\n\r\n",
    "chunk size negative": POST + CHUNKED + b"\r\n-5\r\nhello\r\n0\r\n\r\n",
    "chunk size beyond 64 bits": POST + CHUNKED + b"\r\nFFFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n",
    "chunk longer than it says": POST + CHUNKED + b"\r\n3\r\nhello\r\n0\r\n\r\n",
    "length negative": POST + b"content-length: -1\r\n\r\n" + BODY,
    "length twice": POST + b"content-length: 5\r\ncontent-length: 6\r\n\r\n" + BODY,
    "length beyond 64 bits": POST + b"content-length: 99999999999999999999999\r\n\r\n" + BODY,
    "length and chunked": POST + b"content-length: 5\r\n" + CHUNKED + b"\r\n" + chunked(BODY),
    "chunked is not last": POST + b"transfer-encoding: chunked, identity\r\n\r\n" + chunked(BODY),
}


@pytest.mark.parametrize("request_", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_http_is_refused_in_openais_envelope(gateway: Gateway, request_: bytes) -> None:
    ((status, body),) = answers_to(gateway, request_)
    assert (status, body["error"]["code"]) == (400, "invalid_http")


TOO_LARGE = {
    "one header": GET + b"x: " + b"a" * 1_000_000 + b"\r\n\r\n",
    "one header just beyond": GET + b"x: " + b"a" * 65_536 + b"\r\n\r\n",
    "many headers": GET + b"".join(b"h%d: v\r\n" % n for n in range(20_000)) + b"\r\n",
    "URL": b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
    "empty lines": b"\r\n" * 50_000,
    "one trailer": POST + CHUNKED + b"\r\n" + chunked(BODY, trailers=b"x: " + b"a" * 1_000_000 + b"\r\n"),
    "chunk extension": POST + CHUNKED + b"\r\n" + chunked(BODY, extension=b";" + b"e" * 1_000_000),
}


@pytest.mark.parametrize("request_", TOO_LARGE.values(), ids=TOO_LARGE.keys())
def test_headers_without_end_are_refused(gateway: Gateway, request_: bytes) -> None:
    ((status, body),) = answers_to(gateway, request_)
    assert (status, body["error"]["code"]) == (431, "headers_too_large")


ANSWERED = {
    "pipelined": ((GET + b"\r\n") * 2 + GET + CLOSE + b"\r\n", [200, 200, 200]),
    "HTTP/1.0": (b"GET /health HTTP/1.0\r\n\r\n", [200]),
    "expects 100": (POST + CLOSE + SIZED + b"expect: 100-continue\r\n\r\n" + BODY, [200]),
    "chunked": (POST + CLOSE + CHUNKED + b"\r\n" + chunked(BODY), [200]),
    "large headers": (GET + CLOSE + b"x: " + b"a" * 60_000 + b"\r\n\r\n", [200]),
    "offers HTTP/2": (POST + H2C + SIZED + b"\r\n" + BODY + POST + CLOSE + SIZED + b"\r\n" + BODY, [200, 200]),
    "offers HTTP/2, chunked": (POST + H2C + CHUNKED + b"\r\n" + chunked(BODY) + GET + CLOSE + b"\r\n", [200, 200]),
    "asks for a WebSocket": (GET + WEBSOCKET + b"\r\n" + GET + CLOSE + b"\r\n", [200, 200]),
    "bytes that are no JSON": (
        POST + CLOSE + b"content-encoding: gzip\r\ncontent-length: 4\r\n\r\n\x1f\x8b\x08\0",
        [400],
    ),
    "20 MB that are not read": (
        POST + b"content-length: 20000000\r\n\r\n" + b"x" * 20_000_000 + GET + CLOSE + b"\r\n",
        [413, 200],
    ),
    "unknown path": (b"GET /nope HTTP/1.1\r\n" + CLOSE + b"\r\n", [404]),
    "HEAD": (b"HEAD /v1/chat/completions HTTP/1.1\r\n" + CLOSE + b"\r\n", [405]),
    "OPTIONS": (b"OPTIONS /v1/chat/completions HTTP/1.1\r\n" + CLOSE + b"\r\n", [204]),
    "CONNECT": (b"CONNECT /health HTTP/1.1\r\n\r\n" + GET + CLOSE + b"\r\n", [405, 200]),
}


@pytest.mark.parametrize(("request_", "statuses"), ANSWERED.values(), ids=ANSWERED.keys())
def test_what_is_odd_but_http_is_answered(gateway: Gateway, request_: bytes, statuses: list[int]) -> None:
    answers = answers_to(gateway, request_)
    assert [status for status, _ in answers] == statuses
    assert all("error" in body for status, body in answers if status >= 400 and body)


def test_a_method_that_is_not_allowed_hears_which_is(gateway: Gateway) -> None:
    refused = httpx.delete(f"{gateway.url}/v1/chat/completions", timeout=10)
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")


@pytest.mark.timeout(120)
def test_whoever_does_not_send_a_request_in_time_is_closed(gateway: Gateway) -> None:
    too_large = POST + b"content-length: 20000000\r\n\r\n" + b"x" * 1_000_000
    with ExitStack() as stack:
        silent, half, dribbling, endless = (stack.enter_context(connected(gateway)) for _ in range(4))
        began = time.monotonic()
        half.sendall(GET)
        dribbling.sendall(GET)
        endless.sendall(too_large)
        assert b" 413 " in endless.recv(65_536)
        for _ in range(15):
            time.sleep(1)
            dribbling.sendall(b"x: y\r\n")
            endless.sendall(b"x")
        for connection in (half, dribbling):
            late = rest_of(connection)
            assert b" 408 " in late
            assert b"request_timeout" in late
        assert rest_of(silent) == b""
        assert b"HTTP/1.1" not in rest_of(endless), "its one answer was the 413"
        assert 25 < time.monotonic() - began < 45


def test_a_connection_too_many_takes_the_place_of_the_one_that_was_idle_for_longest(gateway: Gateway) -> None:
    allow_open_files()
    with ExitStack() as stack:
        idle = [stack.enter_context(connected(gateway)) for _ in range(MAX_CONNECTIONS)]
        for connection in idle[:2]:
            # The gateway has taken all of them by now, and these are idle anew.
            connection.sendall(GET + b"\r\n")
            assert b" 200 " in connection.recv(65_536)
        for _ in range(3):
            new = stack.enter_context(connected(gateway))
            new.sendall(GET + CLOSE + b"\r\n")
            assert b" 200 " in rest_of(new)
        assert rest_of(idle[2]) == b""
        idle[0].sendall(GET + CLOSE + b"\r\n")
        assert b" 200 " in rest_of(idle[0])
    assert httpx.get(f"{gateway.url}/health", timeout=10).status_code == 200
