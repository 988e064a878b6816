"""A caller's connection: bounded before there is a request for the app to bound, and refused in JSON."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from http import HTTPStatus
from itertools import islice
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ..api.formats.base import Problem
from ..api.formats.chat import error_body
from ..api.wire import encode

HEAD_SECONDS = 30.0
"""For the request line and all headers to arrive, from the connection's or their first byte."""
MAX_HEAD_BYTES = 65_536
"""Request line and headers together."""
MAX_CONNECTIONS = 1000
READ_SECONDS = 60.0
"""For a caller to read on, once what waits for it fills its buffers."""


OPEN_FILES = 2 * MAX_CONNECTIONS + 100
"""Each connection may need one to a provider."""


def allow_open_files() -> None:
    """Raise this process's own limit, which many systems set to 1,024, as far as it may."""
    if sys.platform != "win32":
        import resource  # noqa: PLC0415 - Unix alone has it

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if 0 <= soft < OPEN_FILES:
            resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES if hard < 0 else min(OPEN_FILES, hard), hard))


class HeadTooLargeError(Exception):
    """More than MAX_HEAD_BYTES of request line and headers."""


class Limit:
    """Calls `passed` once `seconds` have gone by from its start, unless it is stopped."""

    def __init__(self, seconds: float, passed: Callable[[], None]) -> None:
        self._seconds = seconds
        self._passed = passed
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Does nothing where it runs already."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._seconds, self._pass)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _pass(self) -> None:
        self._timer = None
        self._passed()


class Connection(HttpToolsProtocol):
    """uvicorn's protocol with the limits that it has no option for.

    uvicorn closes connections that are idle between requests (`timeout_keep_alive`), and waits for as long as it takes
    for the first byte, for the rest of the headers and for the caller to read (uvicorn 0.54, httptools_impl.py).
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_limit = Limit(HEAD_SECONDS, self._head_is_late)
        self._read_limit = Limit(READ_SECONDS, self._reads_no_more)
        self._in_head = False
        self._head_bytes = 0
        """Of the request's line, headers and trailers, as parsed."""
        self._unparsed = 0
        """Received since the parser last gave something: it gives a header only when that is complete."""
        self._without_request: dict[Connection, None] = vars(kwargs["server_state"]).setdefault("without_request", {})
        """The server's connections that have no request under way, the longest first."""
        self._told_framing = False
        """True while a new parser gets what the last one had read."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in uvicorn
        super().connection_made(transport)
        self._note_request()
        if len(self.connections) > MAX_CONNECTIONS and not self._make_room():
            self._refuse(503, "too_many_connections", "The gateway has too many connections. Try again in a moment.")
        else:
            self._head_limit.start()

    def _make_room(self) -> bool:
        """Closes the connection that has been without a request for the longest time, first of those whose caller has
        all of its last answer. There is one: the gateway answers fewer requests at once (`max_concurrent`) than it
        holds connections."""
        drained = (one for one in self._without_request if one.transport.get_write_buffer_size() == 0)
        longest = next(
            (one for one in (*islice(drained, 2), *islice(self._without_request, 2)) if one is not self), None
        )
        if longest is None:
            return False
        longest.transport.abort()
        del self._without_request[longest]
        return True

    def _note_request(self) -> None:
        """Keeps idle connections in order: the one that became idle last stands at the end."""
        self._without_request.pop(self, None)
        if not self.transport.is_closing() and (self.cycle is None or self.cycle.response_complete):
            self._without_request[self] = None

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._note_request()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_limit.stop()
        self._read_limit.stop()
        # uvicorn leaves this timer running, which holds the connection and its last request for as long again.
        self._unset_keepalive_if_required()
        self._without_request.pop(self, None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        self._unset_keepalive_if_required()
        self._unparsed += len(data)
        try:
            self._parse(data)
        except (httptools.HttpParserError, HeadTooLargeError):
            self.logger.warning("Invalid HTTP request received.")
            self._refuse_unparsed()
            return
        if self.cycle is None or self.cycle.response_complete:
            # Also for what follows an answer that was given before the body had arrived.
            self._head_limit.start()

    def _parse(self, data: bytes) -> None:
        while data:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                data = data[upgrade.args[0] :]
                self._stay_with_http1()
            else:
                break
        if self._unparsed > MAX_HEAD_BYTES:
            raise HeadTooLargeError

    def _stay_with_http1(self) -> None:
        """A request that offers another protocol (as Java's HttpClient does by itself) is answered over this one, as
        RFC 9110 (7.8) has it. The parser has stopped before the body, so a new one is given the body's length."""
        framing = [h for h in self.headers if h[0] in (b"content-length", b"transfer-encoding")]
        lines = [b"POST / HTTP/1.1", *(name + b": " + value for name, value in framing), b"", b""]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self._told_framing = True
        self.parser.feed_data(b"\r\n".join(lines))
        self._told_framing = False

    # What the parser calls

    def on_message_begin(self) -> None:
        if not self._told_framing:
            super().on_message_begin()
            self._in_head, self._head_bytes = True, 0

    def on_url(self, url: bytes) -> None:
        if not self._told_framing:
            super().on_url(url)
            self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._told_framing:
            super().on_header(name, value)
            self._count(len(name) + len(value))

    def on_headers_complete(self) -> None:
        if not self._told_framing:
            self._in_head, self._unparsed = False, 0
            self._head_limit.stop()
            super().on_headers_complete()
            self._note_request()

    def on_body(self, body: bytes) -> None:
        self._unparsed = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._unparsed = 0
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > MAX_HEAD_BYTES:
            raise HeadTooLargeError

    def _head_is_late(self) -> None:
        if self._in_head:
            message = f"The request's headers did not arrive within {HEAD_SECONDS:.0f} seconds."
            self._refuse(408, "request_timeout", message)
        else:
            self.transport.close()

    # A caller that does not read

    def pause_writing(self) -> None:
        super().pause_writing()
        self._read_limit.start()

    def resume_writing(self) -> None:
        self._read_limit.stop()
        super().resume_writing()

    def _reads_no_more(self) -> None:
        self.transport.abort()

    # Refusals

    def _refuse_unparsed(self) -> None:
        if max(self._head_bytes, self._unparsed) > MAX_HEAD_BYTES:
            message = f"The request's headers are larger than {MAX_HEAD_BYTES} bytes. Send less."
            self._refuse(431, "headers_too_large", message)
        else:
            self._refuse(400, "invalid_http", "This is not valid HTTP/1.1. The API is described at /docs.")

    def _refuse(self, status: int, code: str, message: str) -> None:
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            kind = "api_error" if status >= 500 else "invalid_request_error"
            self.transport.write(_response(status, encode(error_body(Problem(status, message, kind, code=code)))))
        # In the middle of an answer there is no place for another.
        self.transport.close()


def _response(status: int, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\ncontent-type: application/json\r\nconnection: close\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode("ascii") + body
