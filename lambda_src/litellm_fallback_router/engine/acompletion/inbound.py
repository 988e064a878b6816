"""How much of what a provider sends is read through LiteLLM. It reads every body whole, and unpacks one whole: a few
hundred kilobytes may hold gigabytes, and its reading of errors' texts takes minutes of the event loop.

Sources: httpx, "Event Hooks"; RFC 9110, section 8.4, "Content-Encoding".
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator

import httpx

from ..exchange import MOST_BYTES, MOST_ERROR_BYTES
from ..finishing import FinishReader
from .reading_along import current_reader

_ENCODING = "content-encoding"
_PACKED = {"gzip": 31, "x-gzip": 31, "deflate": 47}
"""-> zlib's `wbits` of it; `deflate` comes with either of two heads."""


def bound(client: httpx.AsyncClient) -> None:
    """Whatever that client receives is bounded, and asked for unpacked."""
    client.headers["accept-encoding"] = "identity"
    hooks = client.event_hooks
    if _bounded not in hooks["response"]:
        client.event_hooks = {**hooks, "response": [_bounded, *hooks["response"]]}


async def _bounded(response: httpx.Response) -> None:
    encoding = response.headers.get(_ENCODING, "identity").strip().lower()
    if not isinstance(response.stream, httpx.AsyncByteStream):
        return
    reader = current_reader() if response.is_success else None
    whole = reader if reader is not None and not reader.streamed else None
    response.stream = _Bounded(response.stream, encoding, whole=response.is_success, reader=whole)
    # It comes out of there unpacked.
    response.headers.pop(_ENCODING, None)


class _Bounded(httpx.AsyncByteStream):
    """A body, unpacked, that ends at its bound: an error's simply, an answer's with an error."""

    def __init__(
        self, source: httpx.AsyncByteStream, encoding: str, *, whole: bool, reader: FinishReader | None = None
    ) -> None:
        """`whole`: what is too large is an error; `reader`: it looks through all of it, once it has come."""
        self._source = source
        self._encoding = encoding
        self._whole = whole
        self._reader = reader

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = MOST_BYTES if self._whole else MOST_ERROR_BYTES
        read: list[bytes] = []
        async for part in self._unpacked():
            if self._reader is not None:
                read.append(part)
            yield part[:left]
            left -= len(part)
            if left < 0:
                if self._whole:
                    raise httpx.ReadError("too large")
                return
        if self._reader is not None:
            self._reader.read_body(b"".join(read))

    async def _unpacked(self) -> AsyncIterator[bytes]:
        if self._encoding == "identity":
            async for part in self._source:
                yield part
            return
        if (wbits := _PACKED.get(self._encoding)) is None:
            if self._whole:
                raise httpx.DecodingError("packed in a way that was not asked for")
            return
        unpack = zlib.decompressobj(wbits)
        async for part in self._source:
            rest = part
            while rest:
                try:
                    yield unpack.decompress(rest, MOST_ERROR_BYTES)
                except zlib.error as error:
                    raise httpx.DecodingError("not packed as it says") from error
                rest = unpack.unconsumed_tail
        yield unpack.flush()

    async def aclose(self) -> None:
        await self._source.aclose()
