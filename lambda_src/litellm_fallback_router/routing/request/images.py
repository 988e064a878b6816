"""The images of a request: those named by URL, fetched and put into it as data where that is allowed; those that a
guardrail can look at, and what it cannot read."""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from ..types import Message

MOST_FETCHED = 20
"""Images by URL that are fetched for one request, at most; and `MOST_FETCHED_BYTES` of data URLs in all."""
MOST_FETCHED_BYTES = 30_000_000
MOST_AT_ONCE = 4
"""Fetches of one request, so that it never holds much more than `MOST_FETCHED_BYTES`."""
FETCH_SECONDS = 10.0
"""For all of them. The request's deadline may be shorter."""
LATE = "an image by URL did not come in time"
SCHEMES = frozenset({"https", "http"})


class ImageUnavailableError(Exception):
    """An image that is not there. The text is fit for a caller's eyes, and repeats nothing of the URL."""


class Images(Protocol):
    """Fetches images for callers."""

    async def fetch(self, url: str) -> str:
        """The image as a data URL. Raises ImageUnavailableError."""
        ...


def scheme_of(part: Mapping[str, Any]) -> str | None:
    """`https` or `http` for an image by URL; None for other parts, and for images as data."""
    url = _url_of(part)
    if url is None:
        return None
    # In capitals it is a URL all the same, but LiteLLM takes only this spelling.
    return (
        "https"
        if url.startswith("https://")
        else "http"
        if url[:8].lower().startswith(("http://", "https://"))
        else None
    )


def urls_in(messages: Sequence[Message], schemes: frozenset[str]) -> list[str]:
    """The images' URLs with one of `schemes`, each once."""
    found = {_url_of(part): None for part in _parts(messages) if scheme_of(part) in schemes}
    return [url for url in found if url is not None]


def with_data(messages: Sequence[Message], data: Mapping[str, str]) -> list[Message]:
    """The messages with `data` in the place of the URLs that it has."""
    return [_filled(message, data) for message in messages]


class RequestImages:
    """What was fetched for one request: each URL once, however many candidates want it."""

    def __init__(self, images: Images | None) -> None:
        self._images = images
        self._fetched: dict[str, asyncio.Future[str]] = {}
        self._turns = asyncio.Semaphore(MOST_AT_ONCE)
        self._bytes = 0
        """Of all data URLs that have come."""

    @property
    def may_be_fetched(self) -> bool:
        return self._images is not None

    async def inlined(self, messages: Sequence[Message], schemes: frozenset[str], *, within: float) -> list[Message]:
        """The messages with images of these schemes as data. Raises ImageUnavailableError."""
        urls = urls_in(messages, schemes)
        if not urls:
            return list(messages)
        if len({*urls, *self._fetched}) > MOST_FETCHED:
            raise ImageUnavailableError(f"at most {MOST_FETCHED} images by URL are fetched for one request")
        try:
            async with asyncio.timeout(min(within, FETCH_SECONDS)):
                found = await asyncio.gather(*(asyncio.shield(self._fetch(url)) for url in urls))
        except TimeoutError:
            raise ImageUnavailableError(LATE) from None
        return with_data(messages, dict(zip(urls, found, strict=True)))

    def _fetch(self, url: str) -> asyncio.Future[str]:
        if url not in self._fetched and self._images is not None:
            self._fetched[url] = task = asyncio.ensure_future(self._bounded(self._images, url))
            # The request that waited for it may have ended by then.
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return self._fetched[url]

    async def _bounded(self, images: Images, url: str) -> str:
        try:
            async with asyncio.timeout(FETCH_SECONDS), self._turns:
                self._check_size()
                data = await images.fetch(url)
        except TimeoutError:
            raise ImageUnavailableError(LATE) from None
        self._bytes += len(data)
        self._check_size()
        return data

    def _check_size(self) -> None:
        if self._bytes > MOST_FETCHED_BYTES:
            raise ImageUnavailableError(f"the images by URL are larger than {MOST_FETCHED_BYTES} bytes together")


def _parts(messages: Sequence[Message]) -> Iterator[Mapping[str, Any]]:
    for message in messages:
        content = message.get("content")
        if isinstance(content, list):
            yield from (part for part in content if isinstance(part, Mapping))


def _url_of(part: Mapping[str, Any]) -> str | None:
    if part.get("type") != "image_url":
        return None
    image = part.get("image_url")
    url = image.get("url") if isinstance(image, Mapping) else image
    return url if isinstance(url, str) else None


def _filled(message: Message, data: Mapping[str, str]) -> Message:
    content = message.get("content")
    if not isinstance(content, list):
        return message
    return {**message, "content": [_filled_part(part, data) for part in content]}


def _filled_part(part: Any, data: Mapping[str, str]) -> Any:
    url = _url_of(part) if isinstance(part, Mapping) else None
    if url is None or url not in data:
        return part
    image = part["image_url"]
    return {**part, "image_url": {**image, "url": data[url]} if isinstance(image, Mapping) else data[url]}


MOST_PICTURES = 20
"""In one check, at most; and `LARGEST_PICTURE` bytes each (Amazon Bedrock's user guide, "Block harmful images")."""
LARGEST_PICTURE = 4_000_000
_POINTERS = frozenset({"url", "image_url", "data", "file_data", "file_id"})
"""Fields of a content part whose string is the encoded content, or its address."""
_DATA_URL = re.compile(r"data:image/(?:png|jpe?g);base64,")
_BEGINNINGS: Mapping[Literal["png", "jpeg"], bytes] = {"png": b"\x89PNG\r\n\x1a\n", "jpeg": b"\xff\xd8\xff"}


@dataclass(frozen=True, slots=True)
class Picture:
    """An image of a request in a format that a guardrail takes, decoded."""

    form: Literal["png", "jpeg"]
    content: bytes = field(repr=False)


def shown_in(messages: Sequence[Message]) -> tuple[list[Picture], list[str]]:
    """Every picture that can be checked, and the paths of what cannot: other formats, sound, files, addresses."""
    pictures, unreadable = [], []
    for number, message in enumerate(messages):
        content = message.get("content")
        for part, said in enumerate(content if isinstance(content, list | tuple) else ()):
            path = f"messages[{number}].content[{part}]"
            for text in _pointers(said):
                if (picture := _picture(text)) is not None:
                    pictures.append(picture)
                elif path not in unreadable:
                    unreadable.append(path)
    return pictures, unreadable


def _pointers(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if isinstance(inner, str):
                if key in _POINTERS:
                    yield inner
            else:
                yield from _pointers(inner)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _pointers(item)


def _picture(text: str) -> Picture | None:
    prefix = _DATA_URL.match(text)
    if prefix is None:
        return None
    try:
        content = base64.b64decode(text[prefix.end() :], validate=True)
    except binascii.Error:
        return None
    form = next((form for form, beginning in _BEGINNINGS.items() if content.startswith(beginning)), None)
    return None if form is None or len(content) > LARGEST_PICTURE else Picture(form, content)
