"""Images that callers refer to by URL: nothing is fetched for them unless the operator says so, and then only what is
an image, is not too large, and lies on the public internet. Real servers on loopback play the providers and the images.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from litellm_fallback_router.adapters import image_fetch
from litellm_fallback_router.bootstrap import assemble, load
from litellm_fallback_router.engine.loading import litellm
from litellm_fallback_router.mapping import ROUTER_STYLE_MAPPING
from litellm_fallback_router.routing.errors import InvalidRequestError, RouterError
from litellm_fallback_router.routing.failures import FailureKind
from litellm_fallback_router.routing.request import images as bounds
from litellm_fallback_router.routing.router import Router
from litellm_fallback_router.routing.types import ChatRequest
from litellm_fallback_router.settings import Settings
from local.simulator import SimulatorControl
from tests.integration.test_redirects import BEDROCK, PLACES
from tests.support.finish_places import anthropics, bedrocks, openais
from tests.support.guarded_gateway import asked as bodies
from tests.support.raw_server import response
from tests.support.recording_server import Recorder, recording_server

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
DATA_URL = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "bedrock": ("bedrock", {"model": "us.anthropic.claude-sonnet-4-6", **BEDROCK}),
    "nova": ("bedrock", {"model": "us.amazon.nova-pro-v1:0", **BEDROCK}),
    "openai": ("openai", {"model": "gpt-4o", "api_key": "key"}),
    "anthropic": ("anthropic", {"model": "claude-sonnet-4-6", "api_key": "key"}),
}
ANSWERS = {"openai": openais("mine", "stop"), "anthropic": anthropics("mine", "end_turn")}


def picture(content: bytes = PNG, *, status: int = 200, kind: str = "image/png", encoding: str = "identity") -> bytes:
    return response(status, content, {"content-encoding": encoding}, content_type=kind)


def asked(*urls: str) -> ChatRequest:
    parts: list[dict[str, Any]] = [{"type": "text", "text": "What is it?"}]
    parts += [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    return ChatRequest("m", [{"role": "user", "content": parts}])


@asynccontextmanager
async def asking(*names: str, fetch: bool = False) -> AsyncIterator[tuple[Router, Recorder]]:
    """A router to these, in order, all on one server that keeps what they were sent."""
    async with recording_server() as place:
        models, others = [], []
        for number, name in enumerate(names):
            provider, params = MODELS[name]
            base = "aws_bedrock_runtime_endpoint" if provider == "bedrock" else "api_base"
            model_name = "m" if number == 0 else f"m{number}"
            others += [model_name] if number else []
            # OpenAI's own, at another address: openai_compatible servers get everything as it came.
            params = {**params, base: place.url}
            models.append({"model_name": model_name, "litellm_provider": provider, "params": params})
        place.answer = response(200, ANSWERS.get(names[-1], bedrocks("mine", "end_turn")))
        fallbacks = {"fallbacks": {"m": others}} if others else {}
        mapping = {"model_list": models, **fallbacks, "settings": {"fetch_images": fetch, "tries_on_last": 1}}
        async with assemble(load(Settings(), mapping)) as router:
            yield router, place


def sent(place: Recorder) -> list[dict[str, Any]]:
    return [json.loads(one.split(b"\r\n\r\n", 1)[1]) for one in place.requests]


@pytest.fixture
def everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loopback passes for the public internet."""
    monkeypatch.setattr(image_fetch, "is_public", lambda address: address in ("127.0.0.1", "::1"))


@pytest.mark.parametrize("name", ["bedrock", "nova"])
async def test_who_takes_none_by_url_is_passed_over_and_nothing_is_fetched(name: str) -> None:
    async with recording_server(picture()) as host, asking(name, "openai") as (router, place):
        result = await router.complete(asked(f"{host.url}/a.png"))
    assert (host.connections, result.ledger.attempts[0].provider) == (0, "openai")
    (drop,) = result.ledger.dropped
    assert (drop.deployment, drop.code) == ("m", "images")
    assert "takes no image by this URL; send it as a data URL" in drop.reason
    assert f"{host.url}/a.png" in str(sent(place))


async def test_nobody_left_is_a_400_that_says_what_to_send() -> None:
    async with recording_server(picture()) as host, asking("bedrock") as (router, place):
        with pytest.raises(InvalidRequestError, match="send it as a data URL"):
            await router.complete(asked(f"{host.url}/a.png"))
    assert (host.connections, place.requests) == (0, [])


