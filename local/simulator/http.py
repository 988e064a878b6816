"""As much HTTP/1.1 as model providers use, on bare asyncio streams."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

MAX_HEAD = 64 * 1024
MAX_BODY = 32 * 1024 * 1024
NOT_JSON: Any = object()
_BODY_TIMEOUT = 60.0


class BadRequest(Exception):
    """The bytes are not HTTP this server takes; the connection ends after the answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True)
class Request:
    """A request as it came. Header names are lower case; the target is not decoded (signatures need it raw)."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @cached_property
    def json(self) -> Any:
        """The body as JSON; `NOT_JSON` when it is not (NaN and Infinity are not)."""
        try:
            return json.loads(self.body, parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            return NOT_JSON


@dataclass(frozen=True)
class Reply:
    """A whole answer."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"

    @classmethod
    def json(cls, status: int, body: Any, headers: Mapping[str, str] | None = None) -> "Reply":
        # Half of a surrogate pair, which a client may have sent as `\ud800`, goes out as it came in.
        return cls(status, json.dumps(body, ensure_ascii=False).encode(errors="backslashreplace"), headers or {})

    def encode(self, *, length: int | None = None) -> bytes:
        """Head and body; `length` is the Content-Length to claim when it shall not be the body's."""
        return self.head(len(self.body) if length is None else length) + self.body

    def head(self, length: int) -> bytes:
        headers = {"content-type": self.content_type, "content-length": str(length), **self.headers}
        return encode_head(self.status, headers)


class WatchedReader(asyncio.StreamReader):
    """A stream reader that reports when the other side has closed, also while no read is under way."""

    def __init__(self) -> None:
        super().__init__(limit=MAX_HEAD, loop=asyncio.get_running_loop())
        self.gone = asyncio.Event()

    def feed_eof(self) -> None:
        self.gone.set()
        super().feed_eof()

    def set_exception(self, exc: Exception) -> None:
        self.gone.set()
        super().set_exception(exc)


def encode_head(status: int, headers: Mapping[str, str]) -> bytes:
    try:
        reason = HTTPStatus(status).phrase
    except ValueError:  # 529 is Anthropic's own
        reason = ""
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def encode_chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


LAST_CHUNK = b"0\r\n\r\n"


async def read_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Request | None:
    """The next request of a connection, or None when the client closed it.

    Raises BadRequest, TimeoutError for a body that does not arrive, and ConnectionError.
    """
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as end:
        if end.partial.strip():
            raise BadRequest(400, "the request ends in the middle of its head") from end
        return None
    except asyncio.LimitOverrunError as long:
        raise BadRequest(431, f"the head of a request has at most {MAX_HEAD} bytes") from long
    method, target, headers = _parse_head(head)
    if headers.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    async with asyncio.timeout(_BODY_TIMEOUT):
        try:
            body = await _read_body(reader, headers)
        except asyncio.IncompleteReadError as end:
            raise BadRequest(400, "the request ends in the middle of its body") from end
    return Request(method, target, headers, body)


def _parse_head(head: bytes) -> tuple[str, str, dict[str, str]]:
    request_line, *lines = head.decode("latin-1").rstrip("\r\n").lstrip("\r\n").split("\r\n")
    words = request_line.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise BadRequest(400, "the first line is not METHOD TARGET HTTP/1.1")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise BadRequest(400, "a header line is not NAME: VALUE")
        name, value = name.lower(), value.strip()
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return words[0], words[1], headers


async def _read_body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return await _read_chunked(reader)
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        raise BadRequest(400, "Content-Length is not a number")
    if int(length) > MAX_BODY:
        raise BadRequest(413, f"a request body has at most {MAX_BODY} bytes")
    return await reader.readexactly(int(length))


async def _read_chunked(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while True:
        size_line = await reader.readuntil(b"\r\n")
        try:
            size = int(size_line.split(b";")[0], 16)
        except ValueError as wrong:
            raise BadRequest(400, "a chunk does not begin with its size") from wrong
        if size < 0 or len(body) + size > MAX_BODY:
            raise BadRequest(413, f"a request body has at most {MAX_BODY} bytes")
        if size == 0:
            break
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    while await reader.readuntil(b"\r\n") != b"\r\n":
        pass  # trailers
    return bytes(body)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
