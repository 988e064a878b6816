"""Images fetched for callers, where an operator lets them be (`fetch_images`): one image at a time, bounded in
bytes, redirects and kinds. Time is the caller's.

The address is checked where the socket is made, so what was checked is what is connected to, whatever a name server
says next; the host's name stays in the Host header and for TLS.

A caller's URL must reach no address that is not on the public internet: not this machine, not its network, not its
cloud's metadata, in whatever form the address comes. Sources: IANA, "IPv4 Special-Purpose Address Registry" and "IPv6
Special-Purpose Address Registry" (which Python's `ipaddress` follows, some versions of it with gaps), and the RFCs
beside each row.
"""

from __future__ import annotations

import base64
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING, Any

from ..routing.request import ImageUnavailableError

if TYPE_CHECKING:
    import aiohttp
    import yarl

GLOBAL_UNICAST = IPv6Network("2000::/3")
"""All that is handed out of IPv6 (RFC 4291). IPv4-compatible (`::/96`), translated (`::ffff:0:0:0/96`, RFC 2765), local
NAT64 (`64:ff9b:1::/48`, RFC 8215), unique local and link-local addresses lie outside."""
WITH_IPV4 = (IPv6Network("::ffff:0:0/96"), IPv6Network("64:ff9b::/96"))
"""IPv4 in the last 32 bits: mapped (RFC 4291), and NAT64's well-known prefix (RFC 6052)."""
NOT_PUBLIC_V6 = (
    IPv6Network("2002::/16"),  # 6to4, which leads to the IPv4 address in it (RFC 3056, given up by RFC 7526)
    IPv6Network("2001::/23"),  # IETF protocols, Teredo among them (RFC 2928, RFC 4380)
    IPv6Network("2001:db8::/32"),  # documentation (RFC 3849)
    IPv6Network("3fff::/20"),  # documentation (RFC 9637)
    IPv6Network("5f00::/16"),  # SRv6 SIDs (RFC 9602)
)
NOT_PUBLIC_V4 = (
    IPv4Network("0.0.0.0/8"),  # this network (RFC 791)
    IPv4Network("100.64.0.0/10"),  # carriers' own (RFC 6598)
    IPv4Network("169.254.0.0/16"),  # link-local (RFC 3927): clouds' metadata
    IPv4Network("192.0.0.0/24"),  # IETF protocols (RFC 6890); one cloud's metadata lies in it
    IPv4Network("192.88.99.0/24"),  # 6to4 relays (RFC 7526)
    IPv4Network(
        "168.63.129.16/32"
    ),  # Azure's own host, to every machine in it (Azure, "What is IP address 168.63.129.16?")
)
ISATAP = frozenset({0x00005EFE, 0x02005EFE})
"""The third quarter of an IPv6 address whose last is an IPv4 address (RFC 5214)."""


def is_public(text: str) -> bool:
    """True for an address of a machine on the public internet."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return _is_public_v4(address) if isinstance(address, IPv4Address) else _is_public_v6(address)


def _is_public_v4(address: IPv4Address) -> bool:
    if address.is_multicast or address.is_reserved or any(address in network for network in NOT_PUBLIC_V4):
        return False
    return address.is_global


def _is_public_v6(address: IPv6Address) -> bool:
    low = IPv4Address(int(address) & 0xFFFFFFFF)
    if address.scope_id is not None:
        return False
    if any(address in network for network in WITH_IPV4):
        return _is_public_v4(low)
    if address not in GLOBAL_UNICAST or any(address in network for network in NOT_PUBLIC_V6):
        return False
    if (int(address) >> 32) & 0xFFFFFFFF in ISATAP and not _is_public_v4(low):
        return False
    return address.is_global


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
    """Implements the `Images` port."""

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
    if not is_public(address[0]):
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
    content = bytearray()
    async for part in response.content.iter_any():
        content += part
        if len(content) > MOST_BYTES:
            raise _too_large()
    return bytes(content)


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
