"""The connections to all providers: one pool for each event loop, and what may come through it.

Nothing is sent a second time, no redirect is followed, and no answer is read without a bound. Time is the execution's:
it cancels a request, and a cancelled request's connection is closed.
"""

from __future__ import annotations

import asyncio
import atexit
import ssl
import urllib.request
from collections import Counter
from collections.abc import Callable, Mapping
from functools import lru_cache
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from ..routing.failures import FailureKind, ProviderFailure
from .evidence import follow
from .exchange import MOST_BYTES, MOST_ERROR_BYTES, BrokenOffError, ErrorResponse, Outgoing
from .failures import keyless, no_format

MOST_CONNECTIONS = 1000
MOST_CONNECTIONS_PER_HOST = 500
IDLE_SECONDS = 120.0
"""An unused connection is kept so long."""
DNS_SECONDS = 300
LINGER_SECONDS = 0.1
"""After its last event a stream is given so long to end, so that its connection can be used again."""
MOST_PART = 4096
"""Bytes of a stream that are looked at together: its first token does not wait for all that came behind it."""
ERROR_SECONDS = 2.0
"""Seconds to wait for an error's body: its status has come, and decides most."""
IDENTITY = "identity"
"""No compression: it would hold tokens back."""


class Pool:
    """Sends requests from any event loop; each has connections of its own. One pool serves a process."""

    def __init__(self, tls: Callable[[], ssl.SSLContext | bool]) -> None:
        """`tls` gives what certificates are checked with; False checks none."""
        self._tls = tls
        self._sessions: dict[asyncio.AbstractEventLoop, aiohttp.ClientSession] = {}
        self._open: Counter[asyncio.AbstractEventLoop] = Counter()
        """Requests under way."""
        atexit.register(self._leave_all)

    async def send(self, outgoing: Outgoing) -> Response:
        """The provider's response, its body still to come; it must be closed.

        Raises ErrorResponse, and ProviderFailure where there is no response at all.
        """
        loop = asyncio.get_running_loop()
        session = self._sessions.get(loop) or self._new_session(loop)
        self._open[loop] += 1
        sent = None
        try:
            response = await session.post(
                _address(outgoing.url),
                data=outgoing.body,
                headers=outgoing.headers,
                allow_redirects=False,
                proxy=_proxy(outgoing.url),
            )
            if 200 <= response.status < 300:
                sent = Response(response, self._closed)
                return sent
            try:
                body = await _some_of(response, MOST_ERROR_BYTES)
                raise ErrorResponse(response.status, lower(response.headers), body)
            finally:
                response.close()
        except aiohttp.ClientResponseError as error:
            raise (no_format(error) if _is_packed_otherwise(error) else unreachable(error)) from error
        except (aiohttp.ClientError, OSError) as error:
            raise unreachable(error) from error
        except (ValueError, TypeError) as error:
            # aiohttp refuses to write such headers; all but the key have been looked at when the mapping was read.
            raise keyless() from error
        finally:
            if sent is None:
                self._closed(loop)

    async def aclose(self) -> None:
        """Close this event loop's connections, unless another Router of the process uses them now."""
        self.leave_closed_loops()
        loop = asyncio.get_running_loop()
        if not self._open[loop] and (session := self._sessions.pop(loop, None)):
            await session.close()

    def leave_closed_loops(self) -> None:
        """Drop the sessions of closed loops: each `asyncio.run` leaves one, which can no longer be awaited."""
        for loop in [loop for loop in self._sessions if loop.is_closed()]:
            self._open.pop(loop, None)
            _abandon(self._sessions.pop(loop))

    def _leave_all(self) -> None:
        """Python ends, and no event loop runs any more."""
        for session in self._sessions.values():
            _abandon(session)

    def _new_session(self, loop: asyncio.AbstractEventLoop) -> aiohttp.ClientSession:
        self.leave_closed_loops()
        connector = aiohttp.TCPConnector(
            limit=MOST_CONNECTIONS,
            limit_per_host=MOST_CONNECTIONS_PER_HOST,
            keepalive_timeout=IDLE_SECONDS,
            ttl_dns_cache=DNS_SECONDS,
            ssl=self._tls(),
        )
        self._sessions[loop] = session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            # The execution's limits are shorter than any of these would be.
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
            headers={"accept-encoding": IDENTITY, "user-agent": "litellm-fallback-router"},
        )
        return session

    def _closed(self, loop: asyncio.AbstractEventLoop) -> None:
        self._open[loop] -= 1


