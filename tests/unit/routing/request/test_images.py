"""Images by URL of one request: what they take together is bounded while they come, not once they are there."""

from __future__ import annotations

import asyncio

import pytest

from litellm_fallback_router.routing.request import images
from litellm_fallback_router.routing.request.images import ImageUnavailableError, RequestImages
from litellm_fallback_router.routing.types import Message

HTTPS = frozenset({"https"})
SIZE = 6_000_000


class Large:
    """The `Images` port. Every image is as large as one may be."""

    def __init__(self) -> None:
        self.asked = self.most = self._now = 0

    async def fetch(self, url: str) -> str:
        self.asked += 1
        self._now += 1
        self.most = max(self.most, self._now)
        await asyncio.sleep(0)
        self._now -= 1
        return "x" * SIZE


def showing(count: int) -> list[Message]:
    parts = [{"type": "image_url", "image_url": {"url": f"https://a.example/{number}"}} for number in range(count)]
    return [{"role": "user", "content": parts}]


async def test_no_more_are_fetched_than_may_be_held() -> None:
    large = Large()
    with pytest.raises(ImageUnavailableError, match="larger than 30000000 bytes together"):
        await RequestImages(large).inlined(showing(images.MOST_FETCHED), HTTPS, within=60)
    assert large.most == images.MOST_AT_ONCE
    assert large.asked * SIZE <= images.MOST_FETCHED_BYTES + images.MOST_AT_ONCE * SIZE


async def test_as_many_as_fit_are_put_in() -> None:
    large = Large()
    (message,) = await RequestImages(large).inlined(showing(5), HTTPS, within=60)
    assert {len(part["image_url"]["url"]) for part in message["content"]} == {SIZE}
    assert large.asked == 5