async def test_anthropic_gets_https_as_it_came_and_no_http() -> None:
    url = "https://pictures.example/a.png"
    async with asking("anthropic") as (router, place):
        await router.complete(asked(url))
        with pytest.raises(InvalidRequestError):
            await router.complete(asked("http://pictures.example/a.png"))
    (body,) = sent(place)
    assert body["messages"][0]["content"][1]["source"] == {"type": "url", "url": url}


@pytest.mark.parametrize("name", [*PLACES, "us.anthropic.claude-sonnet-4-6"])
@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "URL/a.png"}},
        {"type": "image_url", "image_url": "URL/a.png"},
        {"type": "file", "file": {"file_id": "URL/a.pdf"}},
        {"type": "file", "file": {"file_data": "URL/a.pdf"}},
        {"type": "document", "source": {"type": "url", "url": "URL/a.pdf"}},
        {"type": "input_audio", "input_audio": {"data": "URL/a.wav", "format": "wav"}},
        {"type": "video_url", "video_url": {"url": "URL/a.mp4"}},
        {"type": "audio_url", "audio_url": {"url": "URL/a.mp3"}},
    ],
    ids=lambda part: "-".join([part["type"], *map(str, part[next(k for k in part if k != "type")])])[:40],
)
async def test_no_provider_has_anything_fetched(name: str, part: dict[str, Any]) -> None:
    place = PLACES.get(name) or {"litellm_provider": "bedrock", "params": {"model": name, **BEDROCK}}
    async with recording_server(picture()) as host, recording_server(response(500, {"message": "x"})) as provider:
        base = "aws_bedrock_runtime_endpoint" if place["litellm_provider"] == "bedrock" else "api_base"
        params = {**place["params"], base: provider.url}
        models = [{"model_name": "m", "litellm_provider": place["litellm_provider"], "params": params}]
        filled = json.loads(json.dumps(part).replace("URL", host.url))
        request = ChatRequest("m", [{"role": "user", "content": [{"type": "text", "text": "?"}, filled]}])
        async with assemble(load(Settings(), {"model_list": models})) as router:
            with pytest.raises(RouterError) as refused:
                await router.complete(request)
    assert host.connections == 0
    kinds = {attempt.failure for attempt in refused.value.ledger.attempts}
    assert kinds <= {FailureKind.UNAVAILABLE, FailureKind.REJECTED}


def test_litellm_itself_fetches_nothing() -> None:
    library = litellm()
    with pytest.raises(library.ImageFetchError):
        library.litellm_core_utils.prompt_templates.image_handling.convert_url_to_base64("http://127.0.0.1:1/a.png")


@pytest.mark.parametrize("name", ["bedrock", "nova"])
@pytest.mark.parametrize("streaming", [False, True], ids=["whole", "stream"])
async def test_an_operator_may_have_them_fetched(everywhere: None, name: str, streaming: bool) -> None:
    async with recording_server(picture()) as host, asking(name, fetch=True) as (router, place):
        request = asked(f"{host.url}/a.png?x=1#frag", f"{host.url}/a.png?x=1#frag")
        if streaming:
            with pytest.raises(RouterError):  # the answer is a whole one
                async with router.stream(request) as stream:
                    await stream.start()
        else:
            await router.complete(request)
    assert len(host.requests) == 1, "once for each URL"
    assert host.requests[0].startswith(b"GET /a.png?x=1 HTTP/1.1\r\n")
    assert f"Host: {host.url.removeprefix('http://')}".encode() in host.requests[0]
    for secret in (b"uthorization", b"ookie", b"key"):
        assert secret not in host.requests[0]
    images = [part["image"] for part in sent(place)[0]["messages"][0]["content"] if "image" in part]
    assert images == [{"format": "png", "source": {"bytes": base64.b64encode(PNG).decode()}}] * 2


async def test_who_takes_urls_gets_them_all_the_same(everywhere: None) -> None:
    async with recording_server(picture()) as host, asking("openai", fetch=True) as (router, place):
        await router.complete(asked(f"{host.url}/a.png"))
    assert host.connections == 0
    assert f"{host.url}/a.png" in str(sent(place))


async def test_one_fetch_serves_every_candidate(everywhere: None) -> None:
    async with recording_server(picture()) as host, asking("bedrock", "nova", fetch=True) as (router, place):
        place.answer = response(500, {"message": "x"})
        with pytest.raises(RouterError) as failed:
            await router.complete(asked(f"{host.url}/a.png"))
    assert len(host.requests) == 1
    assert {attempt.deployment for attempt in failed.value.ledger.attempts} == {"m", "m1"}


