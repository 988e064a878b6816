"""The Lambda Runtime API, as a runtime sees it: invocations on loopback, answered whole or in pieces.

Source: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html and runtimes-custom.html (response streaming).
"""

from __future__ import annotations

import json
import queue
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

WAIT = 60.0
"""Seconds until a test gives up on an answer."""
DELIMITER = b"\0" * 8
"""Parts the head of a streamed answer from its body."""
_RUNTIME = "/2018-06-01/runtime"
_EXTENSION = "/2020-01-01/extension"


@dataclass
class Invocation:
    """One event on its way through the function."""

    event: dict[str, Any]
    deadline: float
    """Unix seconds at which Lambda would stop the function."""
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    _pieces: queue.Queue[bytes | None] = field(default_factory=queue.Queue)
    error: dict[str, Any] | None = None
    streamed: bool = False
    client_context: dict[str, Any] | None = None
    """What the caller of Lambda's Invoke sent beside the event."""

    def pieces(self) -> Iterator[bytes]:
        """The answer as it arrives. Raises queue.Empty where nothing comes for too long."""
        while (piece := self._pieces.get(timeout=WAIT)) is not None:
            yield piece

    def raw(self) -> bytes:
        return b"".join(self.pieces())

    def answer(self) -> dict[str, Any]:
        """The proxy response of a plain handler."""
        proxy: dict[str, Any] = json.loads(self.raw())
        assert self.error is None, self.error
        return proxy

    def stream(self) -> tuple[dict[str, Any], Iterator[bytes]]:
        """Head (`statusCode`, `headers` ...) and body, in pieces, of a streamed answer."""
        pieces, seen = self.pieces(), b""
        for piece in pieces:
            seen += piece
            head, found, rest = seen.partition(DELIMITER)
            if found:
                return json.loads(head), _before(rest, pieces)
        raise AssertionError(f"no streamed answer: {seen[:200]!r} {self.error}")


def _before(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from rest


class RuntimeApi:
    """What a function's runtime and the adapter's extension talk to."""

    def __init__(self, address: str) -> None:
        self.address = address
        """`host:port`, as AWS_LAMBDA_RUNTIME_API holds it."""
        self._waiting: queue.Queue[Invocation] = queue.Queue()
        self.under_way: dict[str, Invocation] = {}
        self.ready = threading.Event()
        """Set when the runtime asks for its first invocation: its start is over."""
        self.restored = threading.Event()
        """Set by the test: a runtime that waits to be restored from a snapshot goes on."""
        self.snapshot_taken = threading.Event()
        """Set when the runtime is ready for its snapshot."""
        self.failure: dict[str, Any] | None = None
        """What the runtime reported when it could not start or be restored."""
        self.closing = threading.Event()

    def invoke(
        self, event: dict[str, Any], *, seconds: float = 60.0, client_context: dict[str, Any] | None = None
    ) -> Invocation:
        """Give the function an event, and `seconds` for it."""
        invocation = Invocation(event, time.time() + seconds, client_context=client_context)
        self.under_way[invocation.id] = invocation
        self._waiting.put(invocation)
        return invocation

    def next(self) -> Invocation | None:
        """Waits; None when the test is over."""
        self.ready.set()
        while not self.closing.is_set():
            try:
                return self._waiting.get(timeout=0.1)
            except queue.Empty:
                continue
        return None


@contextmanager
def runtime_api() -> Iterator[RuntimeApi]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    api = RuntimeApi(f"127.0.0.1:{server.server_port}")
    server.api = api  # type: ignore[attr-defined] # how http.server hands things to its handlers
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield api
    finally:
        api.closing.set()
        server.shutdown()
        server.server_close()
        thread.join(WAIT)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def api(self) -> RuntimeApi:
        api: RuntimeApi = self.server.api  # type: ignore[attr-defined]
        return api

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the tests say what went wrong."""

    def do_GET(self) -> None:
        if self.path == f"{_RUNTIME}/invocation/next":
            self._send_next()
        elif self.path == f"{_RUNTIME}/restore/next":
            self.api.snapshot_taken.set()
            self.api.restored.wait(WAIT)
            self._reply(200)
        elif self.path == f"{_EXTENSION}/event/next":
            self.api.closing.wait()
            self.close_connection = True
        else:
            self._reply(404)

    def do_POST(self) -> None:
        parts = self.path.removeprefix(f"{_RUNTIME}/").split("/")
        if self.path == f"{_EXTENSION}/register":
            self._read()
            self._reply(200, {"Lambda-Extension-Identifier": "extension"}, b"{}")
        elif parts in (["init", "error"], ["restore", "error"]):
            self.api.failure = json.loads(self._read())
            self._reply(202)
        elif parts[0] == "invocation" and parts[2:] == ["response"]:
            self._take_answer(self.api.under_way[parts[1]])
        elif parts[0] == "invocation" and parts[2:] == ["error"]:
            invocation = self.api.under_way[parts[1]]
            invocation.error = json.loads(self._read())
            invocation._pieces.put(None)
            self._reply(202)
        else:
            self._reply(404)

    def _send_next(self) -> None:
        invocation = self.api.next()
        if invocation is None:
            self.close_connection = True
            return
        headers = {
            "Lambda-Runtime-Aws-Request-Id": invocation.id,
            "Lambda-Runtime-Deadline-Ms": str(int(invocation.deadline * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:123456789012:function:gateway",
            "Lambda-Runtime-Trace-Id": "Root=1-5e1b4151-5ac6c58f3b1dc1b2a3c4d5e6",
            "Content-Type": "application/json",
        }
        if invocation.client_context is not None:
            headers["Lambda-Runtime-Client-Context"] = json.dumps(invocation.client_context)
        self._reply(200, headers, json.dumps(invocation.event).encode())

    def _take_answer(self, invocation: Invocation) -> None:
        invocation.streamed = self.headers.get("Lambda-Runtime-Function-Response-Mode") == "streaming"
        for piece in self._body():
            invocation._pieces.put(piece)
        invocation._pieces.put(None)
        self._reply(202)

    def _read(self) -> bytes:
        return b"".join(self._body())

    def _body(self) -> Iterator[bytes]:
        """The request's body, piece by piece as it was sent."""
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            yield self.rfile.read(int(self.headers.get("Content-Length", "0")))
            return
        while size := int(self.rfile.readline().split(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass

    def _reply(self, status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
