"""Images that an operator has fetched: once, bounded in size, time and number, and looked at by the guardrail."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import replace

import pytest

from litellm_fallback_router.adapters import image_fetch
from litellm_fallback_router.bootstrap import assemble, load
from litellm_fallback_router.mapping import ROUTER_STYLE_MAPPING
from litellm_fallback_router.routing.errors import InvalidRequestError, RouterError
from litellm_fallback_router.routing.request import images as bounds
from litellm_fallback_router.settings import Settings
from local.simulator import SimulatorControl
from tests.support.guarded_gateway import asked as bodies
from tests.support.pictures import PNG, asked, asking, picture, sent
from tests.support.raw_server import response
from tests.support.recording_server import recording_server


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