class Response:
    """A success, and its body."""

    def __init__(self, response: aiohttp.ClientResponse, closed: Callable[[asyncio.AbstractEventLoop], None]) -> None:
        self._response = response
        self._closed = closed

    @property
    def headers(self) -> Mapping[str, str]:
        """Names in any case."""
        return self._response.headers

    async def read(self) -> bytes:
        """All of it. Raises BrokenOffError."""
        try:
            parts = []
            left = MOST_BYTES
            async for part in self._response.content.iter_any():
                parts.append(part)
                left -= len(part)
                if left < 0:
                    raise BrokenOffError("too large")
            return parts[0] if len(parts) == 1 else b"".join(parts)
        except (aiohttp.ClientError, OSError) as error:
            raise BrokenOffError from error

    async def part(self) -> bytes:
        """What has come of it since; nothing once it has ended. Raises BrokenOffError."""
        try:
            return await self._response.content.read(MOST_PART)
        except (aiohttp.ClientError, OSError) as error:
            raise BrokenOffError from error

    async def linger(self) -> None:
        """Wait a moment for the end of a body whose content is complete."""
        content = self._response.content
        try:
            async with asyncio.timeout(LINGER_SECONDS):
                while not content.at_eof():
                    await content.readany()
        except (TimeoutError, aiohttp.ClientError, OSError):
            return

    def close(self) -> None:
        """Let go of the connection: to the pool where the body was read to its end, else it is closed."""
        self._response.close()
        self._closed(asyncio.get_running_loop())


def _address(url: str) -> URL:
    """As it is: a signature is of the very bytes. Raises ProviderFailure for one that cannot be asked, as from an
    environment variable."""
    try:
        address = URL(url, encoded=True)
        if address.port is not None and address.user is None:
            return address
    except ValueError as error:
        raise unreachable(error) from error
    raise ProviderFailure(FailureKind.CONNECTION, "connection failed (its address has a user in it, or no host)")


def unreachable(error: BaseException) -> ProviderFailure:
    """For a request that got no response."""
    return ProviderFailure(FailureKind.CONNECTION, f"connection failed ({type(error).__name__})")


def _is_packed_otherwise(error: aiohttp.ClientResponseError) -> bool:
    """The head of a response has come, but its body is packed in a way that was not asked for."""
    return any(isinstance(one, aiohttp.http_exceptions.ContentEncodingError) for one in follow(error))


def lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


async def _some_of(response: aiohttp.ClientResponse, most: int) -> bytes:
    """Of an error's body as much as comes. That it breaks off changes nothing: the status has come."""
    body = bytearray()
    try:
        async with asyncio.timeout(ERROR_SECONDS):
            async for part in response.content.iter_any():
                body += part
                if len(body) >= most:
                    break
    except (aiohttp.ClientError, OSError):
        pass  # a timeout is an OSError
    return bytes(body[:most])


def _abandon(session: aiohttp.ClientSession) -> None:
    """Close it without its event loop, which cannot be awaited."""
    connector = session.connector
    session.detach()
    if connector is not None:
        connector._close()


@lru_cache(maxsize=1024)
def _proxy(url: str) -> str | None:
    """The proxy that the environment names for that URL."""
    parts = urlsplit(url)
    if urllib.request.proxy_bypass(parts.hostname or ""):
        return None
    proxies = urllib.request.getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    return proxy if proxy is None or "://" in proxy else f"http://{proxy}"
