"""An event whose headers are none is no answer of Bedrock's, and no bug of ours: the next one is asked."""

from __future__ import annotations

import binascii
import struct

import pytest

from tests.support.finish_places import parts as parts_of
from tests.support.finish_places import place, router_to, streamed, whole

HEADERS = {
    "an unknown type": b"\x01a\xc8xx",
    "a name that is cut off": b"\x05ab",
    "a number that is cut off": b"\x01a\x05\x00",
    "a text that is cut off": b"\x01a\x07\xff\xff",
    "a text that is no UTF-8": b"\x01a\x07\x00\x02\xff\xfe",
}


def event(headers: bytes) -> bytes:
    """Source: AWS SDK documentation, "Amazon Event Stream Encoding"."""
    prelude = struct.pack(">II", 16 + len(headers) + 2, len(headers))
    message = prelude + struct.pack(">I", binascii.crc32(prelude)) + headers + b"{}"
    return message + struct.pack(">I", binascii.crc32(message))


@pytest.mark.parametrize("headers", HEADERS.values(), ids=HEADERS)
async def test_headers_that_are_none_fall_over(headers: bytes) -> None:
    second = parts_of("vllm", "Paris", "stop")
    async with (
        place(b"", [event(headers), b""]) as one,
        place(whole("vllm", "Paris", "stop"), second) as other,
        router_to("bedrock", one, other) as router,
    ):
        text, reasons, result = await streamed(router)
    assert (text, reasons, len(result.ledger.attempts)) == ("Paris", ["stop"], 2)
