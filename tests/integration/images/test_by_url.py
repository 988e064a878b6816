"""Images that callers refer to by URL: nothing is fetched for them. Real servers play the providers and the images."""

from __future__ import annotations

import json
from typing import Any

import pytest

from litellm_fallback_router.bootstrap import assemble, load
from litellm_fallback_router.engine.loading import litellm
from litellm_fallback_router.routing.errors import InvalidRequestError, RouterError
from litellm_fallback_router.routing.failures import FailureKind
from litellm_fallback_router.routing.types import ChatRequest
from litellm_fallback_router.settings import Settings
from tests.support.pictures import asked, asking, picture, sent
from tests.support.provider_entries import BEDROCK, PLACES
from tests.support.raw_server import response
from tests.support.recording_server import recording_server


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
