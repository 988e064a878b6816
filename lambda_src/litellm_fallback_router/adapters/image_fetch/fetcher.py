"""Fetches one image: bounded in bytes, redirects and kinds, and from the public internet only.

The address is checked where the socket is made, so what was checked is what is connected to, whatever a name server
says next; the host's name stays in the Host header and for TLS. Time is the caller's.
"""

from __future__ import annotations

import base64
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from ...routing.request import ImageUnavailableError
from . import addresses

if TYPE_CHECKING:
    import aiohttp
    import yarl

MOST_BYTES = 5_000_000
"""Of one image. Anthropic takes no more (Claude docs, "Vision")."""
MOST_HOPS = 3
"""Redirects that are followed, each checked like the first URL."""
CONNECT_SECONDS = 5.0
_BEGINNINGS = {"png": b"\x89PNG\r\n\x1a\n", "jpeg": b"\xff\xd8\xff", "gif": b"GIF8"}
"""What every provider takes, by its first bytes; WebP has its own in two places."""
HEADERS = {"accept": "image/png, image/jpeg, image/gif, image/webp", "accept-encoding": "identity"}


class NotPublicError(OSError):
    """A socket to an address that is not on the public internet."""


class ImageFetcher:
    """The `Images` port."""

    async def fetch(self, url: str) -> str:
        """The image as a data URL. Raises ImageUnavailableError."""
        import aiohttp  # noqa: PLC0415 - heavy, and loaded with LiteLLM

        try:
            async with _session() as session:
                content = await _followed(session, url)
        except aiohttp.ClientError as error:
            raise _unavailable("its host cannot be reached") from error
        except (OSError, ValueError) as error:
            # What a URL may hold that no URL may; `idna` and `yarl` say it with these.
            raise _unavailable("its host cannot be reached") from error
        return f"data:image/{_kind_of(content)};base64,{base64.b64encode(content).decode()}"


@asynccontextmanager
async def _session() -> AsyncIterator[aiohttp.ClientSession]:
    """A connection of its own for each image: nothing is left over, and nothing is shared."""
    import aiohttp  # noqa: PLC0415

    connector = aiohttp.TCPConnector(socket_factory=_public_socket, force_close=True, use_dns_cache=False, limit=1)
    async with aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT_SECONDS),
        headers={**HEADERS, "user-agent": "litellm-fallback-router"},
        auto_decompress=False,
        trust_env=False,
        max_line_size=8190,
    ) as session:
        yield session


def _public_socket(found: Any) -> socket.socket:
    family, kind, protocol, _, address = found
    if not addresses.is_public(address[0]):
        raise NotPublicError
    made = socket.socket(family=family, type=kind, proto=protocol)
    made.setblocking(False)
    return made


async def _followed(session: aiohttp.ClientSession, text: str) -> bytes:
    import yarl  # noqa: PLC0415

    url = _checked(yarl.URL(text))
    for _ in range(MOST_HOPS + 1):
        async with session.get(url, allow_redirects=False) as response:
            if response.status not in (301, 302, 303, 307, 308):
                return await _read(response)
            url = _checked(url.join(yarl.URL(response.headers.get("location", ""))), after=url)
    raise _unavailable(f"it redirects more than {MOST_HOPS} times")


def _checked(url: yarl.URL, *, after: yarl.URL | None = None) -> yarl.URL:
    if url.scheme not in ("https", "http") or not url.host:
        raise _unavailable("it is no http or https URL")
    if url.user is not None or url.password is not None:
        raise _unavailable("its URL has a user name or password in it")
    if after is not None and after.scheme == "https" and url.scheme == "http":
        raise _unavailable("it redirects from https to http")
    return url


async def _read(response: aiohttp.ClientResponse) -> bytes:
    if response.status != 200:
        raise _unavailable(f"its host answered {response.status}")
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise _unavailable("it is compressed once more")
    if (response.content_length or 0) > MOST_BYTES:
        raise _too_large()
    content = b""
    async for part in response.content.iter_any():
        content += part
        if len(content) > MOST_BYTES:
            raise _too_large()
    return content


def _kind_of(content: bytes) -> str:
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "webp"
    for kind, beginning in _BEGINNINGS.items():
        if content.startswith(beginning):
            return kind
    raise _unavailable("it is no PNG, JPEG, GIF or WebP image")


def _too_large() -> ImageUnavailableError:
    return _unavailable(f"it is larger than {MOST_BYTES} bytes")


def _unavailable(why: str) -> ImageUnavailableError:
    return ImageUnavailableError(f"an image by URL could not be fetched: {why}")
