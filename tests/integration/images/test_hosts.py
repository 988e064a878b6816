"""What the fetcher of images reaches: the public internet alone, at the address that was checked."""

from __future__ import annotations

import asyncio
import base64
import re
import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from litellm_fallback_router.adapters import image_fetch
from litellm_fallback_router.routing.request import images as bounds
from tests.support.pictures import PNG, picture
from tests.support.raw_server import response
from tests.support.recording_server import recording_server

DATA_URL = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"


async def test_redirects_are_followed_a_little_and_each_is_checked(everywhere: None) -> None:
    async with recording_server(picture()) as host, recording_server() as first:
        first.answer = response(302, "", {"location": f"{host.url}/b.png"})
        assert await image_fetch.ImageFetcher().fetch(f"{first.url}/a.png") == DATA_URL
        first.answer = response(302, "", {"location": "/again"})
        with pytest.raises(bounds.ImageUnavailableError, match="it redirects more than 3 times"):
            await image_fetch.ImageFetcher().fetch(f"{first.url}/a.png")
        for location in (
            "file:///etc/passwd",
            "gopher://127.0.0.1/",
            "ftp://127.0.0.1/",
            "http://user:pass@127.0.0.1/",
        ):
            first.answer = response(302, "", {"location": location})
            with pytest.raises(bounds.ImageUnavailableError):
                await image_fetch.ImageFetcher().fetch(f"{first.url}/a.png")


async def test_a_redirect_inside_reaches_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first host passes for public; where it points to does not."""
    async with recording_server(picture()) as inside, recording_server() as outside:
        outside.answer = response(302, "", {"location": inside.url.replace("127.0.0.1", "127.0.0.2")})
        monkeypatch.setattr(image_fetch, "is_public", lambda address: address == "127.0.0.1")
        with pytest.raises(bounds.ImageUnavailableError, match="its host cannot be reached"):
            await image_fetch.ImageFetcher().fetch(f"{outside.url}/a.png")
    assert (len(outside.requests), inside.connections) == (1, 0)


@pytest.mark.parametrize(
    "host",
    [
        "0.0.0.0",  # noqa: S104 - to be refused
        "127.0.0.1",
        "localhost",
        "0x7f000001",
        "2130706433",
        "127.1",
        "0177.0.0.1",
        "127.0.0.1.",
        "0",
        "①②⑦.0.0.1",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
    ],
)
async def test_this_machine_is_reached_under_no_name(host: str) -> None:
    async with recording_server(picture()) as here:
        port = re.findall(r":(\d+)$", here.url)[0]
        with pytest.raises(bounds.ImageUnavailableError):
            await image_fetch.ImageFetcher().fetch(f"http://{host}:{port}/a.png")
    assert here.connections == 0


async def test_what_was_checked_is_what_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is public at first and inside a moment later."""
    looked_up: list[str] = []
    async with recording_server(picture()) as here:
        port = int(re.findall(r":(\d+)$", here.url)[0])

        async def changing(_: object, host: str, *__: object, **___: object) -> Any:
            looked_up.append(host)
            address = "93.184.216.34" if len(looked_up) == 1 else "127.0.0.1"
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

        loop = asyncio.get_running_loop()
        monkeypatch.setattr(type(loop), "getaddrinfo", changing)
        checked: list[str] = []

        def check(address: str) -> bool:
            checked.append(address)
            return False

        monkeypatch.setattr(image_fetch, "is_public", check)
        with pytest.raises(bounds.ImageUnavailableError):
            await image_fetch.ImageFetcher().fetch(f"http://pictures.example:{port}/a.png")
    assert (looked_up, checked, here.connections) == (["pictures.example"], ["93.184.216.34"], 0)


@pytest.mark.parametrize(
    "url", ["http://", "http://[", "http://a b/", "https://\u0000", "http://a:99999/", "HTTP://", "http:///x"]
)
async def test_what_is_no_url_is_fetched_from_nowhere(url: str) -> None:
    with pytest.raises(bounds.ImageUnavailableError):
        await image_fetch.ImageFetcher().fetch(url)


@pytest.fixture
def one_name(everywhere: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every name is this machine's."""

    async def here(_: object, host: str, port: int, *__: object, **___: object) -> Any:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", here)


async def test_a_host_is_asked_by_its_name(one_name: None) -> None:
    async with recording_server(picture()) as host:
        port = host.url.rpartition(":")[2]
        await image_fetch.ImageFetcher().fetch(f"http://pictures.example:{port}/a.png")
    assert f"\r\nHost: pictures.example:{port}\r\n".encode() in host.requests[0]


async def test_a_certificate_is_asked_for_by_the_hosts_name_and_checked(one_name: None, tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    own = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "pictures.example")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(
        name, name, own.public_key(), x509.random_serial_number(), now, now + timedelta(days=1)
    )
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName("pictures.example")]), critical=False)
    certificate.write_bytes(made.sign(own, hashes.SHA256()).public_bytes(Encoding.PEM))
    key.write_bytes(own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    names: list[str | None] = []
    context.sni_callback = lambda _, asked_for, __: names.append(asked_for)
    answered: list[object] = []
    server = await asyncio.start_server(lambda reader, _: answered.append(reader), "127.0.0.1", 0, ssl=context)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(bounds.ImageUnavailableError, match="its host cannot be reached"):
            await image_fetch.ImageFetcher().fetch(f"https://pictures.example:{port}/a.png")
    assert (names, answered) == (["pictures.example"], [])