BAD = {
    "404": (picture(status=404), "its host answered 404"),
    "a web page": (picture(b"<html>", kind="image/png"), "it is no PNG, JPEG, GIF or WebP image"),
    "an svg": (picture(b"<svg xmlns='x'/>", kind="image/svg+xml"), "it is no PNG"),
    "said to be too large": (
        b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: 999999999\r\n\r\n" + PNG,
        "it is larger than",
    ),
    "compressed": (picture(encoding="gzip"), "it is compressed once more"),
    "nothing": (b"", "its host cannot be reached"),
    "garbage": (b"\x00\x01", "its host cannot be reached"),
}


@pytest.mark.parametrize("case", BAD)
async def test_what_is_no_image_passes_the_candidate_over(everywhere: None, case: str) -> None:
    answer, why = BAD[case]
    async with recording_server(answer) as host, asking("bedrock", "openai", fetch=True) as (router, _):
        result = await router.complete(asked(f"{host.url}/a.png"))
    (drop,) = result.ledger.dropped
    assert (drop.deployment, drop.code, result.provider) == ("m", "images", "openai:gpt-4o")
    assert f"an image by URL could not be fetched: {why}" in drop.reason
    assert host.url not in drop.reason


async def test_an_endless_image_is_not_read_to_its_end(everywhere: None) -> None:
    sizes: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\n\r\n" + PNG)
        try:
            while True:
                writer.write(b"x" * 65536)
                await writer.drain()
                sizes.append(65536)
        except ConnectionError:
            return
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/a.png"
    async with server:
        with pytest.raises(bounds.ImageUnavailableError, match="it is larger than 5000000 bytes"):
            await image_fetch.ImageFetcher().fetch(url)
    assert sum(sizes) < 40_000_000


async def test_an_image_that_does_not_come_costs_no_more_than_the_bound(
    everywhere: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "FETCH_SECONDS", 0.2)

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    silent = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{silent.sockets[0].getsockname()[1]}/a.png"
    async with silent, asking("bedrock", "openai", fetch=True) as (router, _):
        result = await router.complete(asked(url))
    assert (result.provider, result.ledger.dropped[0].reason) == ("openai:gpt-4o", bounds.LATE)


async def test_more_images_than_are_fetched_for_one_request(everywhere: None) -> None:
    async with recording_server(picture()) as host, asking("bedrock", fetch=True) as (router, _):
        with pytest.raises(InvalidRequestError, match="at most 20 images by URL"):
            await router.complete(asked(*(f"{host.url}/{number}.png" for number in range(21))))
    assert host.connections == 0


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


@pytest.mark.parametrize(
    "beginning", [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"GIF89a", b"RIFF\x00\x00\x00\x00WEBP"]
)
async def test_its_bytes_say_what_it_is(everywhere: None, beginning: bytes) -> None:
    async with recording_server(picture(beginning + b"x", kind="application/octet-stream")) as host:
        said = await image_fetch.ImageFetcher().fetch(host.url)
    kinds = {b"\x89": "png", b"\xff": "jpeg", b"G": "gif", b"R": "webp"}
    assert said.startswith(f"data:image/{kinds[beginning[:1]]};base64,")


@pytest.mark.parametrize("model", ["openai-gpt4o", "bedrock-nova"])
async def test_a_guardrail_looks_at_what_everybody_gets(
    everywhere: None, simulator: SimulatorControl, model: str
) -> None:
    simulator.reset()
    guardrail = {"id": "simguard", "version": 1, "region": "us-east-1"}
    mapping = {**ROUTER_STYLE_MAPPING, "settings": {"fetch_images": True}, "guardrail": guardrail}
    async with (
        recording_server() as host,
        assemble(load(Settings(simulator_url=simulator.url), mapping), Settings(simulator_url=simulator.url)) as router,
    ):
        request = replace(asked(f"{host.url}/a.png"), model=model)
        host.answer = picture(PNG + b"a cat")
        await router.complete(request)
        (body,) = bodies(simulator)
        assert base64.b64encode(PNG + b"a cat").decode() in str(body)
        assert host.url not in str(body)
        host.answer = picture(PNG + b"forbidden fruit")
        blocked = await router.complete(request)
        assert blocked.choices[0]["finish_reason"] == "content_filter"
        host.answer = picture(status=404)
        with pytest.raises(InvalidRequestError, match="cannot read"):
            await router.complete(request)
    assert len(host.requests) == 3
    assert len(bodies(simulator)) == 1


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
